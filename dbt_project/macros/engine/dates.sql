{#- The day `days` after `date`. DuckDB adds integers to dates, Spark does not. -#}
{% macro add_days(date, days) -%}
    {{ return(adapter.dispatch('add_days')(date, days)) }}
{%- endmacro %}

{% macro duckdb__add_days(date, days) -%}
    ({{ date }} + {{ days }})
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, {{ days }})
{%- endmacro %}

{#- The last day of a stretch: the day before the next one begins, or its stated end if that comes first. -#}
{% macro last_day_before(next_from, stated_end) -%}
    least(
        coalesce({{ add_days(next_from, -1) }}, cast('9999-12-31' as date)),
        coalesce({{ stated_end }}, cast('9999-12-31' as date))
    )
{%- endmacro %}
