-- Lines from list price to gross merchandise, with their shares of shipping and of the tax contained in the order.
-- First in the order's currency; then each amount is converted once, and sums are sums of converted amounts.
with shared as (
    select
        lines.*,
        listed.list_value as known_list_value,
        lines.line_amount + lines.line_discount as asked,
        lines.line_discount + coalesce(shares.order_discount, 0) as merchant_discount,
        coalesce(lines.platform_subsidy, shares.platform_subsidy, 0) as subsidy,
        coalesce(shares.shipping_charged, 0) as shipping_charged,
        coalesce(lines.tax, shares.tax_total, 0) as tax_contained
    from {{ ref('int_order_line__priced') }} as lines
    inner join {{ ref('int_order_line__listed') }} as listed on lines.order_line_key = listed.order_line_key
    left join {{ ref('int_order_line__shared') }} as shares on lines.order_line_key = shares.order_line_key
),

valued as (
    select
        *,
        coalesce(known_list_value, asked) as list_value,
        coalesce(known_list_value, asked) - asked as markdown
    from shared
),

converted as (
    select
        {% for amount in [
            'list_value', 'markdown', 'merchant_discount', 'subsidy', 'shipping_charged', 'tax_contained'
        ] %}
        {{ convert_money(amount, 'reporting_rate') }} as {{ amount }}_reporting,
        {% endfor %}
        *
    from valued
)

select
    order_line_key,
    order_key,
    source_system,
    channel,
    account_key,
    sku,
    ordered_at,
    ordered_on,
    is_void,
    currency,
    reporting_currency,
    reporting_rate,
    qty,
    line_n,
    weight_units,
    weight_total_units,
    {% for suffix in ['', '_reporting'] %}
    list_value{{ suffix }},
    markdown{{ suffix }},
    merchant_discount{{ suffix }},
    list_value{{ suffix }} - markdown{{ suffix }} - merchant_discount{{ suffix }} as gross_merchandise{{ suffix }},
    shipping_charged{{ suffix }},
    tax_contained{{ suffix }},
    subsidy{{ suffix }} as platform_subsidy{{ suffix }},
    {% endfor %}
    known_list_value is not null as is_list_price_known
from converted
