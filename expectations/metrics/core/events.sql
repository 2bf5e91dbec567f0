-- Truth: every event of the canonical table is in core once, and belongs to the person of its login, to the one person
-- who logs in on the same browser, or to nobody. Told by source.
with stated as (
    select
        source_system,
        count(*) as event_n
    from intermediate.int_event__unioned
    group by source_system
),

persons as (
    select
        source_system,
        anonymous_id_key,
        count(distinct coalesce(customer_id, account_key)) as person_n,
        min(customer_id) as customer_id
    from core.fct_event
    where attribution = 'login' and consent_state is distinct from 'denied'
    group by source_system, anonymous_id_key
),

found as (
    select
        e.source_system,
        count(*) as event_n,
        count(*) filter (
            where (e.attribution = 'login') is distinct from (e.account_key is not null)
            or (e.attribution = 'stitched' and e.customer_id is null)
            or (e.attribution = 'anonymous' and e.customer_id is not null)
        ) as misattributed_n,
        count(*) filter (where e.attribution = 'login' and e.customer_id is distinct from a.customer_id)
            as other_person_n,
        count(*) filter (
            where e.attribution = 'stitched'
            and (
                p.person_n is distinct from 1
                or p.customer_id is distinct from e.customer_id
                or e.consent_state = 'denied'
            )
        ) as wrongly_stitched_n
    from core.fct_event as e
    left join core.dim_account as a on e.account_key = a.account_key
    left join persons as p on e.source_system = p.source_system and e.anonymous_id_key = p.anonymous_id_key
    group by e.source_system
)

select
    coalesce(s.source_system, f.source_system) as source_system,
    (coalesce(f.event_n, 0) - coalesce(s.event_n, 0))::double as event_diff_n,
    f.misattributed_n::double as misattributed_n,
    f.other_person_n::double as other_person_n,
    f.wrongly_stitched_n::double as wrongly_stitched_n
from stated as s
full outer join found as f on s.source_system = f.source_system
order by source_system
