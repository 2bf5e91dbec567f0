-- Truth: values less their losses are what is realised, of every customer and in total, and are the ledger's closing.
with closing as (
    select
        basis,
        amount
    from marts.asset_ledger
    where
        dim = 'total' and line = 'closing'
        and period_on = (select max(period_on) from marts.asset_ledger)
),

valued as (
    select
        basis,
        sum(value_amount) as amount
    from marts.customer_realised_asset
    group by basis
),

waterfall as (
    select
        basis,
        sum(case when line = 'realised' then -amount else amount end) as amount
    from marts.realised_asset
    group by basis
)

select
    (
        select count(*)
        from marts.customer_realised_asset
        where value_amount - unreachable_amount - thin_data_amount - untreated_amount - unmeasured_amount
        <> realised_amount
    )::double as realised_off_n,
    (
        select coalesce(sum(abs(coalesce(v.amount, 0) - coalesce(c.amount, 0))), 0)
        from valued as v
        full join closing as c on v.basis = c.basis
    )::double as realised_value_diff,
    (select coalesce(sum(abs(amount)), 0) from waterfall)::double as waterfall_diff
