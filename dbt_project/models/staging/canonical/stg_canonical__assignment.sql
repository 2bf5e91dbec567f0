-- Arms of experiments that accounts were drawn into; they may speak of another source's account.
with latest as ({{ latest_records('canonical__assignment') }}),

keyed as (
    select
        *,
        {{
            account_key(owner_of('account_source'), ['source_customer_id_key'], "'record/' || record_hash")
        }} as account_key
    from latest
)

select
    {{ source_key('source_system', "experiment_id || '/' || account_key") }} as assignment_key,
    account_key,
    source_system,
    experiment_id,
    campaign_id,
    arm,
    assigned_at,
    stratum,
    salt,
    known_at
from keyed
