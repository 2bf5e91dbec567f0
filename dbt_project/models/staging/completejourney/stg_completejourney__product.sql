-- Products of the grocer: department, category and type are the three levels.
with latest as ({{ latest_records('completejourney__products') }})

select
    source_system,
    product_id as sku,
    product_type as title,
    department as category_l1,
    product_category as category_l2,
    product_type as category_l3,
    brand,
    {{
        not_exported('product', ['product_id', 'is_consumable', 'typical_cycle_days', 'first_sale_at'])
    }},
    known_at
from latest
