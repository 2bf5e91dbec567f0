-- Every account: those that sources keep a record of, and those that only orders speak of. One row per account_key.
with records as (
    select * from {{ ref('int_source_customer__unioned') }}
),

orders as (
    select * from {{ ref('int_order_account') }}
)

select
    coalesce(records.account_key, orders.account_key) as account_key,
    coalesce(records.source_system, orders.source_system) as source_system,
    coalesce(
        records.buyer_key_kind,
        case when orders.has_key then 'real' when orders.is_masked then 'masked' else 'synthetic' end
    ) as buyer_key_kind,
    coalesce(
        least(coalesce(records.created_at, orders.first_seen_at), coalesce(orders.first_seen_at, records.created_at)),
        records.known_at
    ) as first_seen_at,
    records.acquisition_channel,
    records.acquisition_campaign,
    records.city,
    records.region,
    records.country,
    records.birth_year,
    coalesce(records.is_employee, false) as is_employee,
    coalesce(records.is_test, false) as is_test,
    records.known_at as stated_at
from records
full outer join orders on records.account_key = orders.account_key
