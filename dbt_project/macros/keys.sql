{#- A native id made unique over all sources. Null when the id is null. -#}
{% macro source_key(source, id) -%}
    ({{ source }} || '/' || {{ id }})
{%- endmacro %}

{#- The source an order or account is of, where a row may speak about another system's. -#}
{% macro owner_of(column) -%}
    coalesce({{ column }}, source_system)
{%- endmacro %}

{#-
  The immutable key of an account: the token of its native id, else of its e-mail, else of its telephone, else
  `otherwise`: a buyer without any of them is an account of one order.
-#}
{% macro account_key(source, tokens, otherwise) -%}
    ({{ source }} || '/' || coalesce({{ tokens | join(', ') }}, {{ otherwise }}))
{%- endmacro %}
