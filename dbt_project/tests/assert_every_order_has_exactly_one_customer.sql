-- Truth: every order of the canonical table is in core once, with one account and one person.
-- Usual cause: an account that identity left out or assigned twice; two rows of one order in staging.
-- Where to look: identity.identity_assignment for the account, then int_order__kept.
{{ config(meta={'dagster': {'ref': {'name': 'fct_order'}}}) }}

select
    orders.order_key,
    count(core.order_key) as row_n
from {{ ref('int_order__unioned') }} as orders
left join {{ ref('fct_order') }} as core
    on orders.order_key = core.order_key and orders.account_key = core.account_key
group by orders.order_key
having count(core.order_key) <> 1
