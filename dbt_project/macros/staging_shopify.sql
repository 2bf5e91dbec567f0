{#- A line after its own discount, before the order's. Quantity has six decimals, the amount four. -#}
{% macro shopify_line_amount() -%}
    cast(lineitem_quantity * lineitem_price as decimal(18, 4)) - coalesce(lineitem_discount, 0)
{%- endmacro %}

{#-
  The refunded amount without the tax that stood on top of the order: a refund of everything gives back all of that
  tax, a smaller one its share by largest remainder.
-#}
{% macro shopify_refund_without_tax() -%}
    case
        when coalesce(refunded_amount, 0) = 0 or tax_on_top = 0 then refunded_amount
        when refunded_amount >= subtotal + shipping_charged + tax_on_top then refunded_amount - tax_on_top
        else {{ share_of_two('refunded_amount', '(subtotal + shipping_charged)', 'tax_on_top') }}
    end
{%- endmacro %}
