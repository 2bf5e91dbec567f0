{#-
  The tax of a line that has been given back once `refunded` of what the line asked for has: all of it when everything
  has come back, nothing when nothing has, else its share rounded to the nearest ten-thousandth.
-#}
{% macro tax_returned_by(refunded) -%}
    case
        when tax_contained = 0 or asked = 0 or {{ refunded }} <= 0 then 0
        when {{ refunded }} >= asked then tax_contained
        else {{ share_of_two('tax_contained', refunded, '(asked - ' ~ refunded ~ ')') }}
    end
{%- endmacro %}
