-- What paid orders that were cancelled on a known day took with them, line by line, in two kinds of rows: what had been
-- refunded before, on the day of the refund, and the rest on the day of the cancellation. Together they are what the
-- line was worth while the order stood. Void orders bear no cost of goods and no tax, so both come back; what was
-- charged for fees, carriage and incentives stays where it is.
{% set fees = ['platform_fee', 'payment_fee', 'commission', 'fulfilment'] %}
{% set parts = ['goods', 'shipping', 'tax', 'cogs'] %}
{% set suffixes = ['', '_reporting'] %}
{% set amounts = parts + ['goods_reporting', 'shipping_reporting', 'tax_reporting', 'cogs_reporting'] %}

with orders as (
    select
        kept.*,
        rules.bears_cogs,
        {% for fee in fees %}
        (coalesce(records.has_{{ fee }}, false) or not rules.bears_{{ fee }}){{ ' and' if not loop.last }}
        {% endfor %}
            as is_cost_recorded
    from {{ ref('int_order__kept') }} as kept
    inner join {{ ref('int_channel__cost_rule') }} as rules on kept.channel = rules.channel
    left join {{ ref('int_order__recorded') }} as records on kept.order_no = records.order_no
    where kept.cancelled_on is not null
),

whole as (
    select
        waterfall.gross_merchandise as goods,
        waterfall.gross_merchandise_reporting as goods_reporting,
        waterfall.shipping_charged as shipping,
        waterfall.shipping_charged_reporting as shipping_reporting,
        lines.tax_contained as tax,
        {{ convert_money('lines.tax_contained', 'orders.reporting_rate') }} as tax_reporting,
        {% for suffix, rate in {'': 'cost_order_rate', '_reporting': 'cost_reporting_rate'}.items() %}
        case
            when not orders.bears_cogs then 0
            else {{ convert_money('cast(lines.qty * lines.unit_cost as decimal(18, 4))', 'lines.' ~ rate) }}
        end as cogs{{ suffix }},
        {% endfor %}
        orders.order_no,
        lines.order_line_key
    from orders
    inner join {{ ref('int_order_line__revenue') }} as lines on orders.order_no = lines.order_no
    inner join {{ ref('fct_order_line_economics') }} as waterfall on lines.order_line_key = waterfall.order_line_key
),

refunded as (
    select
        {% for suffix in suffixes %}
        refunds.refunded_goods{{ suffix }} as goods{{ suffix }},
        refunds.refunded_shipping{{ suffix }} as shipping{{ suffix }},
        refunds.tax_returned{{ suffix }} as tax{{ suffix }},
        case when orders.bears_cogs then refunds.cogs_returned{{ suffix }} else 0 end as cogs{{ suffix }},
        {% endfor %}
        refunds.refund_key,
        refunds.order_no,
        refunds.order_line_key,
        refunds.refunded_on,
        refunds.known_at
    from orders
    inner join {{ ref('int_refund__converted') }} as refunds on orders.order_no = refunds.order_no
),

given_back as (
    select
        {% for amount in amounts %}
        {{ sum_known(amount) }} as {{ amount }},
        {% endfor %}
        order_line_key
    from refunded
    group by order_line_key
),

lost as (
    select
        {% for amount in amounts %}
        {{ amount }},
        {% endfor %}
        refund_key as cancellation_key,
        order_no,
        order_line_key,
        refunded_on as cancelled_on,
        known_at,
        'refunded' as kind
    from refunded
    union all
    select
        {% for amount in amounts %}
        case
            when given_back.order_line_key is null then whole.{{ amount }}
            else whole.{{ amount }} - given_back.{{ amount }}
        end as {{ amount }},
        {% endfor %}
        orders.order_key as cancellation_key,
        orders.order_no,
        whole.order_line_key,
        orders.cancelled_on,
        orders.cancellation_known_at as known_at,
        'cancelled' as kind
    from whole
    inner join orders on whole.order_no = orders.order_no
    left join given_back on whole.order_line_key = given_back.order_line_key
),

netted as (
    select
        {% for suffix in suffixes %}
        lost.goods{{ suffix }} + lost.shipping{{ suffix }} - lost.tax{{ suffix }} as net_revenue{{ suffix }},
        {% endfor %}
        lost.*,
        orders.order_key,
        orders.source_system,
        orders.channel,
        orders.customer_id,
        orders.ordered_on,
        orders.currency,
        orders.reporting_currency,
        orders.is_cost_recorded
    from lost
    inner join orders on lost.order_no = orders.order_no
),

costed as (
    select
        {% for suffix in suffixes %}
        case when is_cost_recorded then net_revenue{{ suffix }} - cogs{{ suffix }} end as contribution{{ suffix }},
        {% endfor %}
        *
    from netted
)

select
    cancellation_key,
    order_line_key,
    order_key,
    source_system,
    channel,
    customer_id,
    ordered_on,
    cancelled_on,
    known_at,
    kind,
    {% for suffix in suffixes %}
    {% for part in parts + ['net_revenue', 'contribution'] %}
    cast({{ part }}{{ suffix }} as decimal(18, 4)) as cancelled_{{ part }}{{ suffix }},
    {% endfor %}
    {% endfor %}
    currency,
    reporting_currency
from costed
