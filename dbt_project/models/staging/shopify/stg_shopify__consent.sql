-- Marketing consent as the customers export shows it: the state on the day of the export, which is all it says.
with latest as ({{ latest_records('shopify__customers') }}),

asked as (
    select
        *,
        'email' as contact_channel,
        coalesce(accepts_email_marketing, accepts_marketing) as is_accepted
    from latest
    union all
    select
        *,
        'sms' as contact_channel,
        accepts_sms_marketing as is_accepted
    from latest
)

select
    {{
        account_key(
            'source_system', ['customer_id_key', 'email_key', 'phone_key', 'address_phone_key'],
            "'record/' || record_hash"
        )
    }} as account_key,
    source_system,
    'marketing' as purpose,
    contact_channel as channel,
    case when is_accepted then 'granted' else 'denied' end as status,
    known_at as decided_at,
    {{ not_exported('consent', ['proof']) }},
    known_at
from asked
where is_accepted is not null
