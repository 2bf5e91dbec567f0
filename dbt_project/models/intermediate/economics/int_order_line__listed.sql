-- Lines with their list value: as the export states it, else from the price list at the day of the order, the offer of
-- the store before that of the channel before the general one; null where nobody states a price. A price list speaks
-- for orders in its own currency only: converted, it is a price that nobody was asked.
{{ config(materialized='view') }}

{% set closeness = {
    'offer_of_store_and_channel': ['store_id', 'channel'], 'offer_of_store': ['store_id'],
    'offer_of_channel': ['channel'], 'offer_of_all': []
} %}

select
    lines.order_no,
    lines.order_line_key,
    lines.ordered_on,
    lines.currency,
    lines.reporting_currency,
    lines.sku,
    lines.qty,
    lines.line_amount,
    lines.line_discount,
    lines.platform_subsidy,
    lines.tax,
    lines.refunded_total,
    lines.line_n,
    lines.weight_units,
    lines.weight_total_units,
    coalesce(
        lines.stated_list_value,
        cast(lines.qty * coalesce({{ closeness | join('.list_price, ') }}.list_price) as decimal(18, 4))
    ) as list_value
from {{ ref('int_order_line__weighted') }} as lines
{% for offer, narrowed in closeness.items() %}
left join {{ ref('int_price_list__effective') }} as {{ offer }}
    on
        lines.sku = {{ offer }}.sku
        and lines.currency = {{ offer }}.currency
        and {{ offer }}.narrowed_by = '{{ narrowed | join(' ') }}'
        {% for name in narrowed %}
        and lines.{{ name }} = {{ offer }}.{{ name }}
        {% endfor %}
        and lines.ordered_on >= {{ offer }}.valid_from
        and lines.ordered_on <= {{ offer }}.last_on
{% endfor %}
