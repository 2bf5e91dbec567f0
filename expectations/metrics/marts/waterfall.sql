-- Truth: the waterfall is core's money, in each of its datings and dimensions.
with core_sums as (
    select
        coalesce(sum(net_revenue_reporting), 0) as net_revenue,
        coalesce(sum(contribution_reporting), 0) as contribution,
        coalesce(sum(gross_merchandise_reporting), 0) as gross_merchandise
    from core.fct_order_line_economics
),

mart as (
    select
        dating,
        dim,
        coalesce(sum(amount) filter (where line = 'net_revenue'), 0) as net_revenue,
        coalesce(sum(amount) filter (where line = 'gross_merchandise'), 0) as gross_merchandise,
        coalesce(sum(amount) filter (where line = 'contribution'), 0) as contribution
    from marts.profit_waterfall
    group by all
)

select
    m.dating,
    m.dim,
    (m.net_revenue - c.net_revenue)::double as net_revenue_diff,
    (m.gross_merchandise - c.gross_merchandise)::double as gross_merchandise_diff,
    (m.contribution - c.contribution)::double as contribution_diff
from mart as m
cross join core_sums as c
order by m.dating, m.dim
