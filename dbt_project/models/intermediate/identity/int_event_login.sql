-- Accounts that logged in on a browser, an installation of an app or a device, as events tell it. A visitor who refused
-- to be tracked is not told by it.
{{ config(materialized='view') }}

{% for id_type, name in [('anonymous_id', 'anonymous_id_key'), ('device_id', 'device_key')] %}
select
    account_key,
    '{{ id_type }}' as id_type,
    {{ name }} as value_key,
    source_system,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at,
    count(*) as observation_n
from {{ ref('int_event__unioned') }}
where account_key is not null and {{ name }} is not null and coalesce(consent_state, '') <> 'denied'
group by account_key, {{ name }}, source_system
{{ 'union all' if not loop.last }}
{% endfor %}
