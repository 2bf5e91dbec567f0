-- What accounts state of a receiver in one breath: a telephone, or what a mask shows of it, name and city. One row per
-- distinct statement. Masks are hints for the review of possible links and no evidence (see int_identity_evidence).
{{ config(materialized='view') }}

with stated as (
    select
        account_key,
        phone_key,
        phone_mask_key,
        name_key,
        name_mask_key,
        city
    from {{ ref('int_source_customer__unioned') }}
    union all
    select
        account_key,
        buyer_phone_key as phone_key,
        buyer_phone_mask_key as phone_mask_key,
        buyer_name_key as name_key,
        buyer_name_mask_key as name_mask_key,
        city
    from {{ ref('int_order__unioned') }}
)

select distinct
    account_key,
    phone_key,
    phone_mask_key,
    name_key,
    name_mask_key,
    city
from stated
where coalesce(phone_key, phone_mask_key, city) is not null
