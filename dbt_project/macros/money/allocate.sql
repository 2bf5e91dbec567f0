{#-
  Shares amounts over lines by largest remainder, in whole units.

  `relation` has one row per amount and line: `group_by` names the amount, `amount_units` is its size (the same in every
  row of the group, negative allowed, zero of no use), `order_line_key` the line, `weight_units` its weight, and
  `weight_total_units` and `line_n` the total and the number of the weights (`int_order_line__weighted` sees to it that
  they are not all zero). The result has the columns of `carry`, and `shared_units`, which sum to the amount exactly.

  Units left over go to the largest remainders, ties to the smaller order_line_key. One line takes all. Of two lines the
  one with the larger remainder, more than half the total, takes the one unit left over. Only the others are sorted.
-#}
{% macro allocate(relation, group_by, carry) %}
with floors as (
    select
        *,
        {{ share_floor('abs(amount_units)', 'weight_units', 'weight_total_units') }} as floor_units,
        {{ share_rest('abs(amount_units)', 'weight_units', 'weight_total_units') }} as rest_units
    from {{ relation }}
    where line_n > 1
),

ranked as (
    select
        *,
        row_number() over (
            partition by {{ group_by | join(', ') }} order by rest_units desc, order_line_key
        ) as place,
        abs(amount_units) - sum(floor_units) over (
            partition by {{ group_by | join(', ') }} order by rest_units desc, order_line_key
            rows between unbounded preceding and unbounded following
        ) as left_over_units
    from floors
    where line_n > 2 or rest_units * 2 = weight_total_units
),

rounded as (
    select
        {{ carry | join(', ') }},
        amount_units,
        floor_units + case when place <= left_over_units then 1 else 0 end as size_units
    from ranked
    union all
    select
        {{ carry | join(', ') }},
        amount_units,
        floor_units + case when rest_units * 2 > weight_total_units then 1 else 0 end as size_units
    from floors
    where line_n = 2 and rest_units * 2 <> weight_total_units
)

select
    {{ carry | join(', ') }},
    cast(sign(amount_units) * size_units as bigint) as shared_units
from rounded
union all
select
    {{ carry | join(', ') }},
    amount_units as shared_units
from {{ relation }}
where line_n = 1
{% endmacro %}
