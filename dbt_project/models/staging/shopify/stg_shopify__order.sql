-- Orders, from the row of each block that carries the order-level values, wherever in the block it stands.
-- Subtotal is the anchor: what the lines add up to beyond it is the order's discount, whatever else the columns say.
-- Total says whether tax is contained (Total = Subtotal + Shipping) or on top, where it is never revenue.
with heads as (
    select
        *,
        coalesce(id, order_name) as order_id,
        coalesce(shipping, 0) as shipping_charged,
        case
            when total - coalesce(duties, 0) = subtotal + coalesce(shipping, 0) then 0 else coalesce(taxes, 0)
        end as tax_on_top
    from ({{ latest_records('shopify__orders', with_first_known=true) }}) as latest
    where total is not null
),

line_totals as (
    select
        source_system,
        record_key,
        sum({{ shopify_line_amount() }}) as line_total
    from ({{ latest_records('shopify__orders') }}) as latest
    group by source_system, record_key
),

statuses as (
    select
        source_status,
        status
    from {{ ref('order_statuses') }}
    where adapter = 'shopify'
),

judged as (
    select
        heads.*,
        line_totals.line_total,
        statuses.status as known_status
    from heads
    inner join line_totals
        on heads.source_system = line_totals.source_system and heads.record_key = line_totals.record_key
    left join statuses on heads.financial_status = statuses.source_status
)

select
    {{ source_key('source_system', 'order_id') }} as order_key,
    {{
        account_key('source_system', ['email_key', 'phone_key', 'billing_phone_key'], "'order/' || order_id")
    }} as account_key,
    source_system,
    order_id,
    order_name as order_no,
    channel,
    coalesce(location, source_store_id) as store_id,
    email_key as buyer_email_key,
    email_status as buyer_email_status,
    coalesce(phone_key, billing_phone_key) as buyer_phone_key,
    case when phone_key is null and billing_phone_key is not null then billing_phone_status else phone_status end
        as buyer_phone_status,
    billing_name_key as buyer_name_key,
    created_at as ordered_at,
    created_on as ordered_on,
    paid_at,
    paid_on,
    cancelled_at,
    cancelled_on,
    case
        when cancelled_at is not null then 'cancelled'
        else coalesce(known_status, case when paid_at is null then 'pending' else 'paid' end)
    end as status,
    currency,
    shipping_charged,
    cast(coalesce(taxes, 0) - tax_on_top as decimal(18, 4)) as tax_total,
    cast(line_total - subtotal as decimal(18, 4)) as order_discount,
    {{ shopify_refund_without_tax() }} as refunded_total,
    payment_method,
    coalesce(shipping_city, billing_city) as city,
    coalesce(shipping_province, billing_province) as region,
    {{
        not_exported('order', [
            'source_customer_id_key', 'source_customer_id_status', 'buyer_phone_mask_key', 'buyer_name_mask_key',
            'platform_subsidy', 'attributed_campaign_id', 'landing_source', 'device', 'is_gift', 'is_b2b'
        ])
    }},
    first_known_at,
    known_at
from judged
