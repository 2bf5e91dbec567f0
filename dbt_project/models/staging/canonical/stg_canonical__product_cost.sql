-- Unit costs with the day from which they hold.
with latest as ({{ latest_records('canonical__product_cost') }})

select
    source_system,
    sku,
    valid_from,
    valid_to,
    unit_cost,
    freight_in,
    packaging,
    currency,
    known_at
from latest
