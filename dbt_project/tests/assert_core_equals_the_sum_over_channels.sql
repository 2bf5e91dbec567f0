-- Truth: core holds the lines of every known order once: as many as the channels state, worth as much before the order's
-- discount, source by source.
-- Usual cause: a join that multiplies (two rates for a day, two costs for a day, an account assigned to two people) or
-- drops (an account without a person, a channel without a cost rule).
-- Where to look: the joins of fct_order_line_economics, and the tests of uniqueness on what they join.
{{ config(meta={'dagster': {'ref': {'name': 'fct_order_line_economics'}}}) }}

with stated as (
    select
        lines.source_system,
        count(*) as line_n,
        sum(lines.line_amount) as amount
    from {{ ref('int_order_line__unioned') }} as lines
    inner join {{ ref('int_order__unioned') }} as orders on lines.order_key = orders.order_key
    group by lines.source_system
),

discounts as (
    select
        orders.source_system,
        sum(orders.order_discount) as amount
    from {{ ref('int_order__unioned') }} as orders
    inner join (select distinct order_key from {{ ref('int_order_line__unioned') }}) as itemised
        on orders.order_key = itemised.order_key
    group by orders.source_system
),

booked as (
    select
        source_system,
        count(*) as line_n,
        sum(gross_merchandise) as amount
    from {{ ref('fct_order_line_economics') }}
    group by source_system
)

select
    coalesce(stated.source_system, booked.source_system) as source_system,
    stated.line_n as stated_line_n,
    booked.line_n as booked_line_n,
    stated.amount - coalesce(discounts.amount, 0) as stated_amount,
    booked.amount as booked_amount
from stated
full outer join booked on stated.source_system = booked.source_system
left join discounts on stated.source_system = discounts.source_system
where
    stated.line_n is distinct from booked.line_n
    or stated.amount - coalesce(discounts.amount, 0) is distinct from booked.amount
