{#-
  The part of `amount` that falls to `weight` when it is shared between `weight` and `other` by largest remainder, ties
  to the first. All three are DECIMAL(18,4) and not negative, and one of the weights is positive.
-#}
{% macro share_of_two(amount, weight, other) -%}
{%- set size, first = to_units(amount), to_units(weight) -%}
{%- set total = '(' ~ to_units(weight) ~ ' + ' ~ to_units(other) ~ ')' -%}
{%- set rest = share_rest(size, first, total) -%}
    {{ from_units(
        share_floor(size, first, total) ~ ' + case when ' ~ rest ~ ' > 0 and ' ~ rest ~ ' * 2 >= ' ~ total ~ ' then 1 else 0 end',
    ) }}
{%- endmacro %}
