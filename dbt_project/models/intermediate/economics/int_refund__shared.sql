-- Refunds on lines, in the currency of the refund. One of a line stays there; one of all goods gives every line its own
-- gross merchandise; any other is shared like every amount of an order. Units that came back are shared likewise.
with of_orders as (
    select *
    from {{ ref('int_refund__stated') }}
    where order_line_key is null
),

parts as (
    {% for part in ['goods', 'shipping', 'restocked_qty'] %}
    select
        refund_key,
        order_no,
        '{{ part }}' as part,
        {{ to_units(part) }} as amount_units
    from of_orders
    {{ 'where not is_all_goods' if part == 'goods' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

on_orders as (
    select
        parts.*,
        lines.order_line_key,
        lines.line_n,
        lines.weight_units,
        lines.weight_total_units
    from parts
    inner join {{ ref('int_order_line__priced') }} as lines on parts.order_no = lines.order_no
),

shared as (
    {{ allocate('on_orders', ['refund_key', 'part'], ['refund_key', 'order_line_key', 'part']) }}
    union all
    select
        refunds.refund_key,
        lines.order_line_key,
        'goods' as part,
        {{ to_units('lines.gross_merchandise') }} as shared_units
    from of_orders as refunds
    inner join {{ ref('int_order_line__revenue') }} as lines on refunds.order_no = lines.order_no
    where refunds.is_all_goods
),

gathered as (
    select
        {% for part in ['goods', 'shipping', 'restocked_qty'] %}
        {{ from_units("sum(case when part = '" ~ part ~ "' then shared_units else 0 end)") }} as {{ part }},
        {% endfor %}
        refund_key,
        order_line_key
    from shared
    group by refund_key, order_line_key
)

select
    refund_key,
    order_line_key,
    goods,
    shipping,
    cast(restocked_qty as decimal(18, 6)) as restocked_qty
from gathered
where goods <> 0 or shipping <> 0 or restocked_qty <> 0
union all
select
    refund_key,
    order_line_key,
    goods,
    shipping,
    restocked_qty
from {{ ref('int_refund__stated') }}
where order_line_key is not null
