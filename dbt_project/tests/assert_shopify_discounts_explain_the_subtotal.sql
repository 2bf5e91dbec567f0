-- Truth: what the lines of an order add up to beyond its Subtotal is its Discount Amount, or what of it is not in the
-- lines' own discounts already. The warehouse keeps Subtotal either way; this says where the columns disagree.
-- Usual cause: an order edited after it was placed, or a discount on shipping.
-- Where to look: the order in the shop; stg_shopify__order for how the discount is derived.
{{ config(meta={'dagster': {'ref': {'name': 'int_order__unioned'}}}, severity='warn') }}

with heads as (
    select
        source_system,
        record_key,
        max(subtotal) as subtotal,
        max(coalesce(discount_amount, 0)) as discount_amount,
        sum({{ shopify_line_amount() }}) as line_total,
        sum(coalesce(lineitem_discount, 0)) as line_discounts
    from ({{ latest_records('shopify__orders') }}) as latest
    group by source_system, record_key
)

select
    source_system,
    record_key
from heads
where
    line_total - subtotal <> discount_amount
    and line_total - subtotal <> 0
    and line_total - subtotal <> discount_amount - line_discounts
