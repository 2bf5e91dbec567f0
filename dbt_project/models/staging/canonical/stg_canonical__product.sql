-- Products by stock keeping unit.
with latest as ({{ latest_records('canonical__product') }})

select
    source_system,
    sku,
    product_id,
    title,
    category_l1,
    category_l2,
    category_l3,
    brand,
    is_consumable,
    typical_cycle_days,
    first_sale_at,
    known_at
from latest
