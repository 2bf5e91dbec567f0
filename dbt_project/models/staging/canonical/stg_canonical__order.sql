-- Orders in the canonical form.
with latest as ({{ latest_records('canonical__order', with_first_known=true) }})

select
    {{ source_key('source_system', 'order_id') }} as order_key,
    {{
        account_key(
            'source_system', ['source_customer_id_key', 'buyer_email_key', 'buyer_phone_key'], "'order/' || order_id"
        )
    }} as account_key,
    source_system,
    order_id,
    order_no,
    channel,
    store_id,
    source_customer_id_key,
    source_customer_id_status,
    buyer_email_key,
    buyer_email_status,
    buyer_phone_key,
    buyer_phone_status,
    buyer_phone_mask_key,
    buyer_name_key,
    buyer_name_mask_key,
    ordered_at,
    ordered_on,
    paid_at,
    paid_on,
    cancelled_at,
    cancelled_on,
    status,
    currency,
    shipping_charged,
    tax_total,
    order_discount,
    platform_subsidy,
    refunded_total,
    payment_method,
    attributed_campaign_id,
    landing_source,
    device,
    city,
    region,
    is_gift,
    is_b2b,
    first_known_at,
    known_at
from latest
