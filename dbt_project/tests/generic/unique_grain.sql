{#- The columns together identify a row; a missing part counts as a value of its own. -#}
{% test unique_grain(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as row_n
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
