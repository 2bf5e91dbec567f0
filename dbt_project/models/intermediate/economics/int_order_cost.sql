-- Recorded costs of orders, and of single lines where the statement names them: positive when the merchant pays.
{{ config(materialized='view') }}

with fees as (
    select
        settlement.order_key,
        lines.order_line_key,
        mapping.component,
        settlement.currency,
        -settlement.amount as amount
    from {{ ref('int_settlement_line__unioned') }} as settlement
    inner join {{ ref('fee_components') }} as mapping on settlement.type = mapping.settlement_type
    left join {{ ref('int_order_line__unioned') }} as lines on settlement.order_line_key = lines.order_line_key
    where settlement.order_key is not null
),

parcels as (
    select
        order_key,
        cast(null as varchar) as order_line_key,
        'fulfilment' as component,
        currency,
        cost as amount
    from {{ ref('int_shipment__unioned') }}
),

benefits as (
    select
        uses.order_key,
        cast(null as varchar) as order_line_key,
        'incentives' as component,
        uses.currency,
        uses.amount
    from {{ ref('int_incentive_use__unioned') }} as uses
    inner join {{ ref('int_incentive__unioned') }} as grants on uses.incentive_key = grants.incentive_key
    inner join {{ ref('incentive_kinds') }} as kinds on grants.kind = kinds.kind
    where kinds.is_cost and grants.funder = 'merchant'
),

recorded as (
    select * from fees
    union all
    select * from parcels
    union all
    select * from benefits
)

select
    order_key,
    order_line_key,
    component,
    currency,
    {{ sum_known('amount') }} as amount
from recorded
group by order_key, order_line_key, component, currency
