-- Truth: every order and account belongs to exactly one person, and a person's kept orders are numbered from 1.
with kept as (
    select
        customer_id,
        count(*) as kept_n,
        count(distinct kept_order_n) as numbered_n,
        min(kept_order_n) as first_n,
        max(kept_order_n) as last_n
    from core.fct_order
    where is_kept
    group by customer_id
),

accounts as (
    select
        customer_id,
        count(*) as account_n
    from core.dim_account
    group by customer_id
)

select
    (select count(*) from core.fct_order where customer_id not in (select customer_id from core.dim_customer))::double
        as orphan_order_n,
    (
        select count(*) from core.fct_order_line_economics
        where customer_id not in (select customer_id from core.dim_customer)
    )::double as orphan_line_n,
    (select count(*) from core.dim_account where customer_id not in (select customer_id from core.dim_customer))::double
        as orphan_account_n,
    (
        select count(*) from core.fct_order as o
        inner join core.dim_account as a on o.account_key = a.account_key
        where o.customer_id <> a.customer_id
    )::double as other_person_n,
    (
        select count(*) from core.dim_customer as c
        left join accounts as a on c.customer_id = a.customer_id
        where c.account_n <> coalesce(a.account_n, 0)
    )::double as account_n_wrong_n,
    (select max(account_n) from core.dim_customer)::double as largest_account_n,
    (select count(*) from kept where not (first_n = 1 and last_n = kept_n and numbered_n = kept_n))::double
        as kept_order_n_wrong_n,
    (select count(*) from core.fct_order where is_kept is distinct from (kept_order_n is not null))::double
        as kept_unnumbered_n,
    (select count(*) from core.fct_order where is_kept and status <> 'paid')::double as kept_unpaid_n,
    (
        select count(*) from core.fct_order_line_economics
        where sku is not null and sku not in (select sku from core.dim_product)
    )::double as orphan_sku_n
