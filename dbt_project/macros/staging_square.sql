{#- A sale rather than a refund: by what the row says it is, and where it says nothing by its sign. -#}
{% macro square_is_sale() -%}
    case when event_type is null then net_sales >= 0 else event_type <> 'refund' end
{%- endmacro %}

{#-
  The items of a transaction with their ordinal, which the export does not number: their place in the order of contents.
  `condition` picks sales or refunds.
-#}
{% macro square_numbered_items(condition) %}
select
    *,
    cast(row_number() over (
        partition by source_system, record_key
        order by
            sku asc nulls last, gross_sales asc, qty asc, discounts asc nulls last, item asc nulls last,
            category asc nulls last
    ) as varchar) as ordinal
from ({{ latest_records('square__items') }}) as items
where {{ condition }}
{% endmacro %}
