-- Truth: values less their losses are what is realised, of every customer and in total, and are the ledger's closing.
with closing as (
    select coalesce(sum(amount), 0) as amount
    from marts.asset_ledger
    where
        dim = 'total' and line = 'closing'
        and period_on = (select max(period_on) from marts.asset_ledger)
)

select
    (
        select count(*)
        from marts.customer_realised_asset
        where value_amount - unreachable_amount - thin_data_amount - untreated_amount - unmeasured_amount
        <> realised_amount
    )::double as realised_off_n,
    abs(
        (select coalesce(sum(value_amount), 0) from marts.customer_realised_asset) - (select amount from closing)
    )::double as realised_value_diff,
    abs(
        (select coalesce(sum(amount), 0) from marts.realised_asset where line <> 'realised')
        - (select coalesce(sum(amount), 0) from marts.realised_asset where line = 'realised')
    )::double as waterfall_diff
