{#- Whether a comma-separated list of tags holds `tag`, in any case. -#}
{% macro has_tag(tags, tag) -%}
    coalesce(', ' || lower({{ tags }}) || ', ' like '%, {{ tag }}, %', false)
{%- endmacro %}
