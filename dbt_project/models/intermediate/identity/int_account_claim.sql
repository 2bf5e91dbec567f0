-- What accounts say of the people they belong to: one row per account, field and value. Addresses, numbers and names
-- are the keys of the door. A value is verified where the same session or card proved it to be the person's.
with verified as (
    select distinct
        evidence.id_type,
        evidence.value_key
    from {{ ref('int_identity_evidence') }} as evidence
    inner join {{ ref('identity_evidence_kinds') }} as kinds on evidence.evidence = kinds.evidence
    where kinds.is_verifying
),

described as (
    {% for name in ['city', 'region', 'country', 'birth_year'] %}
    select
        account_key,
        '{{ name }}' as field,
        cast({{ name }} as varchar) as value,
        source_system,
        false as is_verified,
        stated_at as observed_at
    from {{ ref('int_accounts') }}
    where {{ name }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

contacts as (
    select
        evidence.account_key,
        evidence.id_type as field,
        evidence.value_key as value,
        evidence.source_system,
        bool_or(verified.value_key is not null) as is_verified,
        max(evidence.last_seen_at) as observed_at
    from {{ ref('int_identity_evidence') }} as evidence
    left join verified on evidence.id_type = verified.id_type and evidence.value_key = verified.value_key
    where evidence.id_type in ('email', 'phone') and evidence.evidence in ('account', 'order')
    group by evidence.account_key, evidence.id_type, evidence.value_key, evidence.source_system
),

named as (
    select
        names.account_key,
        'name' as field,
        coalesce(names.name_key, coalesce(names.given_name_key, '') || ' ' || names.family_name_key) as value,
        accounts.source_system,
        false as is_verified,
        coalesce(accounts.stated_at, accounts.first_seen_at) as observed_at
    from {{ ref('int_account_name') }} as names
    inner join {{ ref('int_accounts') }} as accounts on names.account_key = accounts.account_key
)

select * from described
union all
select * from contacts
union all
select * from named
