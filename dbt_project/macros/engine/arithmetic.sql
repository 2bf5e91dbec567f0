{#-
  Whole-number arithmetic that the engines spell differently. Numerators and denominators are bigint and not negative;
  products that could leave 64 bits are formed in 128, so amounts of any size can be shared.
-#}

{#- floor(factor * weight / total) -#}
{% macro share_floor(factor, weight, total) -%}
    {{ return(adapter.dispatch('share_floor')(factor, weight, total)) }}
{%- endmacro %}

{% macro duckdb__share_floor(factor, weight, total) -%}
    case
        when {{ factor }} < 2000000000 and {{ total }} < 4000000000 then {{ factor }} * {{ weight }} // {{ total }}
        else cast(cast({{ factor }} as hugeint) * {{ weight }} // {{ total }} as bigint)
    end
{%- endmacro %}

{% macro spark__share_floor(factor, weight, total) -%}
    ((cast({{ factor }} as decimal(38, 0)) * {{ weight }}) div {{ total }})
{%- endmacro %}

{#- what share_floor leaves: factor * weight modulo total -#}
{% macro share_rest(factor, weight, total) -%}
    {{ return(adapter.dispatch('share_rest')(factor, weight, total)) }}
{%- endmacro %}

{% macro duckdb__share_rest(factor, weight, total) -%}
    case
        when {{ factor }} < 2000000000 and {{ total }} < 4000000000 then {{ factor }} * {{ weight }} % {{ total }}
        else cast(cast({{ factor }} as hugeint) * {{ weight }} % {{ total }} as bigint)
    end
{%- endmacro %}

{% macro spark__share_rest(factor, weight, total) -%}
    cast((cast({{ factor }} as decimal(38, 0)) * {{ weight }}) % {{ total }} as bigint)
{%- endmacro %}
