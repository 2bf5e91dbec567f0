-- Truth: an order knows its account, and accounts are people where the source says so. Told by source.
select
    o.source_system,
    count(*)::double as order_n,
    (count(*) filter (where o.account_key is null or o.account_key = ''))::double as accountless_n,
    count(distinct o.account_key)::double / count(*) as accounts_per_order,
    (
        count(*) filter (
            where coalesce(o.source_customer_id_key, o.buyer_email_key, o.buyer_phone_key) is null
        )
    )::double / count(*) as keyless_rate,
    (max(c.order_n))::double / count(*) as busiest_account_rate
from intermediate.int_order__unioned as o
inner join (
    select
        account_key,
        count(*) as order_n
    from intermediate.int_order__unioned
    group by account_key
) as c on o.account_key = c.account_key
group by o.source_system
having count(*) >= 200
order by o.source_system
