-- Sales at the till: the payments of one transaction. Tax is on top of net sales and tips are the staff's, so neither
-- is revenue; a gift card sold is a debt, not a sale. Service charges are charged beside the goods, as shipping is.
with latest as ({{ latest_records('square__transactions', with_first_known=true) }}),

sales as (
    select
        source_system,
        transaction_id as order_id,
        min(channel) as channel,
        min(coalesce(location, source_store_id)) as store_id,
        min(customer_id_key) as source_customer_id_key,
        min(customer_id_status) as source_customer_id_status,
        min(customer_name_key) as buyer_name_key,
        min(transacted_at) as ordered_at,
        min(transacted_on) as ordered_on,
        min(transaction_status) as transaction_status,
        min(source_currency) as currency,
        cast(sum(coalesce(service_charges, 0)) as decimal(18, 4)) as shipping_charged,
        min(case when cash > 0 then 'cash' when card > 0 then 'card' else lower(other_tender_type) end)
            as payment_method,
        max(first_known_at) as first_known_at,
        max(known_at) as known_at
    from latest
    where {{ square_is_sale() }}
    group by source_system, transaction_id
),

statuses as (
    select
        source_status,
        status
    from {{ ref('order_statuses') }}
    where adapter = 'square'
),

judged as (
    select
        sales.*,
        coalesce(statuses.status, 'paid') as status
    from sales
    left join statuses on sales.transaction_status = statuses.source_status
)

select
    {{ source_key('source_system', 'order_id') }} as order_key,
    {{ account_key('source_system', ['source_customer_id_key'], "'order/' || order_id") }} as account_key,
    source_system,
    order_id,
    order_id as order_no,
    channel,
    store_id,
    source_customer_id_key,
    source_customer_id_status,
    buyer_name_key,
    ordered_at,
    ordered_on,
    ordered_at as paid_at,
    ordered_on as paid_on,
    status,
    currency,
    shipping_charged,
    payment_method,
    {{
        not_exported('order', [
            'buyer_email_key', 'buyer_email_status', 'buyer_phone_key', 'buyer_phone_status', 'buyer_phone_mask_key',
            'buyer_name_mask_key', 'cancelled_at', 'cancelled_on', 'tax_total', 'order_discount', 'platform_subsidy',
            'refunded_total', 'attributed_campaign_id', 'landing_source', 'device', 'city', 'region', 'is_gift', 'is_b2b'
        ])
    }},
    first_known_at,
    known_at
from judged
