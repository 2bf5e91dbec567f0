{#- A raw column whose name is a reserved word (`at`, `on`), quoted as the engine quotes names. -#}
{% macro quoted(name) -%}
    {{ adapter.quote(name) }}
{%- endmacro %}
