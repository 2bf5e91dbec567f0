"""The plain model world: exactly what BG/NBD and gamma-gamma assume, as one Shopify export.

Lives here: how it is drawn, its Shopify file and its truth tables (`parameters`, `persons`, `orders`).
Stays out: the company world.

Rates are gamma, and after every repeat order a person leaves for good with a probability that is beta over people (the
first order never ends a life: that is the model's assumption). Mean spend is gamma-gamma over people, orders are gamma
around it. No season, no refunds, no tax, no shipping, one account a person, everybody acquired in the first
`ACQUISITION_DAYS`. Weeks are the unit of rates.

The model counts in moments, an export in days, and a history of days takes two orders of one day for one purchase. So
people buy seldom here, and that is rare: at four times the rate, alpha as fitted to the days of 100,000 customers came
out 3 standard errors too large, and to their moments (`orders.day`) none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.simulate.cards import pick
from pipelines.simulate.clock import DAY, NEW_YORK, Clock, Floats, Ints, stream
from pipelines.simulate.names import EMAIL_DOMAINS
from pipelines.simulate.shopify import HEADER, SOURCE, TABLE
from pipelines.simulate.truth import write_planted
from pipelines.simulate.world import SHOPIFY_ID, SHOPIFY_ID_STEP
from pipelines.simulate.writer import Landing, cents, nothing

ACQUISITION_DAYS = 84


@dataclass(frozen=True)
class Parameters:
    """BG/NBD (r, alpha in weeks, a, b) and gamma-gamma (p, q, gamma in dollars)."""

    r: float = 0.55
    alpha: float = 40.0
    a: float = 0.8
    b: float = 2.5
    p: float = 6.0
    q: float = 4.0
    gamma: float = 16.0


@dataclass(frozen=True)
class Histories:
    """Latent traits of people, and their orders sorted by time."""

    rate: Floats  # repeat orders a week while alive
    dropout: Floats
    mean_spend: Floats
    first: Floats  # days from the start
    left_after: Ints  # orders after which the person had left, or 0
    person: Ints
    at: Floats  # days from the start
    amount: Ints  # cents


def _repeats(
    rng: np.random.Generator, first: Floats, rate: Floats, dropout: Floats, end: float
) -> tuple[Ints, Floats, Ints]:
    """Repeat orders of everybody until they leave or the world ends."""
    alive, now = np.arange(len(first)), first.copy()
    orders = np.ones(len(first), dtype=np.int64)
    left = np.zeros(len(first), dtype=np.int64)
    people, times = [], []
    while len(alive):
        now[alive] += rng.exponential(1, len(alive)) / (rate[alive] / 7)
        alive = alive[now[alive] < end]
        people.append(alive)
        times.append(now[alive].copy())
        orders[alive] += 1
        leaves = rng.random(len(alive)) < dropout[alive]
        left[alive[leaves]] = orders[alive[leaves]]
        alive = alive[~leaves]
    return np.concatenate(people), np.concatenate(times), left


def draw_histories(clock: Clock, customers: int, seed: int, parameters: Parameters) -> Histories:
    """Draw people and their orders."""
    rng = stream(seed, "bgnbd")
    window = min(ACQUISITION_DAYS, clock.n_days)
    rate = np.maximum(rng.gamma(parameters.r, 1 / parameters.alpha, customers), 1e-12)
    dropout = rng.beta(parameters.a, parameters.b, customers)
    first = rng.random(customers) * window
    repeaters, times, left = _repeats(rng, first, rate, dropout, float(clock.n_days))
    # Gamma-gamma: the scale of a person's orders is gamma(q, rate gamma); an order is gamma(p, rate nu).
    nu = rng.gamma(parameters.q, 1 / parameters.gamma, customers)
    person = np.concatenate([np.arange(customers), repeaters])
    at = np.concatenate([first, times])
    by_time = np.lexsort((person, at))
    person, at = person[by_time], at[by_time]
    amount = np.maximum(np.round(rng.gamma(parameters.p, 1, len(person)) / nu[person] * 100), 1).astype(np.int64)
    return Histories(rate, dropout, parameters.p / nu, first, left, person, at, amount)


def _frame(clock: Clock, histories: Histories, utc: Ints) -> pl.DataFrame:
    """The orders export: one line an order."""
    number = pl.Series(np.arange(len(utc), dtype=np.int64))
    zero = np.zeros(len(utc), dtype=np.int64)
    total, when = cents(histories.amount), clock.local_text(NEW_YORK, utc, with_offset=True)
    blank = nothing(len(utc))
    columns = {
        "Name": "#" + (number + 1001).cast(str),
        "Email": _email(histories.person),
        "Financial Status": pick(("paid",), zero), "Paid at": when, "Fulfillment Status": pick(("fulfilled",), zero),
        "Currency": pick(("USD",), zero), "Subtotal": total, "Shipping": cents(zero), "Taxes": cents(zero),
        "Total": total, "Discount Amount": cents(zero), "Created at": when, "Lineitem quantity": pick(("1",), zero),
        "Lineitem name": pick(("Basket",), zero), "Lineitem price": total, "Lineitem sku": pick(("SKU-0000",), zero),
        "Lineitem discount": cents(zero), "Refunded Amount": cents(zero),
        "Id": pl.Series(SHOPIFY_ID + number * SHOPIFY_ID_STEP).cast(str), "Source": pick(("web",), zero),
    }  # fmt: skip
    return pl.DataFrame({name: columns.get(name, blank) for name in HEADER})


def _email(person: Ints) -> pl.Series:
    return "buyer" + pl.Series(person).cast(str) + "@" + pick(EMAIL_DOMAINS, person % len(EMAIL_DOMAINS))


def write_model_world(
    landing: Landing, truth: Path, clock: Clock, customers: int, seed: int, parameters: Parameters = Parameters()
) -> int:
    """Write the export and the truth of the model world; returns the number of orders."""
    histories = draw_histories(clock, customers, seed, parameters)
    # Local time equals the model's time, so that days are the model's days.
    local = np.minimum(np.floor(histories.at * DAY), clock.end - 1).astype(np.int64)
    day, second = local // DAY, 6 * 3600 + local % DAY * 17 // 24
    utc = np.minimum(clock.utc(NEW_YORK, day, second), clock.end - 1)
    landing.declare(
        SOURCE, adapter="shopify", channel="web_store", time_zone=NEW_YORK, currency="USD", phone_region="US",
        complete_to=clock.last_day.isoformat(),
    )  # fmt: skip
    frame = _frame(clock, histories, utc)
    landing.write(SOURCE, "orders_export.csv", TABLE, frame)
    truth.mkdir(parents=True, exist_ok=True)
    window = min(ACQUISITION_DAYS, clock.n_days)
    pl.DataFrame([{**asdict(parameters), "acquisition_days": window, "observed_days": clock.n_days}]).write_parquet(
        truth / "parameters.parquet"
    )
    pl.DataFrame(
        {
            "person_id": "p" + pl.Series(np.arange(customers)).cast(str).str.zfill(7),
            "email": _email(np.arange(customers, dtype=np.int64)),
            "acquired_on": clock.dates(np.floor(histories.first).astype(np.int64)),
            "rate_per_week": histories.rate,
            "dropout": histories.dropout,
            "mean_spend": histories.mean_spend,
            "order_n": np.bincount(histories.person, minlength=customers),
            "is_alive": histories.left_after == 0,
        }
    ).write_parquet(truth / "persons.parquet")
    pl.DataFrame(
        {"order_id": frame["Id"], "person_id": "p" + pl.Series(histories.person).cast(str).str.zfill(7),
         "ordered_at": clock.instants(utc), "ordered_on": clock.dates(day), "day": histories.at}
    ).write_parquet(truth / "orders.parquet")  # fmt: skip
    write_planted(landing, truth)
    return frame.height
