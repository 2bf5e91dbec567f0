{#- What the linter sees in place of macros that need dbt: SQL of the same shape. -#}
{% macro share_floor(factor, weight, total) -%}
    cast({{ factor }} * {{ weight }} / {{ total }} as bigint)
{%- endmacro %}
{% macro share_rest(factor, weight, total) -%}
    cast({{ factor }} * {{ weight }} % {{ total }} as bigint)
{%- endmacro %}
{% macro add_days(date, days) -%}
    ({{ date }} + {{ days }})
{%- endmacro %}
{% macro quoted(name) -%}
    {{ name }}_quoted
{%- endmacro %}
{% macro cutoff() -%}
    (select run_context.cutoff_at from run_context)
{%- endmacro %}
{% macro latest_records(table, with_first_known=false) -%}
    select * from {{ table }}
{%- endmacro %}
{% macro square_numbered_items(condition) -%}
    select * from square__items
{%- endmacro %}
{% macro union_channels(entity) -%}
    select * from {{ entity }}_staged
{%- endmacro %}
{% macro not_exported(entity, names) -%}
    {% for name in names %}null as {{ name }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
{% macro allocate(relation, group_by, carry) -%}
    select {{ carry | join(', ') }}, amount_units as shared_units from {{ relation }}
{%- endmacro %}
{% macro last_day_before(next_from, stated_end) -%}
    least({{ next_from }}, {{ stated_end }})
{%- endmacro %}
{% macro is_known() -%}
    known_at < (select run_context.cutoff_at from run_context)
{%- endmacro %}
{% macro raw_tables() %}{% endmacro %}
