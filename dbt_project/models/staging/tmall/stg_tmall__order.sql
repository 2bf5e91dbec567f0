-- Orders of the marketplace. What is due for goods contains what the platform pays in the buyer's stead (card and
-- points deductions), so it is what the merchant is entitled to. An order closed after payment was given back whole.
with orders as ({{ latest_records('tmall__orders', with_first_known=true) }}),

line_totals as (
    select
        source_system,
        order_id,
        sum(coalesce(goods_due, cast(price * quantity as decimal(18, 4)))) as line_total
    from ({{ latest_records('tmall__order_lines') }}) as lines
    group by source_system, order_id
),

statuses as (
    select
        source_status,
        status
    from {{ ref('order_statuses') }}
    where adapter = 'tmall'
),

judged as (
    select
        orders.*,
        coalesce(statuses.status, case when orders.paid_at is null then 'pending' else 'paid' end) as stated_status,
        line_totals.line_total
    from orders
    left join statuses on orders.order_status = statuses.source_status
    left join line_totals
        on orders.source_system = line_totals.source_system and orders.order_id = line_totals.order_id
)

select
    {{ source_key('source_system', 'order_id') }} as order_key,
    {{ account_key('source_system', ['buyer_nick_key', 'contact_mobile_key'], "'order/' || order_id") }} as account_key,
    source_system,
    order_id,
    order_id as order_no,
    channel,
    coalesce(source_store_id, shop_name, shop_id) as store_id,
    buyer_nick_key as source_customer_id_key,
    buyer_nick_status as source_customer_id_status,
    contact_mobile_key as buyer_phone_key,
    contact_mobile_status as buyer_phone_status,
    contact_mobile_mask_key as buyer_phone_mask_key,
    receiver_name_key as buyer_name_key,
    receiver_name_mask_key as buyer_name_mask_key,
    created_at as ordered_at,
    created_on as ordered_on,
    paid_at,
    paid_on,
    case when stated_status = 'cancelled' and paid_at is not null then 'paid' else stated_status end as status,
    source_currency as currency,
    shipping_due as shipping_charged,
    cast(greatest(coalesce(line_total, goods_due) - goods_due, 0) as decimal(18, 4)) as order_discount,
    cast(coalesce(card_deduction, 0) + coalesce(points_deduction, 0) as decimal(18, 4)) as platform_subsidy,
    case
        when stated_status = 'cancelled' and paid_at is not null
            then cast(goods_due + coalesce(shipping_due, 0) as decimal(18, 4))
    end as refunded_total,
    case when is_mobile_order then 'mobile' end as device,
    receiver_city as city,
    receiver_province as region,
    {{
        not_exported('order', [
            'buyer_email_key', 'buyer_email_status', 'cancelled_at', 'cancelled_on', 'tax_total', 'payment_method',
            'attributed_campaign_id', 'landing_source', 'is_gift', 'is_b2b'
        ])
    }},
    first_known_at,
    known_at
from judged
