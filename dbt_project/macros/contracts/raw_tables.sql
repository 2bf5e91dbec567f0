{#- Written by `python -m orchestration.dbt_schema` from the channels. Do not edit. -#}
{#- Names of all raw tables. -#}
{% macro raw_tables() -%}
{{ return([
    "shopify__orders",
    "shopify__customers",
    "tmall__orders",
    "tmall__order_lines",
    "square__transactions",
    "square__items",
    "completejourney__transactions",
    "completejourney__campaigns",
    "completejourney__campaign_descriptions",
    "completejourney__coupons",
    "completejourney__coupon_redemptions",
    "completejourney__products",
    "completejourney__demographics",
    "canonical__source_customer",
    "canonical__identity_link",
    "canonical__consent",
    "canonical__order",
    "canonical__order_line",
    "canonical__refund",
    "canonical__shipment",
    "canonical__settlement_line",
    "canonical__product",
    "canonical__product_cost",
    "canonical__price_list",
    "canonical__incentive",
    "canonical__incentive_use",
    "canonical__period_cost",
    "canonical__fx_rate",
    "canonical__campaign",
    "canonical__touch",
    "canonical__assignment",
    "canonical__event",
]) }}
{%- endmacro %}

{#- Raw tables that list orders: what tells one order from another, and which rows count. -#}
{% macro order_witnesses() -%}
{{ return([
    {"table": "shopify__orders", "order": "order_name", "where": "true"},
    {"table": "tmall__orders", "order": "order_id", "where": "true"},
    {"table": "square__transactions", "order": "transaction_id", "where": "coalesce(event_type <> 'refund', net_sales >= 0)"},
    {"table": "completejourney__transactions", "order": "basket_id", "where": "true"},
    {"table": "canonical__order", "order": "order_id", "where": "true"},
]) }}
{%- endmacro %}
