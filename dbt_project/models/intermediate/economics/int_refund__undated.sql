-- Refunds of which an export states only a total, for orders that no feed covers: the total of a line, else of the
-- order, which gives back goods first and then shipping. Dated to the day of the order.
{{ config(materialized='view') }}

with dated as (
    select distinct order_no from {{ ref('int_refund__dated') }}
),

line_totals as (
    select
        orders.order_no,
        lines.order_line_key,
        orders.ordered_on,
        orders.known_at,
        orders.currency,
        lines.refunded_total
    from {{ ref('int_order_line__priced') }} as lines
    inner join {{ ref('int_order__rated') }} as orders on lines.order_no = orders.order_no
    left join dated on lines.order_no = dated.order_no
    where lines.refunded_total <> 0 and not orders.is_void and dated.order_no is null
),

covered as (
    select order_no from dated
    union distinct
    select order_no from line_totals
),

order_totals as (
    select
        orders.order_no,
        orders.order_key,
        orders.ordered_on,
        orders.known_at,
        orders.currency,
        stated.refunded_total,
        sums.gross_merchandise,
        sums.shipping_charged
    from {{ ref('int_order__unioned') }} as stated
    inner join {{ ref('int_order__rated') }} as orders on stated.order_key = orders.order_key
    inner join {{ ref('int_order__revenue') }} as sums on orders.order_no = sums.order_no
    left join covered on orders.order_no = covered.order_no
    where stated.refunded_total <> 0 and not orders.is_void and covered.order_no is null
)

select
    order_no,
    order_line_key || '/refund' as refund_key,
    order_line_key,
    ordered_on as refunded_on,
    known_at,
    currency as refund_currency,
    refunded_total as goods,
    cast(0 as decimal(18, 4)) as shipping
from line_totals
union all
select
    order_no,
    order_key || '/refund' as refund_key,
    cast(null as varchar) as order_line_key,
    ordered_on as refunded_on,
    known_at,
    currency as refund_currency,
    cast(
        least(refunded_total, gross_merchandise)
        + greatest(refunded_total - gross_merchandise - shipping_charged, 0) as decimal(18, 4)
    ) as goods,
    cast(least(greatest(refunded_total - gross_merchandise, 0), shipping_charged) as decimal(18, 4)) as shipping
from order_totals
