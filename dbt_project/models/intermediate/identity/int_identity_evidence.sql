-- Evidence of who is whom: an account, or a source's statement, and a value it carries. Only values that the door keyed
-- are here, so masked, virtual and blocked ones link nobody. Of events, the logins of accounts that a record or an
-- order speaks of. One row per account or statement, value and evidence.
with records as (
    {% for id_type in ['email', 'phone', 'member_no'] %}
    select
        account_key,
        '{{ id_type }}' as id_type,
        {{ id_type }}_key as value_key,
        source_system,
        coalesce(created_at, known_at) as first_seen_at,
        coalesce(created_at, known_at) as last_seen_at,
        1 as observation_n,
        'account' as evidence
    from {{ ref('int_source_customer__unioned') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

orders as (
    {% for id_type in ['email', 'phone'] %}
    select
        account_key,
        '{{ id_type }}' as id_type,
        buyer_{{ id_type }}_key as value_key,
        source_system,
        ordered_at as first_seen_at,
        ordered_at as last_seen_at,
        1 as observation_n,
        'order' as evidence
    from {{ ref('int_order__unioned') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

statements as (
    {% for side in ['a', 'b'] %}
    select
        link_key as account_key,
        id_type_{{ side }} as id_type,
        id_value_{{ side }}_key as value_key,
        source_system,
        seen_at as first_seen_at,
        seen_at as last_seen_at,
        1 as observation_n,
        evidence
    from {{ ref('int_identity_link__unioned') }}
    where id_value_a_key is not null and id_value_b_key is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

spoken_of as (
    select distinct
        id_type,
        value_key
    from statements
),

holders as (
    select
        account_key,
        source_system,
        source_customer_id_key,
        coalesce(created_at, known_at) as seen_at
    from {{ ref('int_source_customer__unioned') }}
    union all
    select
        account_key,
        source_system,
        source_customer_id_key,
        first_seen_at as seen_at
    from {{ ref('int_order_account') }}
),

native as (
    select
        accounts.account_key,
        accounts.source_system || ':account' as id_type,
        accounts.source_customer_id_key as value_key,
        accounts.source_system,
        accounts.seen_at as first_seen_at,
        accounts.seen_at as last_seen_at,
        1 as observation_n,
        'account' as evidence
    from holders as accounts
    inner join spoken_of
        on
            accounts.source_customer_id_key = spoken_of.value_key
            and accounts.source_system || ':account' = spoken_of.id_type
),

logins as (
    select
        seen.account_key,
        seen.id_type,
        seen.value_key,
        seen.source_system,
        seen.first_seen_at,
        seen.last_seen_at,
        seen.observation_n,
        'event' as evidence
    from {{ ref('int_event_login') }} as seen
    inner join {{ ref('int_accounts') }} as accounts on seen.account_key = accounts.account_key
),

evidence as (
    select * from records
    union all
    select * from orders
    union all
    select * from statements
    union all
    select * from native
    union all
    select * from logins
)

select
    evidence.account_key,
    evidence.id_type,
    evidence.value_key,
    evidence.source_system,
    min(evidence.first_seen_at) as first_seen_at,
    max(evidence.last_seen_at) as last_seen_at,
    cast(sum(evidence.observation_n) as bigint) as observation_n,
    evidence.evidence,
    kinds.is_linking and coalesce(types.is_linking, false) as is_linking
from evidence
inner join {{ ref('identity_evidence_kinds') }} as kinds on evidence.evidence = kinds.evidence
left join {{ ref('identity_id_types') }} as types
    on regexp_extract(evidence.id_type, '[^:]*$', 0) = types.id_type
where evidence.value_key is not null
group by
    evidence.account_key, evidence.id_type, evidence.value_key, evidence.source_system, evidence.evidence,
    kinds.is_linking, types.is_linking
