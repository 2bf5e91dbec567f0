-- The waterfall of every order line, from list price to contribution, in both currencies.
{% set fees = ['platform_fee', 'payment_fee', 'commission', 'fulfilment'] %}
{% set suffixes = ['', '_reporting'] %}

with refunds as (
    select
        {% for suffix in suffixes %}
        sum(refunded_goods{{ suffix }}) as refunded_goods{{ suffix }},
        sum(refunded_shipping{{ suffix }}) as refunded_shipping{{ suffix }},
        sum(tax_returned{{ suffix }}) as tax_returned{{ suffix }},
        sum(cogs_returned{{ suffix }}) as cogs_returned{{ suffix }},
        {% endfor %}
        order_line_key
    from {{ ref('int_refund__converted') }}
    group by order_line_key
),

recorded as (
    select
        {% for suffix in suffixes %}
        coalesce(refunds.refunded_goods{{ suffix }}, 0) as refunded_goods{{ suffix }},
        coalesce(refunds.refunded_shipping{{ suffix }}, 0) as refunded_shipping{{ suffix }},
        case
            when lines.is_void then 0
            else lines.tax_contained{{ suffix }} - coalesce(refunds.tax_returned{{ suffix }}, 0)
        end as tax{{ suffix }},
        case
            when lines.is_void or not rules.bears_cogs then 0
            else costed.cost{{ suffix }} - coalesce(refunds.cogs_returned{{ suffix }}, 0)
        end as cogs{{ suffix }},
        {% for fee in fees %}
        case
            when shares.has_{{ fee }} then shares.{{ fee }}{{ suffix }}
            when lines.is_void or not rules.bears_{{ fee }} then 0
        end as {{ fee }}{{ suffix }},
        {% endfor %}
        case when shares.has_incentives then shares.incentives{{ suffix }} else 0 end as incentives{{ suffix }},
        case
            when lines.is_void then lines.gross_merchandise{{ suffix }} + lines.shipping_charged{{ suffix }} else 0
        end as cancelled{{ suffix }},
        {% endfor %}
        lines.*,
        kept.is_kept,
        people.customer_id
    from {{ ref('int_order_line__revenue') }} as lines
    inner join {{ ref('int_order__kept') }} as kept on lines.order_key = kept.order_key
    inner join {{ ref('int_account__assigned') }} as people on lines.account_key = people.account_key
    inner join {{ ref('int_channel__cost_rule') }} as rules on lines.channel = rules.channel
    left join {{ ref('int_order_line__shared') }} as shares on lines.order_line_key = shares.order_line_key
    left join {{ ref('int_order_line__costed') }} as costed on lines.order_line_key = costed.order_line_key
    left join refunds on lines.order_line_key = refunds.order_line_key
),

netted as (
    select
        {% for suffix in suffixes %}
        gross_merchandise{{ suffix }} + shipping_charged{{ suffix }} - cancelled{{ suffix }}
        - refunded_goods{{ suffix }} - refunded_shipping{{ suffix }} - tax{{ suffix }} as net_revenue{{ suffix }},
        cogs{{ suffix }} + platform_fee{{ suffix }} + payment_fee{{ suffix }} + commission{{ suffix }}
        + fulfilment{{ suffix }} + incentives{{ suffix }} as costs{{ suffix }},
        {% endfor %}
        *
    from recorded
)

select
    order_line_key,
    order_key,
    source_system,
    channel,
    account_key,
    customer_id,
    sku,
    ordered_at,
    ordered_on,
    currency,
    reporting_currency,
    qty,
    is_list_price_known,
    cogs is not null as is_cogs_known,
    platform_fee is not null and payment_fee is not null and commission is not null as is_fees_known,
    fulfilment is not null as is_fulfilment_known,
    net_revenue - costs is not null as is_costed,
    {% for suffix in suffixes %}
    {% for amount in [
        'list_value', 'markdown', 'merchant_discount', 'platform_subsidy', 'gross_merchandise', 'shipping_charged',
        'cancelled', 'refunded_goods', 'refunded_shipping', 'tax', 'net_revenue', 'cogs', 'platform_fee',
        'payment_fee', 'commission', 'fulfilment', 'incentives'
    ] %}
    cast({{ amount }}{{ suffix }} as decimal(18, 4)) as {{ amount }}{{ suffix }},
    {% endfor %}
    cast(net_revenue{{ suffix }} - costs{{ suffix }} as decimal(18, 4)) as contribution{{ suffix }},
    {% endfor %}
    is_kept
from netted
