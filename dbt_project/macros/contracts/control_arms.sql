{#- Written by `python -m orchestration.dbt_schema` from the contracts. Do not edit. -#}
{#- Names of the arm of an experiment that is not treated. -#}
{% macro control_arms() -%}
    ('control', 'holdout')
{%- endmacro %}
