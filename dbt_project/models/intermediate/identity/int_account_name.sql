-- Names of accounts: the one in its own record, and the one most often given with its orders (ties: the smaller key),
-- so that presents sent to others do not give an account their names.
with records as (
    select distinct
        account_key,
        name_key,
        given_name_key,
        family_name_key
    from {{ ref('int_source_customer__unioned') }}
    where coalesce(name_key, family_name_key) is not null
),

given as (
    select
        account_key,
        buyer_name_key as name_key,
        count(*) as order_n
    from {{ ref('int_order__unioned') }}
    where
        buyer_name_key is not null
        and coalesce(source_customer_id_key, buyer_email_key, buyer_phone_key) is not null
    group by account_key, buyer_name_key
),

ranked as (
    select
        *,
        row_number() over (partition by account_key order by order_n desc, name_key asc) as place
    from given
)

select
    account_key,
    name_key,
    given_name_key,
    family_name_key
from records
union
select
    account_key,
    name_key,
    cast(null as varchar) as given_name_key,
    cast(null as varchar) as family_name_key
from ranked
where place = 1
