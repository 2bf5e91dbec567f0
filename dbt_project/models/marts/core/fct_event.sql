-- What visitors did on sites and in apps, and whose it is: the account's that was logged in, or that of the one person
-- who logs in on the same browser or installation. Where several persons do, or the visitor refused to be tracked, an
-- event without a login is nobody's.
with persons as (
    select
        logins.source_system,
        logins.value_key,
        min(accounts.customer_id) as customer_id,
        min(logins.first_seen_at) as first_seen_at,
        max(logins.last_seen_at) as last_seen_at
    from {{ ref('int_event_login') }} as logins
    left join {{ ref('int_account__assigned') }} as accounts on logins.account_key = accounts.account_key
    where logins.id_type = 'anonymous_id'
    group by logins.source_system, logins.value_key
    having count(distinct coalesce(accounts.customer_id, logins.account_key)) = 1
),

holders as (
    select
        persons.source_system,
        persons.value_key,
        persons.customer_id,
        {{ add_days('cast(persons.first_seen_at as date)', '-types.stitch_days') }} as held_from,
        {{ add_days('cast(persons.last_seen_at as date)', 'types.stitch_days') }} as held_to
    from persons
    cross join {{ ref('identity_id_types') }} as types
    where types.id_type = 'anonymous_id' and persons.customer_id is not null
)

select
    events.event_key,
    events.source_system,
    events.event_name,
    events.occurred_at,
    events.occurred_on,
    events.known_at,
    events.account_key,
    coalesce(accounts.customer_id, holders.customer_id) as customer_id,
    case
        when events.account_key is not null then 'login'
        when holders.customer_id is not null then 'stitched'
        else 'anonymous'
    end as attribution,
    events.anonymous_id_key,
    events.session_id,
    events.sku,
    events.category,
    events.event_value,
    events.currency,
    events.utm_source,
    events.utm_medium,
    events.utm_campaign,
    events.consent_state
from {{ ref('int_event__unioned') }} as events
left join {{ ref('int_account__assigned') }} as accounts on events.account_key = accounts.account_key
left join holders
    on
        events.account_key is null
        and coalesce(events.consent_state, '') <> 'denied'
        and events.source_system = holders.source_system
        and events.anonymous_id_key = holders.value_key
        and cast(events.occurred_at as date) between holders.held_from and holders.held_to
