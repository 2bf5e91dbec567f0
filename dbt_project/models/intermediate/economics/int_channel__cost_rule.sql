-- Which costs each channel bears: its own line of the seed, else the general one. A cost it bears and nobody records is
-- not known; one it does not bear is zero.
{% set components = ['cogs', 'platform_fee', 'payment_fee', 'commission', 'fulfilment'] %}

with channels as (
    select distinct channel from {{ ref('int_order__unioned') }}
),

rules as (
    select
        channels.channel,
        general.component,
        coalesce(own.requirement, general.requirement) as requirement
    from channels
    cross join {{ ref('cost_components') }} as general
    left join {{ ref('cost_components') }} as own
        on channels.channel = own.channel and general.component = own.component
    where general.channel = '*'
)

select
    {% for component in components %}
    max(case when component = '{{ component }}' and requirement = 'required' then 1 else 0 end) = 1
        as bears_{{ component }},
    {% endfor %}
    channel
from rules
group by channel
