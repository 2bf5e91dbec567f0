-- Refunds on lines in both currencies, with the tax they contain and the goods they bring back into stock. The tax is
-- returned in step with the money: what has come back so far, as a share of what the line asked for. Those of orders
-- that were cancelled afterwards are among them; only fct_cancellation goes on to use them.
with refunds as (
    select
        shared.order_line_key,
        shared.goods,
        shared.shipping,
        shared.restocked_qty,
        stated.refund_key,
        stated.order_no,
        stated.refunded_on,
        stated.known_at,
        stated.refund_precision,
        stated.kind,
        stated.refund_currency,
        orders.ordered_on,
        orders.is_void,
        orders.currency,
        orders.reporting_currency,
        orders.reporting_rate,
        lines.tax_contained,
        lines.unit_cost,
        lines.cost_order_rate,
        lines.cost_reporting_rate,
        greatest(lines.gross_merchandise + lines.shipping_charged, 0) as asked
    from {{ ref('int_refund__shared') }} as shared
    inner join {{ ref('int_refund__stated') }} as stated on shared.refund_key = stated.refund_key
    inner join {{ ref('int_order_line__revenue') }} as lines on shared.order_line_key = lines.order_line_key
    inner join {{ ref('int_order__rated') }} as orders on stated.order_no = orders.order_no
),

converted as (
    select
        refunds.*,
        {{ convert_money('goods', rate_between('refund_currency', 'refunds.currency', 'to_order.rate')) }}
            as refunded_goods,
        {{ convert_money('shipping', rate_between('refund_currency', 'refunds.currency', 'to_order.rate')) }}
            as refunded_shipping,
        {{ convert_money('goods', rate_between('refund_currency', 'reporting_currency', 'to_reporting.rate')) }}
            as refunded_goods_reporting,
        {{ convert_money('shipping', rate_between('refund_currency', 'reporting_currency', 'to_reporting.rate')) }}
            as refunded_shipping_reporting
    from refunds
    {{ join_rates('refunds', 'refund_currency') }}
),

running as (
    select
        *,
        cast(
            sum(refunded_goods + refunded_shipping) over (
                partition by order_line_key order by refunded_on, refund_key
                rows between unbounded preceding and current row
            ) as decimal(18, 4)
        ) as refunded_so_far
    from converted
),

taxed as (
    select
        *,
        {{ tax_returned_by('refunded_so_far') }}
        - {{ tax_returned_by('(refunded_so_far - refunded_goods - refunded_shipping)') }} as tax_returned
    from running
)

select
    refund_key,
    order_line_key,
    order_no,
    is_void,
    refunded_on,
    known_at,
    refund_precision,
    {% for suffix, rate in {'': 'cost_order_rate', '_reporting': 'cost_reporting_rate'}.items() %}
    refunded_goods{{ suffix }},
    refunded_shipping{{ suffix }},
    case
        when restocked_qty = 0 then 0
        else {{ convert_money('cast(restocked_qty * unit_cost as decimal(18, 4))', rate) }}
    end as cogs_returned{{ suffix }},
    {% endfor %}
    cast(tax_returned as decimal(18, 4)) as tax_returned,
    {{ convert_money('tax_returned', 'reporting_rate') }} as tax_returned_reporting,
    kind
from taxed
