{#-
  Shares amounts over lines by largest remainder, in whole units.

  `relation` has one row per amount and line: `group_by` names the amount, `amount_units` is its size (the same in every
  row of the group, negative allowed, zero of no use), `order_line_key` the line, `weight_units` its weight, and
  `weight_total_units` and `line_n` the total and the number of the weights (`int_order_line__weighted` sees to it that
  they are not all zero). The result has the columns of `carry`, and `shared_units`, which sum to the amount exactly.
  Units left over go to the largest remainders, ties to the smaller order_line_key; one line needs no sharing.
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
)

select
    {{ carry | join(', ') }},
    cast(
        sign(amount_units) * (floor_units + case when place <= left_over_units then 1 else 0 end) as bigint
    ) as shared_units
from ranked
union all
select
    {{ carry | join(', ') }},
    amount_units as shared_units
from {{ relation }}
where line_n = 1
{% endmacro %}
