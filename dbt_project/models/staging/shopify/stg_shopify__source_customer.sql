-- Customers of the shop. Older exports have no id; they are then known by e-mail, else by telephone.
with latest as ({{ latest_records('shopify__customers') }})

select
    {{
        account_key(
            'source_system', ['customer_id_key', 'email_key', 'phone_key', 'address_phone_key'],
            "'record/' || record_hash"
        )
    }} as account_key,
    source_system,
    customer_id_key as source_customer_id_key,
    customer_id_status as source_customer_id_status,
    email_key,
    email_status,
    coalesce(phone_key, address_phone_key) as phone_key,
    case when phone_key is null and address_phone_key is not null then address_phone_status else phone_status end
        as phone_status,
    first_name_key as given_name_key,
    last_name_key as family_name_key,
    city,
    coalesce(province_code, province) as region,
    coalesce(country_code, country) as country,
    case
        when coalesce(customer_id_key, email_key, phone_key, address_phone_key) is not null then 'real'
        when 'masked' in (email_status, phone_status) then 'masked'
        else 'synthetic'
    end as buyer_key_kind,
    {{ has_tag('tags', 'employee') }} or {{ has_tag('tags', 'staff') }} as is_employee,
    {{ has_tag('tags', 'test') }} as is_test,
    {{
        not_exported('source_customer', [
            'created_at', 'phone_mask_key', 'member_no_key', 'member_no_status', 'name_key', 'name_mask_key',
            'birth_year', 'gender', 'acquisition_channel', 'acquisition_campaign'
        ])
    }},
    known_at
from latest
