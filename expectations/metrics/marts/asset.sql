-- Truth: the ledger of the asset ties out to the last ten-thousandth on every basis, recomputed here from the rows of
-- customers; who is in the base does not depend on the basis.
with ledger as (
    select
        basis,
        period_on,
        dim,
        dim_value,
        sum(case when line = 'opening' then amount else 0 end) as opening,
        sum(case when line = 'closing' then amount else 0 end) as closing,
        sum(case when line not in ('opening', 'closing') then amount else 0 end) as changed,
        sum(case when line = 'reclassified' then amount else 0 end) as reclassified,
        sum(case when line = 'opening' then head_n else 0 end) as opening_n,
        sum(case when line = 'closing' then head_n else 0 end) as closing_n,
        sum(case when line not in ('opening', 'closing') then head_n else 0 end) as changed_n
    from marts.asset_ledger
    group by basis, period_on, dim, dim_value
),

months as (
    select basis, period_on, lag(period_on) over (partition by basis order by period_on) as before_on
    from (select distinct basis, period_on from marts.asset_ledger) as periods
),

joins as (
    select
        coalesce(l.dim, b.dim) as dim,
        coalesce(l.opening, 0) - coalesce(b.closing, 0) as break_amount,
        coalesce(l.opening_n, 0) - coalesce(b.closing_n, 0) as break_n
    from (
        select l.*, m.before_on
        from ledger as l
        inner join months as m on l.period_on = m.period_on and l.basis = m.basis
    ) as l
    full join (
        select l.*, m.period_on as next_on
        from ledger as l
        inner join months as m on l.period_on = m.before_on and l.basis = m.basis
    ) as b
        on l.period_on = b.next_on and l.basis = b.basis and l.dim = b.dim and l.dim_value = b.dim_value
),

by_line as (
    select basis, period_on, line, dim, sum(amount) as amount, sum(head_n) as head_n
    from marts.asset_ledger
    group by basis, period_on, line, dim
),

movements as (
    select basis, period_on, line, sum(amount) as amount
    from marts.asset_movement
    group by basis, period_on, line
),

values_to_date as (
    select basis, customer_id, sum(amount) as amount
    from marts.asset_movement
    group by basis, customer_id
),

last_values as (
    select basis, customer_id, max_by(closing_amount, period_on) as amount
    from marts.customer_asset
    group by basis, customer_id
),

last_closing as (
    select
        l.basis,
        l.closing,
        (select sum(p.model_value) from marts.customer_ltv_predictive as p where p.basis = l.basis) as predicted
    from ledger as l
    where l.dim = 'total' and l.period_on = (select max(m.period_on) from ledger as m)
)

select
    (select count(*) from ledger where opening + changed <> closing)::double as unbalanced_n,
    (select count(*) from ledger where opening_n + changed_n <> closing_n)::double as head_unbalanced_n,
    (select count(*) from joins where break_amount <> 0 or break_n <> 0)::double as broken_join_n,
    (
        select count(*)
        from by_line as d
        inner join by_line as t
            on d.basis = t.basis and d.period_on = t.period_on and d.line = t.line and t.dim = 'total'
        where d.amount <> t.amount or d.head_n <> t.head_n
    )::double as dim_off_total_n,
    (
        select count(*)
        from by_line as t
        left join movements as m on t.basis = m.basis and t.period_on = m.period_on and t.line = m.line
        where
            t.dim = 'total' and t.line not in ('opening', 'closing', 'reclassified')
            and t.amount <> coalesce(m.amount, 0)
    )::double as movement_off_n,
    (select count(*) from ledger where dim = 'total' and reclassified <> 0)::double as total_reclassified_n,
    (
        select count(*)
        from last_values as v
        left join values_to_date as m on v.basis = m.basis and v.customer_id = m.customer_id
        where v.amount <> coalesce(m.amount, 0)
    )::double as customer_off_n,
    (
        select count(*)
        from marts.asset_variance
        where
            opening_amount + revision_amount - released_amount + unwind_amount + extension_amount
            <> expected_closing_amount
            or expected_closing_amount + experience_amount + new_business_amount <> closing_amount
    )::double as variance_unbalanced_n,
    (
        select count(*)
        from marts.asset_variance as v
        inner join ledger as l
            on v.basis = l.basis and v.period_on = l.period_on and v.dim = l.dim and v.dim_value = l.dim_value
        where v.dim = 'total' and (v.opening_amount <> l.opening or v.closing_amount <> l.closing)
    )::double as variance_off_ledger_n,
    (select count(*) from by_line where line = 'erased' and amount <> 0)::double as erased_n,
    (
        select coalesce(max(abs(closing - predicted)::double / nullif(abs(predicted)::double, 0)), 0) from last_closing
    ) as closing_off_rate,
    (
        select count(*)
        from (
            select count(distinct head_n) as told_n
            from marts.asset_ledger
            where line = 'closing' and period_on = (select max(period_on) from marts.asset_ledger)
            group by period_on, dim, dim_value, line
            having told_n > 1
        ) as heads
    )::double as head_off_basis_n,
    (
        select count(*)
        from (
            select
                m.basis, m.period_on, m.leg,
                sum(m.closing_amount) as closing,
                max(l.closing) as ledger_closing
            from marts.segment_migration as m
            inner join ledger as l on m.basis = l.basis and m.period_on = l.period_on and l.dim = 'total'
            where m.leg <> 'threshold_drift'
            group by m.basis, m.period_on, m.scheme, m.leg
        ) as ways
        where closing <> ledger_closing
    )::double as migration_off_n
