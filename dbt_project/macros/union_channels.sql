{#-
  All rows of a canonical entity: the staging models of every channel that `vars.channels` says feeds it, column by
  column by name, so that no channel can shift another's columns.
-#}
{% macro union_channels(entity) %}
{%- set names = entity_columns(entity) | map(attribute='name') | list -%}
{%- set feeding = [] -%}
{%- for channel, entities in var('channels').items() if entity in entities -%}
    {%- do feeding.append(channel) -%}
{%- endfor -%}
{%- for channel in feeding %}
select
    {% for name in names -%}
    {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
from {{ ref('stg_' ~ channel ~ '__' ~ entity) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endmacro %}

{#- Columns of an entity that a channel does not export: typed nulls, so that a staging model says what it lacks. -#}
{% macro not_exported(entity, names) %}
{%- set types = {} -%}
{%- for column in entity_columns(entity) -%}
    {%- do types.update({column.name: column.type}) -%}
{%- endfor -%}
{%- for name in names %}
    {%- if name not in types -%}
        {{ exceptions.raise_compiler_error(entity ~ ' has no column ' ~ name) }}
    {%- endif %}
    cast(null as {{ types[name] }}) as {{ name }}{{ ',' if not loop.last }}
{%- endfor %}
{% endmacro %}
