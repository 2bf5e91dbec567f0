"""A seeded synthetic core for tests of marts: every table of `contracts.core`, with the laws core keeps.

Lives here: people, products, orders, their lines and refunds, and the tables together. Stays out: what they come to
(`marts_facts`).

Amounts are drawn as whole ten-thousandths and tie out: order totals are sums of their lines, refunds of a line are the
sum of its refund rows, contribution is net revenue less known costs and null when one is not known.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from support import marts_facts
from support.marts_facts import COSTS, HAS_TWO

from pipelines.contracts.core import CORE
from pipelines.contracts.money import from_units


@dataclass(frozen=True)
class Shape:
    """What the synthetic company looks like."""

    customers: int = 60
    seed: int = 0
    as_of: date = date(2025, 6, 20)
    days: int = 500
    mean_gap_days: float = 45.0
    stop_share: float = 0.3  # of customers after each order
    cost_known_share: float = 0.99
    no_rate_share: float = 0.0
    kept_share: float = 0.9
    late_payment_days: int = 0  # every fifth kept order is paid up to so many days after it was placed
    cancelled_share: float = 0.07
    refund_share: float = 0.12  # of single lines; below zero: no refunds at all, of whole orders neither
    period_costs: bool = True
    longest_cancellation_days: int = 120  # every second one had stood up to so many days; 0: none
    late_days: int = 0  # up to so many days until an order or a refund is learnt of; never after as_of
    acquisition_channels: tuple[str | None, ...] = ("ads", "search", "friends", None)


def make_core(shape: Shape) -> dict[str, pl.DataFrame]:
    """Core tables by name, in the types of the contract."""
    rng = np.random.default_rng(shape.seed)
    people = _people(shape, rng)
    products = _products()
    orders = _orders(shape, rng, people)
    lines = _lines(shape, rng, orders, products)
    refunds = _refunds(shape, rng, lines)
    economics = marts_facts.economics(lines, refunds)
    cancellations = marts_facts.cancellations(shape, lines)
    frames = {
        "dim_customer": people,
        "dim_account": (accounts := _accounts(people)),
        "identity_policy": _policies(accounts),
        "dim_product": products,
        "fct_order": marts_facts.order_facts(shape, orders, economics, refunds, cancellations),
        "fct_refund": marts_facts.refund_facts(refunds),
        "fct_cancellation": cancellations.with_columns(
            *marts_facts.KEYS, *marts_facts.money(marts_facts.CANCELLED_PARTS)
        ),
        "fct_period_cost": _period_costs(shape, rng),
        **{name: pl.DataFrame(schema=CORE[name].polars_schema) for name in ("dim_campaign", "fct_touch")},
    }
    kept = frames["fct_order"].select("order_key", "is_kept")
    frames["fct_order_line_economics"] = marts_facts.line_facts(economics.drop("is_kept").join(kept, on="order_key"))
    return {name: frame.select(CORE[name].names).cast(dict(CORE[name].polars_schema)) for name, frame in frames.items()}


def lazy(core: dict[str, pl.DataFrame]) -> dict[str, pl.LazyFrame]:
    """The tables as a mart takes them."""
    return {name: frame.lazy() for name, frame in core.items()}


def shuffled(core: dict[str, pl.DataFrame], seed: int) -> dict[str, pl.DataFrame]:
    """The same rows in another order."""
    return {name: frame.sample(fraction=1.0, shuffle=True, seed=seed) for name, frame in core.items()}


def _people(shape: Shape, rng: np.random.Generator) -> pl.DataFrame:
    n = shape.customers
    ids = [f"c_{hashlib.sha256(f'{shape.seed}/{i}'.encode()).hexdigest()[:16]}" for i in range(n)]
    known = rng.random(n) < 0.9
    channels = shape.acquisition_channels
    acquired = [channels[i] for i in rng.integers(0, len(channels), n)]
    asked = rng.random((2, n))
    return pl.DataFrame(
        {
            "customer_id": ids,
            "account_n": rng.integers(1, 3, n),
            "is_identified": known,
            "buyer_key_kind": np.where(known, "real", "masked"),
            "is_employee": rng.random(n) < 0.02,
            "is_test": rng.random(n) < 0.03,
            "first_seen_at": [shape.as_of - timedelta(days=shape.days)] * n,
            "acquisition_channel": acquired,
            "acquisition_campaign": [None if channel is None else f"{channel}_1" for channel in acquired],
            "city": [None] * n,
            "region": [None] * n,
            "country": ["DE"] * n,
            "birth_year": [None] * n,
            "household_id": [None] * n,
            "ring_id": [None] * n,
            "has_email": rng.random(n) < 0.8,
            "has_phone": rng.random(n) < 0.4,
            "is_email_consented": [None if a < 0.2 else bool(a < 0.7) for a in asked[0]],
            "is_sms_consented": [None if a < 0.5 else bool(a < 0.7) for a in asked[1]],
        },
        schema_overrides={
            "city": pl.String,
            "region": pl.String,
            "birth_year": pl.Int64,
            "household_id": pl.String,
            "ring_id": pl.String,
        },
    )


def _accounts(people: pl.DataFrame) -> pl.DataFrame:
    """An account in the web store for everybody, and one at the till for every second person."""
    columns = ("customer_id", "buyer_key_kind", "first_seen_at")
    parts = [
        frame.select(pl.concat_str(pl.lit(f"{source}/"), "customer_id").alias("account_key"),
                     pl.lit(source).alias("source_system"), *columns)
        for source, frame in (("web", people), ("pos", people.filter(HAS_TWO)))
    ]  # fmt: skip
    return pl.concat(parts)


def _policies(accounts: pl.DataFrame) -> pl.DataFrame:
    """Strict: a second account is a person of its own. Loose: every fourth person is one and the same."""
    second = accounts.filter((pl.col("source_system") == "web") & HAS_TWO)
    strict = second.select("account_key", policy=pl.lit("strict"), cluster="account_key")
    joined = accounts.filter(pl.col("customer_id").str.contains("[0-3]$"))
    loose = joined.select("account_key", "customer_id", policy=pl.lit("loose"), cluster=pl.col("account_key").min())
    others = loose.filter(pl.col("customer_id") != pl.col("customer_id").min()).drop("customer_id")
    return pl.concat([strict, others])


def _products() -> pl.DataFrame:
    skus = [f"sku{i:02d}" for i in range(12)]
    categories = [None if i % 6 == 5 else f"category {i % 3}" for i in range(12)]
    nothing = [None] * len(skus)
    return pl.DataFrame(
        {
            "sku": skus,
            "title": skus,
            "category_l1": categories,
            "category_l2": nothing,
            "category_l3": nothing,
            "brand": nothing,
        },
        schema_overrides=dict.fromkeys(("category_l2", "category_l3", "brand"), pl.String),
    )


def _orders(shape: Shape, rng: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    n = shape.customers
    count = rng.geometric(shape.stop_share, n) - (rng.random(n) < 0.1)
    owner = np.repeat(np.arange(n), count)
    pace = np.repeat(rng.gamma(2.0, shape.mean_gap_days / 2, n), count)
    start = np.repeat(rng.integers(0, shape.days, n), count)
    step = np.where(
        np.r_[True, owner[1:] != owner[:-1]] if len(owner) else [], 0, rng.exponential(1, len(owner)) * pace
    )
    sums = np.cumsum(step)
    first = np.searchsorted(owner, owner, side="left") if len(owner) else owner
    day = (start + sums - (sums[first] if len(owner) else 0)).astype(np.int64)
    keep = day <= shape.days
    owner, day = owner[keep], day[keep]
    m = len(owner)
    state = rng.random(m)
    status = np.where(
        state < shape.kept_share,
        "paid",
        np.where(state < shape.kept_share + shape.cancelled_share, "cancelled", "pending"),
    )
    channel = np.array(["web_store", "pos", "tmall"])[rng.integers(0, 3, m)]
    ordered_on = [shape.as_of - timedelta(days=int(shape.days - d)) for d in day]
    frame = pl.DataFrame(
        {
            "order_key": [f"{c}/{i:07d}" for i, c in enumerate(channel)],
            "channel": channel,
            "customer_id": people["customer_id"].gather(owner),
            "ordered_on": pl.Series(ordered_on, dtype=pl.Date),
            "minute": rng.integers(0, 1440, m),
            "status": status,
            "line_n": rng.integers(1, 4, m),
            "no_rate": rng.random(m) < shape.no_rate_share,
            "is_free": rng.random(m) < 0.03,
        },
        schema_overrides={"ordered_on": pl.Date},
    )
    return frame.with_columns(
        (pl.col("ordered_on").cast(pl.Datetime("us")) + pl.duration(minutes="minute")).alias("ordered_at"),
        pl.col("channel").replace_strict({"web_store": "web", "pos": "till", "tmall": "tmall"}).alias("source_system"),
    )


def _lines(shape: Shape, rng: np.random.Generator, orders: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    lines = orders.select(pl.all().repeat_by("line_n").explode()) if len(orders) else orders
    n = len(lines)
    qty = rng.integers(1, 4, n)
    price = rng.integers(10_000, 900_000, n)
    list_value = qty * price
    markdown = (list_value * rng.choice([0, 0, 0, 10, 25], n)) // 100
    discount = ((list_value - markdown) * rng.choice([0, 0, 0, 5, 30], n)) // 100
    free = lines["is_free"].to_numpy() if n else np.zeros(0, bool)
    discount = np.where(free, list_value - markdown, discount)
    goods = list_value - markdown - discount
    shipping = np.where(free, 0, rng.choice([0, 20_000, 35_001], n))
    lost = lines["status"].is_in(["cancelled", "pending"]).to_numpy() if n else np.zeros(0, bool)
    known = rng.random((len(COSTS), n)) < shape.cost_known_share ** (1 / len(COSTS))
    shares = (38, 2, 2, 4, 9)
    amounts = {
        name: np.where(lost & (name == "cogs"), 0, (goods * share) // 100 + (name == "fulfilment") * 12_345)
        for name, share in zip(COSTS, shares, strict=True)
    }
    sku = np.array(products["sku"].to_list())[rng.integers(0, len(products), n)]
    no_item = rng.random(n) < 0.04
    return lines.with_columns(
        pl.Series("order_line_key", [f"{key}#{i}" for i, key in enumerate(lines["order_key"])], dtype=pl.String),
        pl.Series("sku", [None if none else s for s, none in zip(sku, no_item, strict=True)], dtype=pl.String),
        pl.Series("qty", qty),
        *(
            pl.Series(name, values, dtype=pl.Int64)
            for name, values in (
                ("list_value", list_value),
                ("markdown", markdown),
                ("merchant_discount", discount),
                ("platform_subsidy", goods // 20),
                ("gross_merchandise", goods),
                ("shipping_charged", shipping),
                ("cancelled", np.where(lost, goods + shipping, 0)),
                ("tax", np.where(lost, 0, goods * 7 // 107)),
                ("incentives", goods // 50),
                *amounts.items(),
            )
        ),
        *(pl.Series(f"{name}_known", known[i]) for i, name in enumerate(COSTS)),
    )


def _refunds(shape: Shape, rng: np.random.Generator, lines: pl.DataFrame) -> pl.DataFrame:
    """Refunds known by the as-of day: whole orders sometimes, single lines, some not dated."""
    n = len(lines)
    draws = rng.random((3, n))
    whole = lines.select((pl.col("order_key").hash(7) % 20 == 0).alias("w"))["w"].to_numpy() if n else draws[0] < 0
    paid = (lines["status"] == "paid").to_numpy() if n else draws[0] < 0
    some = paid & (shape.refund_share >= 0) & (whole | (draws[0] < shape.refund_share))
    later = rng.integers(0, 70, n)
    percent = np.where(whole, 100, rng.choice([30, 50, 100], n))
    dated = draws[1] < 0.7
    restocked = draws[2] < 0.5
    percents = pl.Series("percent", percent, dtype=pl.Int64)
    frame = lines.with_columns(
        percents,
        pl.Series("some", some),
        pl.Series("later", np.where(dated, later, 0), dtype=pl.Int64),
        pl.Series("refund_precision", np.where(dated, "dated", "order"), dtype=pl.String),
        pl.Series("restocked", restocked),
    ).filter("some")
    part = pl.col("percent")
    return frame.select(
        pl.concat_str(pl.lit("r/"), "order_line_key").alias("refund_key"),
        "order_line_key",
        "order_key",
        "source_system",
        "channel",
        "customer_id",
        "ordered_on",
        (pl.col("ordered_on") + pl.duration(days="later")).alias("refunded_on"),
        "refund_precision",
        pl.lit("refund_only").alias("kind"),
        "no_rate",
        (pl.col("gross_merchandise") * part // 100).alias("refunded_goods"),
        pl.when(part == 100).then("shipping_charged").otherwise(0).alias("refunded_shipping"),
        (pl.col("tax") * part // 100).alias("tax_returned"),
        pl.when("cogs_known")
        .then(pl.when("restocked").then(pl.col("cogs") * part // 100).otherwise(0))
        .alias("cogs_returned"),
        marts_facts.known_at(shape, "order_line_key", pl.col("ordered_on") + pl.duration(days="later")).alias(
            "known_at"
        ),
    ).filter(pl.col("refunded_on") <= shape.as_of)


def _period_costs(shape: Shape, rng: np.random.Generator) -> pl.DataFrame:
    rules = (
        ("agency", "net_revenue"),
        ("warehouse", "orders"),
        ("till rent", "channel:pos"),
        ("a market never opened", "channel:moon"),
        ("software", "none"),
    )
    first = (shape.as_of - timedelta(days=shape.days)).replace(day=1)
    months = (
        pl.date_range(first, shape.as_of, "1mo", eager=True) if shape.period_costs else pl.Series([], dtype=pl.Date)
    )
    rows = [(month, *rule) for month in months for rule in rules]
    return pl.DataFrame(
        {
            "month": [row[0] for row in rows],
            "category": [row[1] for row in rows],
            "allocation_rule": [row[2] for row in rows],
            "units": rng.integers(10_000, 9_000_000, len(rows)),
        },
        schema={"month": pl.Date, "category": pl.String, "allocation_rule": pl.String, "units": pl.Int64},
    ).with_columns(from_units("units").alias("amount_reporting"))
