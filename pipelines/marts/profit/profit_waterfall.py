"""B1: from list price to contribution, month by month, whole and by dimension.

Lives here: the mart `profit_waterfall`. Stays out: the economics of an order line (dbt, core), the names and signs of
the lines (`lines`) and the allocation of period costs (`period_costs`).

Two datings: `order` books refunds on the order's month, `refund` on the month the refund was given (where the export
dates it). Cost lines and contribution cover the costed order lines; the net revenue of the rest leaves in the step
`uncosted_net_revenue`, so steps sum to every subtotal exactly and an unknown cost is never counted as nothing.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, CURRENCY, UNKNOWN, month_of, rate_of, stamp, units
from pipelines.marts.profit import period_costs
from pipelines.marts.profit.lines import COSTS, LINES, MEMO, ORDER, REVENUE, STEP, SUBTOTAL, Line

DIMS = ("channel", "source_system", "category_l1", "customer_kind")
TOTAL = "total"
KINDS = ("new", "returning", "unidentified")
_ZERO = pl.lit(0, dtype=pl.Int64)
_REFUND = ("refunded_goods", "refunded_shipping", "tax_returned", "cogs_returned")

TABLE = Table(
    "profit_waterfall",
    "A line of the profit waterfall for a month and a value of a dimension.",
    ("dating", "dim", "dim_value", "month", "line"),
    (
        text(
            "dating",
            "Month that refunds are booked on: the order's, or the refund's own where the export dates it",
            required=True,
            values=("order", "refund"),
        ),
        text("dim", "Dimension; every dimension sums to 'total'", required=True, values=(TOTAL, *DIMS)),
        text("dim_value", "Value of the dimension; '(unknown)' where no source says", required=True),
        day("month", "First day of the month", required=True),
        text("line", "Line of the waterfall", required=True, values=tuple(line.name for line in LINES)),
        text("code", "Code of the line: W1 to W12, P1 to P3 for period costs", required=True),
        integer("position", "Place of the line in the waterfall, from 1", required=True),
        text(
            "line_kind",
            "Steps sum to the subtotals after them; memo lines are not summed",
            required=True,
            values=(STEP, SUBTOTAL, MEMO),
        ),
        money(
            "amount",
            "Signed amount: steps sum to the subtotals; cost lines and contribution cover costed order lines only",
            unit="reporting currency",
            null_means="no order line of the cell (below contribution: of the month) is costed, or a cost has no rate",
        ),
        money(
            "known_amount",
            "Signed amount over all order lines where this line is known, costed or not",
            unit="reporting currency",
            null_means="it is known of no order line, or it is a line of period costs",
        ),
        integer("order_line_n", "Order lines of the cell", required=True, unit="order lines"),
        integer(
            "known_order_line_n",
            "Order lines where this line is known",
            unit="order lines",
            null_means="it is a line of period costs",
        ),
        money("net_revenue", "Net revenue of the cell", required=True, unit="reporting currency"),
        money(
            "known_net_revenue",
            "Net revenue of the order lines where this line is known",
            unit="reporting currency",
            null_means="it is a line of period costs",
        ),
        rate(
            "coverage_rate",
            "Share of the cell's net revenue where this line is known",
            null_means="net revenue is not positive, or it is a line of period costs",
        ),
        AS_OF,
        CURRENCY,
    ),
)


_AMOUNTS = (*REVENUE, *COSTS, "contribution")
_BITS = {name: 1 << place for place, name in enumerate((*COSTS, "contribution", "net_revenue"))}
"""What is known of an order line, as bits of `known`: each cost, contribution (every cost), net revenue (the rate)."""


_KEYS = ("part", "month", *DIMS, "known", "category", "allocation_rule")


def _known() -> pl.Expr:
    """The bits of an order line."""
    return pl.sum_horizontal(
        pl.col(f"{name}_reporting").is_not_null().cast(pl.Int64) * pl.lit(bit, dtype=pl.Int64)
        for name, bit in _BITS.items()
    ).alias("known")


def _kinds(inputs: Inputs) -> pl.LazyFrame:
    """Each customer: identified or not, and when the first kept order was placed."""
    first = inputs["fct_order"].filter(pl.col("kept_order_n") == 1).select("customer_id", "ordered_at")
    firsts = first.group_by("customer_id").agg(pl.col("ordered_at").min().alias("first_kept_at"))
    people = inputs["dim_customer"].select("customer_id", "is_identified")
    return people.join(firsts, on="customer_id", how="left", maintain_order="none")


def _with_dims(rows: pl.LazyFrame, inputs: Inputs, sku: str) -> pl.LazyFrame:
    """Rows with `month`, `category_l1` of their sku and `customer_kind`."""
    late = (pl.col("ordered_at") > pl.col("first_kept_at")).fill_null(False)
    products = inputs["dim_product"].select(pl.col("sku").alias(sku), "category_l1")
    kind = (
        pl.when(~pl.col("is_identified").fill_null(False))
        .then(pl.lit(KINDS[2]))
        .when(late)
        .then(pl.lit(KINDS[1]))
        .otherwise(pl.lit(KINDS[0]))
    )
    return (
        rows.join(products, on=sku, how="left", maintain_order="none")
        .join(_kinds(inputs), on="customer_id", how="left", maintain_order="none")
        .with_columns(
            month_of("ordered_on").alias("month"),
            pl.col("channel", "source_system", "category_l1").fill_null(UNKNOWN),
            kind.alias("customer_kind"),
        )
        .drop("is_identified", "first_kept_at", "ordered_at", "ordered_on", "customer_id", sku)
    )


def _summed(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Sums by what rows of a part are told apart by; millions of rows never lie beside those of other parts."""
    keys = [key for key in _KEYS if key in rows.collect_schema()]
    return rows.group_by(keys).agg(pl.all().sum())


def _order_rows(inputs: Inputs) -> pl.LazyFrame:
    """One row per order line: its amounts (null where unknown) and what is known of it."""
    rows = inputs["fct_order_line_economics"].select(
        pl.lit("order").alias("part"),
        "customer_id",
        "ordered_at",
        "ordered_on",
        "sku",
        "channel",
        "source_system",
        _known(),
        pl.lit(1, dtype=pl.Int64).alias("order_line_n"),
        *(units(f"{name}_reporting").alias(name) for name in _AMOUNTS),
    )
    return _with_dims(rows, inputs, "sku")


def _moved_rows(inputs: Inputs) -> pl.LazyFrame:
    """What the refund dating moves: each refund of a later month leaves the order's month and enters its own."""
    moved = inputs["fct_refund"].filter(month_of("refunded_on") != month_of("ordered_on"))
    lines = inputs["fct_order_line_economics"].select("order_line_key", "sku", "ordered_at", _known())
    goods, shipping, tax, cogs = (units(f"{name}_reporting").fill_null(_ZERO) for name in _REFUND)
    amounts = {
        # Core stores lines as positive amounts; a refund adds goods and shipping refunded, takes tax and cost back.
        "refunded_goods": goods,
        "refunded_shipping": shipping,
        "tax": -tax,
        "net_revenue": tax - goods - shipping,
        "cogs": -cogs,
        "contribution": tax - goods - shipping + cogs,
    }
    enters = (
        moved.select(
            pl.lit("moved").alias("part"),
            "order_line_key",
            "customer_id",
            "ordered_on",
            "channel",
            "source_system",
            month_of("refunded_on").alias("refund_month"),
            *(amount.alias(name) for name, amount in amounts.items()),
        )
        .join(lines, on="order_line_key", how="left", maintain_order="none")
        .drop("order_line_key")
        .with_columns(pl.col("known").fill_null(0))
        .pipe(_with_dims, inputs, "sku")
    )
    leaves = enters.drop("refund_month").with_columns(-pl.col(name) for name in amounts)
    return pl.concat([leaves, enters.drop("month").rename({"refund_month": "month"})], how="diagonal")


def _kept_orders(inputs: Inputs) -> pl.LazyFrame:
    """Kept orders as weights of the rule 'orders', each in the category of its largest line."""
    orders = inputs["fct_order"].filter("is_kept")
    kept = orders.select(
        pl.lit("orders").alias("part"),
        "customer_id",
        "ordered_at",
        "ordered_on",
        "first_sku",
        "channel",
        "source_system",
        pl.lit(1, dtype=pl.Int64).alias("kept_order_n"),
    )
    return _with_dims(kept, inputs, "first_sku")


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Sums of order lines, moved refunds and kept orders, and period costs, in one frame, told apart by `part`."""
    costs = inputs["fct_period_cost"].select(
        pl.lit("period").alias("part"),
        "month",
        pl.col("category"),
        pl.col("allocation_rule"),
        units("amount_reporting").alias("period_cost"),
        pl.lit(1, dtype=pl.Int64).alias("period_cost_n"),
    )
    parts = (_order_rows(inputs), _moved_rows(inputs), _kept_orders(inputs))
    return pl.concat([*map(_summed, parts), costs], how="diagonal")


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums by month, all dimensions together and what is known; period costs by category and rule."""
    return rows.group_by(_KEYS).agg(
        pl.all().exclude("period_cost").sum(),
        pl.when(pl.col("period_cost").count() == pl.col("period_cost_n").sum())
        .then(pl.col("period_cost").sum())
        .alias("period_cost"),
    )


def _sums() -> list[pl.Expr]:
    """Sums of a cell from parts in which the same is known of every order line."""

    def where(bit: str, column: str) -> pl.Expr:
        has = (pl.col("known") & pl.lit(_BITS[bit], dtype=pl.Int64)) > 0
        return pl.when(has).then(column).otherwise(_ZERO).sum()

    return [
        pl.col("order_line_n", *REVENUE).sum(),
        where("net_revenue", "order_line_n").alias("converted_n"),
        where("contribution", "order_line_n").alias("costed_n"),
        where("contribution", "net_revenue").alias("costed_net"),
        where("contribution", "contribution").alias("contribution"),
        *(where("contribution", name).alias(name) for name in COSTS),
        *(where(name, name).alias(f"{name}__known") for name in COSTS),
        *(where(name, "net_revenue").alias(f"{name}__net") for name in COSTS),
        *(where(name, "order_line_n").alias(f"{name}__n") for name in COSTS),
    ]


def _cells(parts: pl.LazyFrame) -> pl.DataFrame:
    """Sums by dating, dimension, value and month."""
    frames = []
    for dating, wanted in (("order", ["order"]), ("refund", ["order", "moved"])):
        rows = parts.filter(pl.col("part").is_in(wanted))
        for dim in (TOTAL, *DIMS):
            value = pl.lit(TOTAL) if dim == TOTAL else pl.col(dim)
            cells = rows.group_by(value.alias("dim_value"), "month").agg(_sums())
            frames.append(cells.select(pl.lit(dating).alias("dating"), pl.lit(dim).alias("dim"), pl.all()))
    return pl.concat(frames).collect()


def _row(line: Line, amount: pl.Expr, known: pl.Expr, known_n: pl.Expr, known_net: pl.Expr) -> list[pl.Expr]:
    return [
        pl.col("dating", "dim", "dim_value", "month"),
        pl.lit(line.name).alias("line"),
        pl.lit(line.code).alias("code"),
        pl.lit(ORDER[line.name], dtype=pl.Int64).alias("position"),
        pl.lit(line.kind).alias("line_kind"),
        (amount * pl.lit(line.sign, dtype=pl.Int64)).alias("amount"),
        (known * pl.lit(line.sign, dtype=pl.Int64)).alias("known_amount"),
        pl.col("order_line_n"),
        known_n.alias("known_order_line_n"),
        pl.col("net_revenue"),
        known_net.alias("known_net_revenue"),
    ]


def _expressions(line: Line) -> list[pl.Expr]:
    """The columns of one line, from the sums of a cell."""
    costed, nothing = pl.col("costed_n") > 0, pl.lit(None, dtype=pl.Int64)
    if line.name in REVENUE:
        sums = pl.col(line.name)
        return _row(line, sums, sums, pl.col("converted_n"), pl.col("net_revenue"))
    if line.name in COSTS:
        known, known_n = pl.col(f"{line.name}__known"), pl.col(f"{line.name}__n")
        return _row(
            line,
            pl.when(costed | (pl.col(line.name) != 0)).then(line.name),
            pl.when((known_n > 0) | (known != 0)).then(known),
            known_n,
            pl.col(f"{line.name}__net"),
        )
    if line.name == "uncosted_net_revenue":
        uncosted = pl.col("net_revenue") - pl.col("costed_net")
        return _row(line, uncosted, uncosted, pl.col("converted_n"), pl.col("net_revenue"))
    if line.name == "contribution":
        amount = pl.when(costed | (pl.col("contribution") != 0)).then("contribution")
        return _row(line, amount, amount, pl.col("costed_n"), pl.col("costed_net"))
    return _row(line, pl.col(line.name), nothing, nothing, nothing)


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Cells with their period costs, one row per line."""
    merged = parts.collect().lazy()
    cells = period_costs.with_period_costs(_cells(merged), merged, DIMS)
    with_orders = cells.filter(pl.col("dim_value") != period_costs.UNALLOCATED_VALUE)
    rows = [
        (cells if line.name in period_costs.UNALLOCATED_LINES else with_orders).select(_expressions(line))
        for line in LINES
    ]
    return (
        pl.concat(rows)
        .lazy()
        .with_columns(
            rate_of(pl.col("known_net_revenue"), pl.col("net_revenue")).alias("coverage_rate"), *stamp(params)
        )
    )


_ECONOMICS = (
    "customer_id",
    "order_line_key",
    "channel",
    "source_system",
    "sku",
    "ordered_at",
    "ordered_on",
    *(f"{name}_reporting" for name in (*REVENUE, *COSTS, "contribution")),
)

MART = Mart(
    code="B1",
    domain="profit",
    table=TABLE,
    questions=(
        "Where does the money go between list price and contribution, month by month?",
        "Which channel, category or kind of customer leaks most through discounts, refunds and fees?",
        "How do profits look when refunds count in the month they were given?",
        "For which share of net revenue are the costs behind the contribution known?",
    ),
    example_sql=(
        "select line, sum(amount) as amount from marts.profit_waterfall "
        "where dating = 'order' and dim = 'total' and line_kind <> 'memo' group by line, position order by position"
    ),
    inputs=("dim_customer", "dim_product", "fct_order", "fct_order_line_economics", "fct_refund", "fct_period_cost"),
    reads={
        "dim_customer": ("customer_id", "is_identified"),
        "dim_product": ("sku", "category_l1"),
        "fct_order": (
            "customer_id",
            "channel",
            "source_system",
            "ordered_at",
            "ordered_on",
            "is_kept",
            "kept_order_n",
            "first_sku",
        ),
        "fct_order_line_economics": _ECONOMICS,
        "fct_refund": (
            "customer_id",
            "order_line_key",
            "channel",
            "source_system",
            "ordered_on",
            "refunded_on",
            *(f"{name}_reporting" for name in _REFUND),
        ),
        "fct_period_cost": ("month", "category", "allocation_rule", "amount_reporting"),
    },
    once=("fct_period_cost",),
    local=local,
    partial=partial,
    finalize=finalize,
)
