-- Truth: shares of money stay within what a business can show. Told by channel, where there is enough to judge by.
with sums as (
    select
        channel,
        count(*) as line_n,
        sum(list_value) as list_value,
        sum(gross_merchandise) as gross,
        sum(gross_merchandise) - sum(cancelled) + sum(shipping_charged) as sold,
        sum(markdown) + sum(merchant_discount) as discount,
        sum(refunded_goods) + sum(refunded_shipping) as refunded,
        sum(cancelled) as cancelled,
        sum(tax) as tax,
        sum(net_revenue) filter (where is_costed) as costed_net,
        sum(contribution) as contribution,
        sum(cogs) filter (where is_costed) as cogs,
        sum(platform_fee + payment_fee + commission) filter (where is_costed) as fees,
        sum(qty) as qty
    from core.fct_order_line_economics
    group by channel
)

select
    channel,
    case when sold > 0 then (refunded / sold)::double end as refund_rate,
    case when list_value > 0 then (discount / list_value)::double end as discount_rate,
    case when gross > 0 then (cancelled / gross)::double end as cancelled_rate,
    case when sold > 0 then (tax / sold)::double end as tax_rate,
    case when costed_net > 0 then (contribution / costed_net)::double end as contribution_rate,
    case when costed_net > 0 then (cogs / costed_net)::double end as cogs_rate,
    case when costed_net > 0 then (fees / costed_net)::double end as fees_rate
from sums
where line_n >= 200
order by channel
