-- Truth: every valued customer has one risk, in money too; the risk is calibrated and better than the base rate.
with together as (
    select
        model,
        customer_n,
        brier,
        ece
    from marts.churn_backtest
    where part = 'all' and origin_on = as_of_on and customer_n >= 1000
)

select
    (
        (select count(*) from marts.customer_churn_risk)
        - (select count(distinct customer_id) from marts.customer_ltv_predictive)
    )::double as risk_diff_n,
    (
        select count(*) from marts.customer_churn_risk
        where p_no_order_90 not between 0 and 1 or p_model not between 0 and 1
    )::double as impossible_n,
    (
        select count(*) from marts.customer_churn_risk
        where abs(value_at_risk::double - expected_value::double * p_no_order_90) > 0.001
    )::double as value_wrong_n,
    (select ece from together where model = 'calibrated')::double as calibration_error,
    (
        (select brier from together where model = 'calibrated') / (select brier from together where model = 'base_rate')
    )::double as brier_share
