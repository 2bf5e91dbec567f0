-- Truth: every mart of customers counts the same customers as core: identified, not for testing.
with people as (
    select customer_id
    from core.dim_customer
    where is_identified and not is_test
),

buyers as (
    select
        o.customer_id,
        count(*) as kept_n,
        min(o.ordered_on) as first_on,
        max(o.ordered_on) as last_on
    from core.fct_order as o
    inner join people as p on o.customer_id = p.customer_id
    where o.is_kept
    group by o.customer_id
),

counts as (
    select
        (select count(*) from people) as people_n,
        (select count(*) from buyers) as buyer_n
)

select
    ((select count(*) from marts.customer_360) - people_n)::double as customer_360_diff_n,
    ((select count(*) from marts.customer_rfm) - people_n)::double as customer_rfm_diff_n,
    ((select count(*) from marts.customer_lifecycle) - people_n)::double as customer_lifecycle_diff_n,
    ((select count(recency_days) from marts.customer_rfm) - buyer_n)::double as rfm_buyer_diff_n,
    ((select count(silence_days) from marts.customer_lifecycle) - buyer_n)::double as lifecycle_buyer_diff_n,
    ((select count(distinct customer_id) from marts.customer_ltv_historical) - buyer_n)::double as ltv_buyer_diff_n,
    (
        (
            select coalesce(sum(cohort_n), 0) from (
                select distinct cohort, cohort_n from marts.cohort_retention where dim = 'total' and cohort <> '(all)'
            ) as cohorts
        ) - buyer_n
    )::double as cohort_excess_n,
    (
        select count(*) from marts.customer_360 as m
        left join buyers as b on m.customer_id = b.customer_id
        where
            m.kept_order_n <> coalesce(b.kept_n, 0)
            or m.first_order_on is distinct from b.first_on
            or m.last_order_on is distinct from b.last_on
    )::double as history_wrong_n,
    (
        select count(*) from marts.customer_360 as m
        where m.customer_id not in (select customer_id from people)
    )::double as stranger_n
from counts
