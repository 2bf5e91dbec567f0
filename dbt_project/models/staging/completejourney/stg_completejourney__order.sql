-- Baskets: all lines of a basket share the household, the store and the moment.
with latest as ({{ latest_records('completejourney__transactions', with_first_known=true) }}),

baskets as (
    select
        source_system,
        basket_id,
        min(channel) as channel,
        min(store_id) as store_id,
        min(household_id_key) as source_customer_id_key,
        min(household_id_status) as source_customer_id_status,
        min(transacted_at) as ordered_at,
        min(transacted_on) as ordered_on,
        min(source_currency) as currency,
        max(first_known_at) as first_known_at,
        max(known_at) as known_at
    from latest
    group by source_system, basket_id
)

select
    {{ source_key('source_system', 'basket_id') }} as order_key,
    {{ account_key('source_system', ['source_customer_id_key'], "'order/' || basket_id") }} as account_key,
    source_system,
    basket_id as order_id,
    basket_id as order_no,
    channel,
    store_id,
    source_customer_id_key,
    source_customer_id_status,
    ordered_at,
    ordered_on,
    ordered_at as paid_at,
    ordered_on as paid_on,
    'paid' as status,
    currency,
    {{
        not_exported('order', [
            'buyer_email_key', 'buyer_email_status', 'buyer_phone_key', 'buyer_phone_status', 'buyer_phone_mask_key',
            'buyer_name_key', 'buyer_name_mask_key', 'cancelled_at', 'cancelled_on', 'shipping_charged', 'tax_total',
            'order_discount', 'platform_subsidy', 'refunded_total', 'payment_method', 'attributed_campaign_id', 'landing_source',
            'device', 'city', 'region', 'is_gift', 'is_b2b'
        ])
    }},
    first_known_at,
    known_at
from baskets
