-- Products of the feeds, and what else was sold. Of several feeds the one that spoke last wins, whole.
with ranked as (
    select
        *,
        row_number() over (partition by sku order by known_at desc, source_system asc) as place
    from {{ ref('int_product__unioned') }}
),

fed as (
    select * from ranked
    where place = 1
),

sold as (
    select distinct sku
    from {{ ref('int_order_line__priced') }}
    where sku is not null
)

select
    coalesce(fed.sku, sold.sku) as sku,
    fed.title,
    fed.category_l1,
    fed.category_l2,
    fed.category_l3,
    fed.brand
from fed
full outer join sold on fed.sku = sold.sku
