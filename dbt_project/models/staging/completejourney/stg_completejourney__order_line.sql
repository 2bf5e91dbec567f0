-- Products in baskets. sales_value is what the retailer receives; shelf price = sales_value + retail_disc +
-- coupon_match_disc; the manufacturer pays coupon_disc to the retailer instead of the buyer (docs/decisions.md).
with latest as ({{ latest_records('completejourney__transactions') }})

select
    {{ source_key('source_system', "basket_id || '/' || product_id") }} as order_line_key,
    {{ source_key('source_system', 'basket_id') }} as order_key,
    source_system,
    product_id as order_line_id,
    product_id as sku,
    quantity as qty,
    sales_value as line_amount,
    cast(sales_value + retail_disc + coupon_match_disc as decimal(18, 4)) as list_value,
    coupon_match_disc as line_discount,
    coupon_disc as platform_subsidy,
    {{ not_exported('order_line', ['list_price', 'unit_price', 'tax', 'refunded_total']) }},
    known_at
from latest
