-- Exchange rates by day.
with latest as ({{ latest_records('canonical__fx_rate') }})

select
    source_system,
    {{ quoted('on') }} as rated_on,
    from_currency,
    to_currency,
    rate,
    known_at
from latest
