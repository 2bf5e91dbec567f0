"""Small simulated companies of different kinds, for the tests and benchmarks of `pipelines.science`.

Each world is a transaction log (customer, date, amount; negative amounts are returns) with the day on which the
calibration ends and the horizon of the holdout. Purchases run on a clock warped by season and growth.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

START = date(2021, 1, 1)
Days = NDArray[np.int64]
Index = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class World:
    """A company: its log, the last day of calibration and the days of the holdout."""

    kind: str
    log: pl.DataFrame
    end: date
    horizon: int
    has_season_or_growth: bool


@dataclass(frozen=True)
class Process:
    """How customers behave: Gamma rates per day, Beta attrition (or a lifetime), Gamma-Gamma values, returns."""

    r: float = 0.5
    alpha: float = 40.0
    a: float = 0.8
    b: float = 3.0
    lifetime_days: float = 0.0
    value_p: float = 6.0
    value_q: float = 4.0
    value_scale: float = 90.0
    return_rate: float = 0.0


def flat(day: NDArray[np.float64]) -> NDArray[np.float64]:
    """No season."""
    return np.ones(np.shape(day))


def seasonal(strength: float, peak_day: int = 345, width: float = 25.0, wave: float = 0.3) -> Index:
    """Yearly index with mean about 1: a peak around a day of the year on top of a wave."""

    def index(day: NDArray[np.float64]) -> NDArray[np.float64]:
        at = np.asarray(day) % 365.25
        gap = np.minimum(np.abs(at - peak_day), 365.25 - np.abs(at - peak_day))
        bump = strength * np.exp(-0.5 * (gap / width) ** 2)
        level = 1.0 + strength * width * np.sqrt(2 * np.pi) / 365.25
        return (1.0 + wave * np.sin(2 * np.pi * (at / 365.25 - 0.6)) + bump) / level

    return index


@dataclass(frozen=True)
class Company:
    """Births, process, season and growth of one group of customers."""

    born: Days
    process: Process = field(default_factory=Process)
    index: Index = flat
    growth: float = 0.0


def transactions(rng: np.random.Generator, group: Company, last_day: int) -> tuple[Days, Days, NDArray[np.float64]]:
    """Customer number, day (0 = START) and amount of every purchase and return until `last_day`."""
    how, n = group.process, len(group.born)
    days = np.arange(last_day + 2)
    clock = np.append(0.0, np.cumsum(group.index(days) * np.exp(group.growth * days / 365.25)))
    rate = np.maximum(rng.gamma(how.r, 1.0 / how.alpha, n), 1e-12)
    leaves = rng.beta(how.a, how.b, n) if how.a > 0 else np.zeros(n)
    death = np.full(n, np.inf)
    if how.lifetime_days > 0:
        death = group.born + rng.exponential(1.0, n) * how.lifetime_days / rng.gamma(1.0, 1.0, n)
    who, when = [np.arange(n)], [group.born.astype(np.int64)]
    alive, now = np.arange(n), clock[group.born] + rng.random(n) * 1e-9
    while len(alive):
        now = now + rng.exponential(1.0, len(alive)) / rate[alive]
        day = np.searchsorted(clock, now, side="right") - 1
        inside = (day <= last_day) & (day < death[alive])
        alive, now = alive[inside], now[inside]
        who.append(alive)
        when.append(day[inside])
        stays = rng.random(len(alive)) >= leaves[alive]
        alive, now = alive[stays], now[stays]
    customer, at = np.concatenate(who), np.concatenate(when)
    amount = rng.gamma(how.value_p, 1.0, len(customer)) / rng.gamma(how.value_q, 1.0 / how.value_scale, n)[customer]
    if how.return_rate > 0:
        prone = rng.beta(4 * how.return_rate, 4 * (1 - how.return_rate), n)
        back = rng.random(len(customer)) < prone[customer]
        share = rng.choice([1.0, 1.0, 0.6, 0.3], int(back.sum()))
        customer = np.concatenate([customer, customer[back]])
        at = np.concatenate([at, at[back] + rng.integers(2, 31, int(back.sum()))])
        amount = np.concatenate([amount, -amount[back] * share])
    keep = at <= last_day
    return customer[keep], at[keep], amount[keep]


def company_log(rng: np.random.Generator, groups: list[Company], last_day: int) -> pl.DataFrame:
    """The log of several groups, customers numbered through, in shuffled order."""
    parts, offset = [], 0
    for group in groups:
        customer, at, amount = transactions(rng, group, last_day)
        parts.append((customer + offset, at, amount))
        offset += len(group.born)
    who, at, amount = (np.concatenate(column) for column in zip(*parts, strict=True))
    start = (START - date(1970, 1, 1)).days
    frame = pl.DataFrame({"n": who, "date": (at + start).astype(np.int32), "amount": np.round(amount, 2)})
    frame = frame.select(pl.format("c{}", "n").alias("customer"), pl.col("date").cast(pl.Date), "amount")
    return frame[rng.permutation(frame.height)]


def births(rng: np.random.Generator, n: int, until: int, growth: float = 0.0, since: int = 0) -> Days:
    """First purchase days, spread over [since, until) with exponentially growing acquisition per year."""
    u, rate = rng.random(n), growth * (until - since) / 365.25
    share = u if abs(rate) < 1e-9 else np.log1p(u * np.expm1(rate)) / rate
    return (since + share * (until - since)).astype(np.int64)


def mixed(seed: int, size: int = 2500) -> World:
    """Three acquisition channels of different quality whose mix shifts over 30 months; orders per head grow."""
    rng = np.random.default_rng([1, seed])
    end, horizon = 730, 180
    growth = rng.uniform(0.1, 0.35)
    index = seasonal(rng.uniform(0.0, 0.8), peak_day=int(rng.integers(300, 350)))
    loyal = Process(r=1.2, alpha=rng.uniform(50, 80), a=0.5, b=6.0, value_scale=150.0)
    plain = Process(r=0.5, alpha=rng.uniform(30, 60), a=0.9, b=2.5)
    deal = Process(r=0.25, alpha=rng.uniform(30, 60), a=1.2, b=1.5, value_scale=50.0)
    groups = [
        Company(births(rng, int(size * 0.3), end, -0.3), loyal, index, growth),
        Company(births(rng, int(size * 0.4), end, 0.2), plain, index, growth),
        Company(births(rng, int(size * 0.3), end, 1.5), deal, index, growth),
    ]
    return World("mixed", company_log(rng, groups, end + horizon), START + timedelta(days=end), horizon, True)


def peak(seed: int, size: int = 2500) -> World:
    """A strong yearly peak, seen once before, with the holdout in it."""
    rng = np.random.default_rng([2, seed])
    end, horizon = 2 * 365 - 92 + int(rng.integers(-15, 15)), int(rng.choice([84, 90, 92]))
    index = seasonal(rng.uniform(1.5, 4.0), peak_day=int(rng.integers(320, 355)), width=rng.uniform(15, 30))
    how = Process(r=rng.uniform(0.5, 1.0), alpha=rng.uniform(50, 90), a=rng.uniform(0.4, 0.9), b=rng.uniform(3, 5))
    groups = [Company(births(rng, size, end, rng.uniform(0, 0.6)), how, index, rng.uniform(-0.1, 0.2))]
    return World("peak", company_log(rng, groups, end + horizon), START + timedelta(days=end), horizon, True)


def wholesale(seed: int, size: int = 800) -> World:
    """Few buyers with many large orders, lifetimes in time, a fifth or more of the orders returned."""
    rng = np.random.default_rng([3, seed])
    end, horizon = 600, 120
    how = Process(
        r=rng.uniform(1.0, 2.0), alpha=rng.uniform(12, 25), a=0.0, lifetime_days=rng.uniform(400, 900),
        value_p=2.0, value_q=2.5, value_scale=2000.0, return_rate=rng.uniform(0.15, 0.3),
    )  # fmt: skip
    groups = [Company(births(rng, size, end), how)]
    return World("wholesale", company_log(rng, groups, end + horizon), START + timedelta(days=end), horizon, False)


def loyal(seed: int, size: int = 2000) -> World:
    """Hardly anyone leaves."""
    rng = np.random.default_rng([4, seed])
    end, horizon = 540, 180
    how = Process(r=rng.uniform(0.8, 2.0), alpha=rng.uniform(40, 80), a=rng.choice([0.0, 0.05]), b=5.0)
    groups = [Company(births(rng, size, end), how)]
    return World("loyal", company_log(rng, groups, end + horizon), START + timedelta(days=end), horizon, False)


def one_cohort(seed: int, size: int = 2500) -> World:
    """One cohort acquired within 12 weeks, 39 weeks seen and 39 to come; attrition in time or after purchases."""
    rng = np.random.default_rng([5, seed])
    end, horizon = 273, 273
    if seed % 2:
        how = Process(r=0.55, alpha=rng.uniform(60, 90), a=0.0, lifetime_days=rng.uniform(100, 200))
    else:
        how = Process(r=rng.uniform(0.25, 0.5), alpha=rng.uniform(30, 50), a=0.8, b=2.4)
    groups = [Company(births(rng, size, 84), how)]
    return World("one_cohort", company_log(rng, groups, end + horizon), START + timedelta(days=end), horizon, False)


KINDS: dict[str, Callable[..., World]] = {
    "mixed": mixed,
    "peak": peak,
    "wholesale": wholesale,
    "loyal": loyal,
    "one_cohort": one_cohort,
}


def cdnow_file() -> Path:
    """The CDNOW 1/10 sample that the test dependency `lifetimes` carries (id, number, date, units, amount)."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the test dependency lifetimes is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "datasets" / "CDNOW_sample.txt"


def cdnow() -> World:
    """CDNOW 1/10: one cohort of 2,357 customers, 39 weeks of calibration and 39 of holdout."""
    rows = [line.split() for line in cdnow_file().read_text(encoding="ascii").splitlines() if line.strip()]
    log = pl.DataFrame(
        {
            "customer": [row[0] for row in rows],
            "date": [datetime.strptime(row[2], "%Y%m%d").date() for row in rows],  # noqa: DTZ007
            "amount": [float(row[4]) for row in rows],
        }
    )
    return World("cdnow", log, date(1997, 9, 30), 273, False)


def bgnbd_customers(
    rng: np.random.Generator, size: int, parameters: dict[str, float], oldest: float, horizon: float
) -> tuple[NDArray[np.float64], ...]:
    """x, t_x, T and purchases in the next `horizon` of BG/NBD customers aged up to `oldest` (continuous time)."""
    age = rng.uniform(0, oldest, size)
    rate = rng.gamma(parameters["r"], 1.0 / parameters["alpha"], size)
    leave = rng.beta(parameters["a"], parameters["b"], size)
    x, t_x, future, now = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    alive = np.arange(size)
    while len(alive):
        now[alive] += rng.exponential(1.0, len(alive)) / np.maximum(rate[alive], 1e-12)
        alive = alive[now[alive] <= age[alive] + horizon]
        past = now[alive] <= age[alive]
        x[alive] += past
        future[alive] += ~past
        t_x[alive] = np.where(past, now[alive], t_x[alive])
        alive = alive[rng.random(len(alive)) >= leave[alive]]
    return x, t_x, age, future
