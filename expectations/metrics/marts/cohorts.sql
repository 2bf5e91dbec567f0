-- Truth: cohorts hold every buyer once in every dimension, and what they were observed to bring is in core.
with buyers as (
    select count(distinct o.customer_id) as buyer_n
    from core.fct_order as o
    inner join core.dim_customer as c on o.customer_id = c.customer_id
    where o.is_kept and c.is_identified and not c.is_test
),

sizes as (
    select
        dim,
        sum(customer_n) as customer_n
    from marts.cohort_ltv
    where cohort = '(all)' and age_n = 0 and basis = 'net_revenue'
    group by dim
)

select (max(abs(sizes.customer_n - buyers.buyer_n)))::double as cohort_buyer_diff_n
from sizes
cross join buyers
