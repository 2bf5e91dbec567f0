-- Accounts as a source states them in the canonical form.
with latest as ({{ latest_records('canonical__source_customer') }})

select
    {{
        account_key(
            'source_system', ['source_customer_id_key', 'email_key', 'phone_key'], "'record/' || record_hash"
        )
    }} as account_key,
    source_system,
    source_customer_id_key,
    source_customer_id_status,
    created_at,
    email_key,
    email_status,
    phone_key,
    phone_status,
    phone_mask_key,
    member_no_key,
    member_no_status,
    name_key,
    name_mask_key,
    given_name_key,
    family_name_key,
    birth_year,
    gender,
    city,
    region,
    country,
    buyer_key_kind,
    acquisition_channel,
    acquisition_campaign,
    is_employee,
    is_test,
    known_at
from latest
