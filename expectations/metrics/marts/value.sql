-- Truth: every buyer has one value on each basis, within its interval; segments add up to it; forecasts of past days
-- came about.
with buyers as (
    select count(distinct o.customer_id) as buyer_n
    from core.fct_order as o
    inner join core.dim_customer as c on o.customer_id = c.customer_id
    where o.is_kept and c.is_identified and not c.is_test
),

valued as (
    select count(*) as valued_n
    from marts.customer_ltv_predictive
    group by basis
),

sums as (
    select
        basis,
        segment,
        sum(model_value) as model_value,
        min(value_source) as value_source
    from marts.customer_ltv_predictive
    group by basis, segment
),

latest as (
    select
        model,
        kind,
        target,
        customer_n,
        bias,
        mae,
        coverage_95
    from marts.ltv_backtest
    where
        segment = '(all)' and decile = 0 and kind in ('champion', 'baseline')
        and origin_on = (select max(origin_on) from marts.ltv_backtest where kind = 'champion')
),

champion as (
    select
        max(case when target = 'value' and customer_n >= 1000 then abs(bias) end) as value_bias,
        min(case when target = 'value' and customer_n >= 1000 then coverage_95 end) as coverage_95,
        max(case when target = 'orders' and customer_n >= 1000 then mae end) as orders_mae
    from latest
    where kind = 'champion'
),

guesses as (
    select min(mae) as orders_mae
    from latest
    where kind = 'baseline' and target = 'orders'
)

select
    (
        select coalesce(max_by(v.valued_n - b.buyer_n, abs(v.valued_n - b.buyer_n)), -max(b.buyer_n))
        from buyers as b
        left join valued as v on true
    )::double as buyer_diff_n,
    (
        select count(*) from marts.customer_ltv_predictive
        where
            lo > expected_value or hi < expected_value or expected_orders < 0
            or p_alive not between 0 and 1 or p_order_90 not between 0 and 1
    )::double as impossible_n,
    (
        select count(*) from marts.ltv_reconciliation as r
        left join sums as s on r.segment = s.segment and r.basis = s.basis
        where
            r.period = 'next' and r.segment <> '(all)'
            and (r.predictive is distinct from s.model_value or r.value_source is distinct from s.value_source)
    )::double as segment_diff_n,
    (
        select count(*) from marts.ltv_reconciliation
        where period = 'next' and segment <> '(all)' and not is_overlap and value_source <> 'cohort'
    )::double as not_given_way_n,
    (select value_bias from champion)::double as champion_bias,
    (select coverage_95 from champion)::double as champion_coverage_95,
    ((select orders_mae from champion) / (select orders_mae from guesses))::double as champion_mae_share
