-- List prices with the day from which they hold.
with latest as ({{ latest_records('canonical__price_list') }})

select
    source_system,
    sku,
    channel,
    store,
    valid_from,
    valid_to,
    list_price,
    currency,
    public_offer,
    known_at
from latest
