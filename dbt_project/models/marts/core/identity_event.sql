-- What happened to a customer id, and by which rule.
select
    event_id,
    run_n,
    recorded_at,
    kind,
    from_id,
    to_id,
    n_accounts,
    cause_rule,
    evidence_ref
from {{ source('identity', 'identity_event') }}
