-- Card fees of the till: what is missing between collected and net, zero for cash; a refund may bring some back.
with latest as ({{ latest_records('square__transactions') }})

select
    {{ source_key('source_system', 'record_key') }} as settlement_key,
    {{ source_key('source_system', 'transaction_id') }} as order_key,
    source_system,
    transacted_at as posted_at,
    'payment_fee' as type,
    cast(coalesce(net_total - total_collected, -abs(fees)) as decimal(18, 4)) as amount,
    source_currency as currency,
    {{ not_exported('settlement_line', ['order_line_key', 'raw_description']) }},
    known_at
from latest
where fees is not null
