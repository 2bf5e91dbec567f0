-- Costs of months that belong to no single order.
with latest as ({{ latest_records('canonical__period_cost') }})

select
    source_system,
    month,
    category,
    amount,
    currency,
    allocation_rule,
    known_at
from latest
