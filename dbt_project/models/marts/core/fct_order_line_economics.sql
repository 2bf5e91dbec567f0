-- The waterfall of every order line, from list price to contribution. Each amount is converted once, at the rate of the
-- order's day; sums are sums of converted amounts, so every identity holds in both currencies. What is known of an
-- order's costs is joined to the order before its lines are: those are more, and wide.
{% set fees, suffixes = ['platform_fee', 'payment_fee', 'commission', 'fulfilment'], ['', '_reporting'] %}
{% set recorded_costs = fees + ['incentives'] %}

with refunds as (
    select
        {% for suffix in suffixes %}
        {{ sum_money('refunded_goods' ~ suffix) }} as refunded_goods{{ suffix }},
        {{ sum_money('refunded_shipping' ~ suffix) }} as refunded_shipping{{ suffix }},
        {{ sum_money('tax_returned' ~ suffix) }} as tax_returned{{ suffix }},
        {{ sum_money('cogs_returned' ~ suffix) }} as cogs_returned{{ suffix }},
        {% endfor %}
        order_line_key
    from {{ ref('int_refund__converted') }}
    where not is_void
    group by order_line_key
),

orders as (
    select
        kept.*,
        {% for cost in recorded_costs %}
        records.has_{{ cost }} and records.knows_{{ cost }} as knows_{{ cost }},
        records.has_{{ cost }} and records.knows_{{ cost }}_reporting as knows_{{ cost }}_reporting,
        {% endfor %}
        {% for fee in fees %}
        not coalesce(records.has_{{ fee }}, false) and (kept.is_void or not rules.bears_{{ fee }}) as lacks_{{ fee }},
        {% endfor %}
        not coalesce(records.has_incentives, false) as lacks_incentives,
        kept.is_void or not rules.bears_cogs as lacks_cogs
    from {{ ref('int_order__kept') }} as kept
    inner join {{ ref('int_channel__cost_rule') }} as rules on kept.channel = rules.channel
    left join {{ ref('int_order__recorded') }} as records on kept.order_no = records.order_no
),

sold as (
    select
        {% for amount in [
            'list_value', 'markdown', 'merchant_discount', 'platform_subsidy', 'shipping_charged', 'tax_contained'
        ] %}
        {{ convert_money('lines.' ~ amount, 'orders.reporting_rate') }} as {{ amount }}_reporting,
        {% endfor %}
        {{ convert_money('cast(lines.qty * lines.unit_cost as decimal(18, 4))', 'lines.cost_order_rate') }} as cost,
        {{ convert_money('cast(lines.qty * lines.unit_cost as decimal(18, 4))', 'lines.cost_reporting_rate') }}
            as cost_reporting,
        {% for cost in recorded_costs %}
        orders.knows_{{ cost }},
        orders.knows_{{ cost }}_reporting,
        orders.lacks_{{ cost }},
        {% endfor %}
        orders.lacks_cogs,
        lines.*,
        orders.order_key,
        orders.source_system,
        orders.channel,
        orders.account_key,
        orders.customer_id,
        orders.ordered_at,
        orders.ordered_on,
        orders.currency,
        orders.reporting_currency,
        orders.is_void,
        orders.is_kept
    from {{ ref('int_order_line__revenue') }} as lines
    inner join orders on lines.order_no = orders.order_no
),

gross as (
    select
        list_value_reporting - markdown_reporting - merchant_discount_reporting as gross_merchandise_reporting,
        *
    from sold
),

recorded as (
    select
        {% for suffix in suffixes %}
        case
            when lines.is_void then lines.gross_merchandise{{ suffix }} + lines.shipping_charged{{ suffix }} else 0
        end as cancelled{{ suffix }},
        coalesce(refunds.refunded_goods{{ suffix }}, 0) as refunded_goods{{ suffix }},
        coalesce(refunds.refunded_shipping{{ suffix }}, 0) as refunded_shipping{{ suffix }},
        case
            when lines.is_void then 0
            else lines.tax_contained{{ suffix }} - coalesce(refunds.tax_returned{{ suffix }}, 0)
        end as tax{{ suffix }},
        case
            when lines.lacks_cogs then 0
            else lines.cost{{ suffix }} - coalesce(refunds.cogs_returned{{ suffix }}, 0)
        end as cogs{{ suffix }},
        {% for cost in recorded_costs %}
        case
            when lines.knows_{{ cost }}{{ suffix }} then lines.{{ cost }}{{ suffix }}
            when lines.lacks_{{ cost }} then 0
        end as known_{{ cost }}{{ suffix }},
        {% endfor %}
        {% endfor %}
        lines.*
    from gross as lines
    left join refunds on lines.order_line_key = refunds.order_line_key
),

netted as (
    select
        {% for suffix in suffixes %}
        gross_merchandise{{ suffix }} + shipping_charged{{ suffix }} - cancelled{{ suffix }}
        - refunded_goods{{ suffix }} - refunded_shipping{{ suffix }} - tax{{ suffix }} as net_revenue{{ suffix }},
        cogs{{ suffix }} + known_platform_fee{{ suffix }} + known_payment_fee{{ suffix }}
        + known_commission{{ suffix }} + known_fulfilment{{ suffix }}
        + known_incentives{{ suffix }} as costs{{ suffix }},
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
    known_platform_fee is not null and known_payment_fee is not null and known_commission is not null as is_fees_known,
    known_fulfilment is not null as is_fulfilment_known,
    net_revenue - costs is not null as is_costed,
    {% for suffix in suffixes %}
    {% for amount in [
        'list_value', 'markdown', 'merchant_discount', 'platform_subsidy', 'gross_merchandise', 'shipping_charged',
        'cancelled', 'refunded_goods', 'refunded_shipping', 'tax', 'net_revenue', 'cogs'
    ] %}
    cast({{ amount }}{{ suffix }} as decimal(18, 4)) as {{ amount }}{{ suffix }},
    {% endfor %}
    {% for amount in recorded_costs %}
    cast(known_{{ amount }}{{ suffix }} as decimal(18, 4)) as {{ amount }}{{ suffix }},
    {% endfor %}
    cast(net_revenue{{ suffix }} - costs{{ suffix }} as decimal(18, 4)) as contribution{{ suffix }},
    {% endfor %}
    is_kept
from netted
