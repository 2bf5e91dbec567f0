-- Orders of all channels, in the state they had at the as-of day: a payment or cancellation after it has not happened,
-- and what an order's total says was given back of one cancelled later was given back with the cancellation.
with unioned as ({{ union_channels('order') }})

select
    order_key,
    account_key,
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
    case when paid_at < {{ cutoff() }} then paid_at end as paid_at,
    case when paid_at < {{ cutoff() }} then paid_on end as paid_on,
    case when cancelled_at < {{ cutoff() }} then cancelled_at end as cancelled_at,
    case when cancelled_at < {{ cutoff() }} then cancelled_on end as cancelled_on,
    case
        when status = 'cancelled' and cancelled_at >= {{ cutoff() }}
            then case when paid_at < {{ cutoff() }} then 'paid' else 'pending' end
        when status = 'paid' and paid_at >= {{ cutoff() }} then 'pending'
        else status
    end as status,
    currency,
    shipping_charged,
    tax_total,
    order_discount,
    platform_subsidy,
    case when status <> 'cancelled' or cancelled_at is null or cancelled_at < {{ cutoff() }} then refunded_total end
        as refunded_total,
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
from unioned
