-- Truth: no account has a large share of a source's orders. Told by source with at least 2,000 orders.
-- Cause when not: a till, a courier or a placeholder that was taken for a person.
with accounts as (
    select
        source_system,
        account_key,
        count(*) as order_n
    from intermediate.int_order__unioned
    group by all
)

select
    source_system,
    sum(order_n)::double as order_n,
    max(order_n)::double / sum(order_n) as busiest_account_rate
from accounts
group by source_system
having sum(order_n) >= 2000
order by source_system
