-- People, unified over all channels.
select
    described.customer_id,
    described.account_n,
    described.is_identified,
    described.buyer_key_kind,
    described.is_employee,
    described.is_test,
    described.first_seen_at,
    described.acquisition_channel,
    described.acquisition_campaign,
    described.city,
    described.region,
    described.country,
    described.birth_year,
    together.household_id,
    together.ring_id,
    coalesce(reachable.has_email, false) as has_email,
    coalesce(reachable.has_phone, false) as has_phone,
    consented.is_email_consented,
    consented.is_sms_consented
from {{ ref('int_customer__described') }} as described
left join {{ ref('int_customer__reachable') }} as reachable on described.customer_id = reachable.customer_id
left join {{ source('identity', 'identity_group') }} as together on described.customer_id = together.customer_id
left join {{ ref('int_customer__consented') }} as consented on described.customer_id = consented.customer_id
