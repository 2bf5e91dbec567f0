-- What the accounts of a person say of them. Acquisition is told by the earliest account that tells it (ties: the
-- smaller account key), the rest by the account that the golden record believes.

with accounts as (
    select
        accounts.*,
        people.customer_id,
        row_number() over (
            partition by people.customer_id order by accounts.first_seen_at, accounts.account_key
        ) as seniority,
        case accounts.buyer_key_kind when 'real' then 1 when 'hashed' then 2 when 'masked' then 3 else 4 end
            as kind_rank
    from {{ ref('int_accounts') }} as accounts
    inner join {{ ref('int_account__assigned') }} as people on accounts.account_key = people.account_key
),

told as (
    select
        *,
        min(case when acquisition_channel is not null then seniority end) over (partition by customer_id)
            as first_told
    from accounts
),

described as (
    select
        customer_id,
        count(*) as account_n,
        min(kind_rank) <= 2 as is_identified,
        min_by(buyer_key_kind, kind_rank) as buyer_key_kind,
        bool_or(is_employee) as is_employee,
        bool_or(is_test) as is_test,
        min(first_seen_at) as first_seen_at,
        max(case when seniority = first_told then acquisition_channel end) as acquisition_channel,
        max(case when seniority = first_told then acquisition_campaign end) as acquisition_campaign
    from told
    group by customer_id
),

golden as (
    select
        customer_id,
        {% for name in ['city', 'region', 'country'] %}
        max(value) filter (where field = '{{ name }}') as {{ name }},
        {% endfor %}
        cast(max(value) filter (where field = 'birth_year') as bigint) as birth_year
    from {{ source('identity', 'customer_field_provenance') }}
    group by customer_id
)

select
    described.*,
    golden.city,
    golden.region,
    golden.country,
    golden.birth_year
from described
left join golden on described.customer_id = golden.customer_id
