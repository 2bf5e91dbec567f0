-- Refunds at the till: negative rows on their own day. Each item given back is booked on the line that sold the same
-- product; a refund without items on the whole sale. Tax and tips were never revenue and are not given back as such.
with returned as ({{ square_numbered_items('not (' ~ square_is_sale() ~ ')') }}),

items as (
    {{ square_numbered_items(square_is_sale() ~ ' and transaction_id in (select transaction_id from returned)') }}
),

sold as (
    select
        source_system,
        transaction_id,
        coalesce(sku, item) as product,
        min(ordinal) as ordinal
    from items
    group by source_system, transaction_id, coalesce(sku, item)
),

payments as ({{ latest_records('square__transactions') }}),

itemised as (
    select distinct
        source_system,
        record_key
    from returned
),

itemless as (
    select payments.*
    from payments
    left join itemised
        on payments.source_system = itemised.source_system and payments.record_key = itemised.record_key
    where itemised.record_key is null and not ({{ square_is_sale() }})
),

booked as (
    select
        returned.source_system,
        returned.record_key || '/' || returned.ordinal as refund_id,
        returned.transaction_id,
        sold.ordinal,
        returned.transacted_at,
        returned.transacted_on,
        returned.net_sales,
        returned.qty,
        returned.source_currency,
        cast(null as varchar) as reason_code,
        returned.known_at
    from returned
    left join sold
        on
            returned.source_system = sold.source_system
            and returned.transaction_id = sold.transaction_id
            and coalesce(returned.sku, returned.item) = sold.product
    union all
    select
        source_system,
        record_key as refund_id,
        transaction_id,
        cast(null as varchar) as ordinal,
        transacted_at,
        transacted_on,
        net_sales,
        cast(null as decimal(18, 6)) as qty,
        source_currency,
        refund_reason as reason_code,
        known_at
    from itemless
)

select
    {{ source_key('source_system', 'refund_id') }} as refund_key,
    {{ source_key('source_system', 'transaction_id') }} as order_key,
    {{ source_key('source_system', "transaction_id || '/' || ordinal") }} as order_line_key,
    source_system,
    transacted_at as refunded_at,
    transacted_on as refunded_on,
    cast(-net_sales as decimal(18, 4)) as goods_amount,
    source_currency as currency,
    -qty as qty,
    reason_code,
    case when qty is null then 'refund_only' else 'return_refund' end as kind,
    {{ not_exported('refund', ['shipping_amount', 'platform_subsidy_returned', 'restocked']) }},
    known_at
from booked
