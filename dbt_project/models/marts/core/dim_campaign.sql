-- Campaigns with how often they reached out and how many customers each side of their experiments has.
with described as (
    select
        *,
        row_number() over (partition by campaign_id order by source_system) as place
    from {{ ref('int_campaign__unioned') }}
),

reached as (
    select
        campaign_id,
        count(*) as touch_n
    from {{ ref('fct_touch') }}
    group by campaign_id
),

drawn as (
    select
        campaign_id,
        customer_id,
        bool_and(is_control) as is_control,
        bool_or(is_control) as is_ever_control,
        max(assigned_at) as assigned_at
    from {{ ref('fct_assignment') }}
    group by campaign_id, customer_id
),

tested as (
    select
        campaign_id,
        count(case when is_control then customer_id end) as control_n,
        count(case when not is_ever_control then customer_id end) as treated_n,
        count(case when is_ever_control and not is_control then customer_id end) as contaminated_n,
        max(assigned_at) as last_assigned_at
    from drawn
    group by campaign_id
),

named as (
    select campaign_id from described
    union distinct
    select campaign_id from reached
    union distinct
    select campaign_id from tested
)

select
    named.campaign_id,
    described.name,
    described.kind,
    described.starts_at,
    described.ends_at,
    described.budget,
    described.currency,
    described.owner,
    described.hypothesis,
    coalesce(reached.touch_n, 0) as touch_n,
    coalesce(tested.control_n, 0) as control_n,
    coalesce(tested.treated_n, 0) as treated_n,
    coalesce(tested.contaminated_n, 0) as contaminated_n,
    tested.last_assigned_at
from named
left join described on named.campaign_id = described.campaign_id and described.place = 1
left join reached on named.campaign_id = reached.campaign_id
left join tested on named.campaign_id = tested.campaign_id
