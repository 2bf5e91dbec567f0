{#-
  Shares amounts over lines by largest remainder, in whole ten-thousandths.

  `relation` has one row per amount and line: the columns of `group_by` name the amount, `amount_units` is its size
  (the same in every row of the group, negative allowed), `weight_units` the line's weight (not negative) and
  `order_line_key` the line. The result has the columns of `carry`, and `shared_units`, which sum to the amount exactly.
  Units left over go to the largest remainders, ties to the smaller order_line_key; weights that are all zero count as
  equal. Groups of one line, the larger part, need no sorting.
-#}
{% macro allocate(relation, group_by, carry) %}
with groups as (
    select
        {{ group_by | join(', ') }},
        count(*) as line_n,
        sum(weight_units) as weight_total_units
    from {{ relation }}
    group by {{ group_by | join(', ') }}
),

weighted as (
    select
        {% for column in carry %}lines.{{ column }}, {% endfor %}
        {% for column in group_by if column not in carry %}lines.{{ column }}, {% endfor %}
        lines.amount_units,
        abs(lines.amount_units) as size_units,
        groups.line_n,
        case when groups.weight_total_units = 0 then 1 else lines.weight_units end as weight,
        cast(case when groups.weight_total_units = 0 then groups.line_n else groups.weight_total_units end as bigint)
            as weight_total
    from {{ relation }} as lines
    inner join groups
        on
            {% for column in group_by %}
            {{ 'and ' if not loop.first }}lines.{{ column }} = groups.{{ column }}
            {% endfor %}
),

floors as (
    select
        *,
        {{ share_floor('size_units', 'weight', 'weight_total') }} as floor_units,
        {{ share_rest('size_units', 'weight', 'weight_total') }} as rest
    from weighted
    where line_n > 1
),

ranked as (
    select
        *,
        row_number() over (
            partition by {{ group_by | join(', ') }} order by rest desc, order_line_key
        ) as place,
        size_units - sum(floor_units) over (
            partition by {{ group_by | join(', ') }} order by rest desc, order_line_key
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
from weighted
where line_n = 1
{% endmacro %}
