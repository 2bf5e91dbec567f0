-- Households: every one that bought, with what little the demographics say of some.
with transactions as ({{ latest_records('completejourney__transactions') }}),

households as (
    select
        source_system,
        household_id_key,
        min(household_id_status) as household_id_status,
        min(known_at) as known_at
    from transactions
    where household_id_key is not null
    group by source_system, household_id_key
)

select
    {{ source_key('source_system', 'household_id_key') }} as account_key,
    source_system,
    household_id_key as source_customer_id_key,
    household_id_status as source_customer_id_status,
    'real' as buyer_key_kind,
    {{
        not_exported('source_customer', [
            'created_at', 'email_key', 'email_status', 'phone_key', 'phone_status', 'phone_mask_key', 'member_no_key',
            'member_no_status', 'name_key', 'name_mask_key', 'given_name_key', 'family_name_key', 'birth_year',
            'gender', 'city', 'region', 'country', 'acquisition_channel', 'acquisition_campaign', 'is_employee',
            'is_test'
        ])
    }},
    known_at
from households
