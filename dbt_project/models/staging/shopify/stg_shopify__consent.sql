-- Marketing consent as the customers exports show it: the state on the day of an export. The first export that shows a
-- customer does not say when that was decided; a later one that shows another state dates the change.
with latest as ({{ latest_records('shopify__customers') }}),

exported as (
    select
        source_system,
        record_key,
        record_hash,
        known_at,
        coalesce(accepts_email_marketing, accepts_marketing) as accepts_email,
        accepts_sms_marketing as accepts_sms
    from {{ source('raw', 'shopify__customers') }}
    where op <> 'delete' and {{ is_known() }}
),

shown as (
    {% for contact_channel in ['email', 'sms'] %}
    select
        source_system,
        record_key,
        known_at,
        '{{ contact_channel }}' as contact_channel,
        max_by(accepts_{{ contact_channel }}, record_hash) as is_accepted
    from exported
    where accepts_{{ contact_channel }} is not null
    group by source_system, record_key, known_at
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

followed as (
    select
        *,
        lag(is_accepted) over (
            partition by source_system, record_key, contact_channel order by known_at
        ) as was_accepted
    from shown
)

select
    {{
        account_key(
            'latest.source_system', ['customer_id_key', 'email_key', 'phone_key', 'address_phone_key'],
            "'record/' || latest.record_hash"
        )
    }} as account_key,
    latest.source_system,
    'marketing' as purpose,
    followed.contact_channel as channel,
    case when followed.is_accepted then 'granted' else 'denied' end as status,
    followed.known_at as decided_at,
    followed.was_accepted is null as is_observed,
    {{ not_exported('consent', ['proof']) }},
    followed.known_at
from followed
inner join latest on followed.source_system = latest.source_system and followed.record_key = latest.record_key
where followed.was_accepted is distinct from followed.is_accepted
