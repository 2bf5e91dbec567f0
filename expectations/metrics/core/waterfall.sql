-- Truth: every line of the waterfall follows from the ones before it, nothing is negative that cannot be, and what is
-- flagged as known is known. Told by channel: the number of order lines for which it is not.
select
    channel,
    count(*)::double as line_n,
    (count(*) filter (where gross_merchandise <> list_value - markdown - merchant_discount))::double as gross_wrong_n,
    (
        count(*) filter (
            where
            net_revenue
            <> gross_merchandise + shipping_charged - cancelled - refunded_goods - refunded_shipping - tax
        )
    )::double as net_revenue_wrong_n,
    (
        count(*) filter (
            where
            contribution is distinct from
            net_revenue - cogs - platform_fee - payment_fee - commission - fulfilment - incentives
        )
    )::double as contribution_wrong_n,
    (
        count(*) filter (
            where
            contribution_reporting is distinct from
            net_revenue_reporting - cogs_reporting - platform_fee_reporting - payment_fee_reporting
            - commission_reporting - fulfilment_reporting - incentives_reporting
        )
    )::double as contribution_reporting_wrong_n,
    (
        count(*) filter (
            where list_value < 0 or refunded_goods < 0 or refunded_shipping < 0 or cancelled < 0 or platform_subsidy < 0
        )
    )::double as negative_n,
    (count(*) filter (where refunded_goods > greatest(gross_merchandise, 0)))::double / count(*) as over_refunded_rate,
    (
        count(*) filter (
            where
            is_cogs_known is distinct from (cogs is not null)
            or is_fulfilment_known is distinct from (fulfilment is not null)
            or is_fees_known is distinct from
            (platform_fee is not null and payment_fee is not null and commission is not null)
            or is_costed is distinct from (contribution is not null)
        )
    )::double as flag_wrong_n,
    (count(*) filter (where net_revenue is null or gross_merchandise is null or list_value is null))::double
        as unknown_revenue_n,
    (count(*) filter (where currency = reporting_currency and net_revenue is distinct from net_revenue_reporting))
    ::double as own_currency_wrong_n,
    (count(*) filter (where net_revenue_reporting is null))::double / count(*) as unconverted_rate
from core.fct_order_line_economics
group by channel
order by channel
