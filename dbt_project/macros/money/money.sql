{#-
  DECIMAL(18,4) to whole ten-thousandths (bigint). Above ten billion the product would overflow, so the amount is widened
  there, and there only: rounding numbers of 128 bits takes forty times as long.
-#}
{% macro to_units(amount) -%}
    case
        when {{ amount }} between -999999999 and 999999999 then cast({{ amount }} * 10000 as bigint)
        else cast(cast({{ amount }} as decimal(38, 4)) * 10000 as bigint)
    end
{%- endmacro %}

{#- Whole ten-thousandths (bigint) to DECIMAL(18,4), without a division. -#}
{% macro from_units(units) -%}
    cast(cast({{ units }} as decimal(18, 0)) * 0.0001 as decimal(18, 4))
{%- endmacro %}

{#-
  An amount in another currency: one multiplication, rounded half away from zero by the cast. No rate, no amount. A rate
  of 1 changes nothing. Products from a hundred million on would overflow, so there the amount is widened, as above.
-#}
{% macro convert_money(amount, rate) -%}
    case
        when {{ rate }} = 1 then {{ amount }}
        when {{ rate }} < 10 and {{ amount }} between -9999999 and 9999999
            then cast({{ amount }} * {{ rate }} as decimal(18, 4))
        else cast(cast({{ amount }} as decimal(38, 4)) * {{ rate }} as decimal(18, 4))
    end
{%- endmacro %}

{#-
  The sum of an amount over a group, or over those of its rows where `condition` holds, as narrow as the amount itself;
  sums are wide, and wide columns are slow.
-#}
{% macro sum_money(amount, condition=none) -%}
    cast(sum({{ amount }}){{ ' filter (where ' ~ condition ~ ')' if condition }} as decimal(18, 4))
{%- endmacro %}

{#- The rate between two currencies: exactly 1 within one currency, else what the joined rate says, or null. -#}
{% macro rate_between(from_currency, to_currency, stated_rate) -%}
    case when {{ from_currency }} = {{ to_currency }} then cast(1 as decimal(10, 6)) else {{ stated_rate }} end
{%- endmacro %}

{#-
  Joins the two rates of `relation`'s amounts in the currency of column `from_currency`, on the day `ordered_on`:
  `to_order.rate` to the order's `currency` and `to_reporting.rate` to `reporting_currency`.
-#}
{% macro join_rates(relation, from_currency) -%}
left join {{ ref('int_fx_rate__daily') }} as to_order
    on
        {{ relation }}.ordered_on = to_order.converted_on
        and {{ relation }}.{{ from_currency }} = to_order.from_currency
        and {{ relation }}.currency = to_order.to_currency
left join {{ ref('int_fx_rate__daily') }} as to_reporting
    on
        {{ relation }}.ordered_on = to_reporting.converted_on
        and {{ relation }}.{{ from_currency }} = to_reporting.from_currency
        and {{ relation }}.reporting_currency = to_reporting.to_currency
{%- endmacro %}

{#- The sum of an amount over a group; null when it is unknown in any row. -#}
{% macro sum_known(amount) -%}
    case when count(*) = count({{ amount }}) then cast(sum({{ amount }}) as decimal(18, 4)) end
{%- endmacro %}
