"""A4: how much of a customer's value the business can work with: data factor times operations factor.

Lives here: the mart `customer_realised_asset`. Stays out: sums and what to fix first (`realised_asset`).

From the value, in this order, what is lost for each reason: customers that no channel reaches with consent; fields that
are not filled; customers that no treatment is aimed at; treatments whose effect was never measured. What is left is
realised: value x data factor x operations factor.

A customer is treated by the campaigns that reached it within the horizon: by a touch that did not come back, or by a
kept order attributed to the campaign. A campaign's effect is measured where customers were drawn into a treated and an
untreated arm, enough of each for means to be compared, and long enough ago to have answered.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Column, Table, flag, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import (
    AS_OF,
    BASES,
    BASIS_SAYS,
    CURRENCY,
    CUSTOMER_ID,
    as_of,
    customers,
    days_from,
    rate_of,
    stamp,
    units,
)

FIELDS = ("has_email", "has_phone", "is_asked", "region", "birth_year", "acquisition_channel")
"""What a targeted treatment needs to know; the share that is filled is the coverage."""
UNTESTED_TENTHS = 5
"""A treatment whose effect was never measured counts half."""
COMPARABLE_N = 30
"""Customers that each arm of an experiment must have: below, a mean's error is not told by the normal distribution."""
ANSWERED_DAYS = 30
"""Days after the last draw until customers have had time to answer."""
LOST = {
    "unreachable": "Value of customers that no channel with consent reaches",
    "thin_data": "Share of the rest for fields that are not filled",
    "untreated": "Rest of customers that no treatment is aimed at",
    "unmeasured": "Half of the rest of treated customers where the effect of no treatment was measured",
}
OPERATIONS = ("measured", "untested", "none", "assumed")
_UNIT = "reporting currency"
_MEANING: tuple[Column, ...] = tuple(
    money(f"{name}_amount", says, required=True, unit=_UNIT) for name, says in LOST.items()
)

TABLE = Table(
    "customer_realised_asset",
    "What a customer's value is realised of, and what is lost for which reason.",
    ("customer_id", "basis"),
    (
        CUSTOMER_ID,
        text("basis", BASIS_SAYS, required=True, values=BASES),
        money("value_amount", "Value of the customer as of the day (closing of the ledger)", required=True, unit=_UNIT),
        flag("is_reachable", "E-mail or telephone is usable and its owner consented to marketing", required=True),
        integer(
            "filled_field_n", f"Fields filled of the {len(FIELDS)} that treatments need", required=True, unit="fields"
        ),
        rate("data_factor_rate", "Reachable (0 or 1) times the share of fields filled", required=True),
        text(
            "operations",
            "measured: a campaign whose effect a random control arm measures reached the customer within the horizon; "
            "untested: only other campaigns did; none: no campaign did; assumed: the data tells of no campaign that "
            "reached anyone, so every customer counts as treated without a test",
            required=True,
            values=OPERATIONS,
        ),
        rate("operations_factor_rate", "1 measured treatment, 0.5 treatment without a test, 0 none", required=True),
        *_MEANING,
        money("realised_amount", "What is left: value x data factor x operations factor", required=True, unit=_UNIT),
        AS_OF,
        CURRENCY,
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The value of each customer as of the day, and what is known to work with."""
    value = inputs["customer_asset"].select("customer_id", "basis", units("closing_amount").alias("value_amount"))
    filled = pl.sum_horizontal(_is_filled(field).cast(pl.Int64) for field in FIELDS)
    reached = [
        pl.col(f"has_{kind}") & pl.col(f"is_{by}_consented").fill_null(False)
        for kind, by in (("email", "email"), ("phone", "sms"))
    ]
    who = customers(inputs).select(
        "customer_id", filled.alias("filled_field_n"), pl.any_horizontal(reached).alias("is_reachable")
    )
    return (
        value.join(who, on="customer_id", how="inner", maintain_order="none")
        .join(_treated(inputs, params), on="customer_id", how="left", maintain_order="none")
        .with_columns(pl.col("is_treated", "is_measured").fill_null(False))
    )


def _treated(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Customers that a campaign reached within the horizon, and whether the effect of one of them is measured."""
    orders = inputs["fct_order"].filter(
        pl.col("is_kept") & (days_from("ordered_on", as_of(params)) < params.horizon_days)
    )
    touches = inputs["fct_touch"].filter(
        ~pl.col("is_bounced").fill_null(False),
        pl.col("is_delivered").fill_null(True),
        days_from(pl.col("sent_at").dt.date(), as_of(params)) < params.horizon_days,
    )
    reached = pl.concat(
        [
            touches.select("customer_id", "campaign_id"),
            orders.select("customer_id", pl.col("attributed_campaign_id").alias("campaign_id")),
        ]
    ).drop_nulls()
    measured = (
        inputs["dim_campaign"]
        .filter(
            pl.col("control_n") >= COMPARABLE_N,
            pl.col("treated_n") >= COMPARABLE_N,
            days_from(pl.col("last_assigned_at").dt.date(), as_of(params)) >= ANSWERED_DAYS,
        )
        .select("campaign_id", pl.lit(True).alias("is_measured"))
    )
    return (
        reached.join(measured, on="campaign_id", how="left", maintain_order="none")
        .group_by("customer_id")
        .agg(pl.lit(True).alias("is_treated"), pl.col("is_measured").any())
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Whether the data tell of any campaign that reached anyone."""
    return rows.select(pl.col("is_treated").any().alias("is_told"))


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The same over all buckets."""
    return parts.select(pl.col("is_told").any())


def apply(rows: pl.LazyFrame, shared: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The steps of each customer, in whole ten-thousandths, so that they sum to the value exactly."""
    zero, ten, fields = (pl.lit(number, dtype=pl.Int64) for number in (0, 10, len(FIELDS)))
    operations = (
        pl.when(~pl.col("is_told"))
        .then(pl.lit("assumed"))
        .when("is_measured")
        .then(pl.lit("measured"))
        .when("is_treated")
        .then(pl.lit("untested"))
        .otherwise(pl.lit("none"))
    )
    tenths = (
        pl.when(pl.col("operations") == "measured")
        .then(ten)
        .when(pl.col("operations") == "none")
        .then(zero)
        .otherwise(pl.lit(UNTESTED_TENTHS, dtype=pl.Int64))
    )
    reached = pl.when("is_reachable").then("value_amount").otherwise(zero)
    covered = pl.col("reached") * pl.col("filled_field_n") // fields
    treated = pl.when(pl.col("tenths") > 0).then("covered").otherwise(zero)
    coverage = rate_of(pl.col("filled_field_n"), fields)
    return (
        rows.join(shared, how="cross")
        .with_columns(operations.alias("operations"), reached.alias("reached"))
        .with_columns(covered.alias("covered"), tenths.alias("tenths"))
        .with_columns(treated.alias("treated"))
        .with_columns((pl.col("treated") * pl.col("tenths") // ten).alias("realised_amount"))
        .with_columns(
            (pl.col("value_amount") - pl.col("reached")).alias("unreachable_amount"),
            (pl.col("reached") - pl.col("covered")).alias("thin_data_amount"),
            (pl.col("covered") - pl.col("treated")).alias("untreated_amount"),
            (pl.col("treated") - pl.col("realised_amount")).alias("unmeasured_amount"),
            pl.when("is_reachable").then(coverage).otherwise(rate_of(zero, fields)).alias("data_factor_rate"),
            rate_of(pl.col("tenths"), ten).alias("operations_factor_rate"),
            *stamp(params),
        )
    )


def _is_filled(field: str) -> pl.Expr:
    if field == "is_asked":
        return pl.any_horizontal(pl.col(f"is_{by}_consented").is_not_null() for by in ("email", "sms"))
    return pl.col(field) if field.startswith("has_") else pl.col(field).is_not_null()


MART = Mart(
    code="A4",
    domain="asset",
    table=TABLE,
    questions=(
        "How much of this customer's value can be worked with today?",
        "Which valuable customers cannot be reached, and which lack consent or data?",
        "Whose value would a tested treatment unlock?",
    ),
    example_sql=(
        "select is_reachable, operations, count(*) as customers, sum(value_amount) as value, sum(realised_amount) as "
        "realised from marts.customer_realised_asset where basis = 'net_revenue' group by all order by value desc"
    ),
    inputs=("dim_customer", "dim_campaign", "fct_order", "fct_touch", "customer_asset"),
    reads={
        "dim_customer": (
            "customer_id",
            "is_identified",
            "is_test",
            "has_email",
            "has_phone",
            "is_email_consented",
            "is_sms_consented",
            "region",
            "birth_year",
            "acquisition_channel",
        ),
        "fct_order": ("customer_id", "ordered_on", "is_kept", "attributed_campaign_id"),
        "dim_campaign": ("campaign_id", "control_n", "treated_n", "last_assigned_at"),
        "fct_touch": ("customer_id", "campaign_id", "sent_at", "is_delivered", "is_bounced"),
        "customer_asset": ("customer_id", "period_on", "basis", "closing_amount", "as_of_on"),
    },
    only={"customer_asset": "period_on = as_of_on"},
    local=local,
    partial=partial,
    finalize=finalize,
    apply=apply,
    relationships={"customer_id": "customer_360.customer_id"},
)
