-- Refunds of which an export states only a total, for orders that no feed covers: the total of a line, else of the
-- order, which gives back goods first and then shipping. Dated to the day of the order.
{{ config(materialized='view') }}

with dated as (
    select distinct order_key from {{ ref('int_refund__dated') }}
),

line_totals as (
    select
        lines.order_key,
        lines.order_line_key,
        lines.ordered_on,
        lines.currency,
        lines.refunded_total
    from {{ ref('int_order_line__priced') }} as lines
    left join dated on lines.order_key = dated.order_key
    where lines.refunded_total <> 0 and not lines.is_void and dated.order_key is null
),

covered as (
    select order_key from dated
    union distinct
    select order_key from line_totals
),

order_totals as (
    select
        orders.order_key,
        orders.ordered_on,
        orders.currency,
        orders.refunded_total,
        sums.gross_merchandise,
        sums.shipping_charged
    from {{ ref('int_order__unioned') }} as orders
    inner join {{ ref('int_order__revenue') }} as sums on orders.order_key = sums.order_key
    left join covered on orders.order_key = covered.order_key
    where orders.refunded_total <> 0 and orders.status = 'paid' and covered.order_key is null
)

select
    order_line_key || '/refund' as refund_key,
    order_key,
    order_line_key,
    ordered_on as refunded_on,
    currency as refund_currency,
    refunded_total as goods,
    cast(0 as decimal(18, 4)) as shipping
from line_totals
union all
select
    order_key || '/refund' as refund_key,
    order_key,
    cast(null as varchar) as order_line_key,
    ordered_on as refunded_on,
    currency as refund_currency,
    cast(
        least(refunded_total, gross_merchandise)
        + greatest(refunded_total - gross_merchandise - shipping_charged, 0) as decimal(18, 4)
    ) as goods,
    cast(least(greatest(refunded_total - gross_merchandise, 0), shipping_charged) as decimal(18, 4)) as shipping
from order_totals
