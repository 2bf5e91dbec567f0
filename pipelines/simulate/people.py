"""People: who buys, how often, how long, how much, and under which identities.

Lives here: `People` (latent traits as arrays, one entry a person) and how they are drawn.
Stays out: what they buy (`orders`) and how sources write them down (`cards` and the export modules).

Every person has a purchase rate (gamma), a lifetime (exponential given a gamma rate, so that lifetimes are
heavy-tailed), a spend level (log-normal), a traffic channel and campaign, a home source and perhaps a second one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.simulate.clock import Clock, Flags, Floats, Ints, stream
from pipelines.simulate.names import CHANNELS, CN_CITIES, GB_CITIES, US_CITIES

WEB, TMALL, POS = 0, 1, 2
SOURCES = ("web", "tmall", "pos")
US, CN, GB = 0, 1, 2
COUNTRIES = ("US", "CN", "GB")

RATE_SHAPE, RATE_MEAN = 1.1, 0.85
"""Purchase rate in orders a month beyond the first: gamma."""
DEATH_SHAPE, DEATH_SCALE = 1.8, 12.0
"""Rate of leaving: gamma with this shape and rate (months)."""
GROWTH = 0.03
"""Growth of acquisition a month."""


@dataclass(frozen=True)
class People:
    """Latent traits; all arrays have one entry a person, in the order of person ids."""

    country: Ints
    city: Ints
    home: Ints
    second: Ints  # a source, or -1
    second_share: Floats
    acquired_day: Ints
    rate: Floats  # orders a day while alive, in an average season
    lifetime_days: Floats
    spend_level: Floats
    favourite: Ints
    channel: Ints
    campaign: Ints
    is_member: Flags
    is_employee: Flags
    is_test: Flags
    has_square_card: Flags
    web_phone: Flags
    second_email_day: Ints  # day from which the person writes another address, or a day after the end
    shares_phone: Flags
    birth_year: Ints
    birth_day: Ints
    gender: Ints

    @property
    def n(self) -> int:
        """People."""
        return len(self.country)


def _acquisition(rng: np.random.Generator, clock: Clock, n: int) -> Ints:
    """Days on which people first buy: growing, in season, and someone in every month while there are enough people."""
    weight = np.exp(GROWTH * clock.month_of) * clock.season
    day = rng.choice(clock.n_days, size=n, p=weight / weight.sum())
    each = min(clock.months, n)
    day[:each] = (clock.month_starts[:each] + rng.integers(0, 28, each)).clip(0, clock.n_days - 1)
    return day.astype(np.int64)


def _places(rng: np.random.Generator, n: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Country, city, home source and second source."""
    country = rng.choice(3, size=n, p=[0.66, 0.28, 0.06])
    sizes = np.array([len(US_CITIES), len(CN_CITIES), len(GB_CITIES)])
    city = (rng.random(n) * sizes[country]).astype(np.int64)
    draw = rng.random(n)
    home = np.where(country == US, np.where(draw < 0.7, WEB, POS), np.where(draw < 0.86, TMALL, WEB))
    home = np.where(country == GB, WEB, home)
    second = np.where(home == WEB, np.where(country == CN, TMALL, POS), WEB)
    second = np.where((home == TMALL) & (rng.random(n) < 0.1), POS, second)
    loyal = (rng.random(n) > 0.27) | (country == GB)
    return country, city, home, np.where(loyal, -1, second)


def _channels(rng: np.random.Generator, home: Ints) -> tuple[Ints, Ints]:
    """Traffic channel and campaign that brought each person."""
    chances = np.array(
        [
            [0.26, 0.20, 0.24, 0.10, 0.10, 0.10, 0.0, 0.0],
            [0.0, 0.0, 0.04, 0.22, 0.06, 0.0, 0.68, 0.0],
            [0.08, 0.0, 0.08, 0.0, 0.10, 0.04, 0.0, 0.70],
        ]
    )
    limits = np.cumsum(chances, axis=1)
    channel = (rng.random(len(home))[:, None] > limits[home]).sum(axis=1).clip(0, len(CHANNELS) - 1)
    campaigns = np.array([len(names) for _, names in CHANNELS])
    return channel.astype(np.int64), (rng.random(len(home)) * campaigns[channel]).astype(np.int64)


def _flags(rng: np.random.Generator, n: int, share: float, least: int = 2) -> Flags:
    """True for about `share` of people, and for `least` of them in the smallest world."""
    flags: npt.NDArray[np.bool_] = rng.random(n) < share
    flags[rng.choice(n, size=min(least, n), replace=False)] = True
    return flags


def draw_people(clock: Clock, n: int, seed: int) -> People:
    """Draw `n` people. Rates, lifetimes and levels do not depend on each other; their channel shifts rate and level."""
    rng = stream(seed, "people")
    country, city, home, second = _places(rng, n)
    channel, campaign = _channels(rng, home)
    lift = np.array([1.1, 1.0, 0.85, 0.8, 1.25, 1.3, 0.9, 1.1])[channel]
    month = clock.n_days / clock.months
    leaving = rng.gamma(DEATH_SHAPE, 1 / DEATH_SCALE, n)
    is_employee, is_test = _flags(rng, n, 0.004), _flags(rng, n, 0.001, 1)
    is_member = _flags(rng, n, 0.45) | is_employee | is_test
    moved = _flags(rng, n, 0.06)
    return People(
        country=country,
        city=city,
        home=home,
        second=second,
        second_share=rng.uniform(0.2, 0.6, n),
        acquired_day=_acquisition(rng, clock, n),
        rate=rng.gamma(RATE_SHAPE, RATE_MEAN / RATE_SHAPE, n) * lift / month,
        lifetime_days=rng.exponential(1, n) / leaving * month,
        spend_level=np.exp(rng.normal(0, 0.45, n)) * np.sqrt(lift),
        favourite=rng.integers(0, 12, n),
        channel=channel,
        campaign=campaign,
        is_member=is_member,
        is_employee=is_employee,
        is_test=is_test,
        has_square_card=is_member | (rng.random(n) < 0.5),
        web_phone=_flags(rng, n, 0.55),
        second_email_day=np.where(moved, rng.integers(clock.n_days // 3, clock.n_days, n), clock.n_days + 1),
        shares_phone=_flags(rng, n, 0.01),
        birth_year=rng.integers(1950, 2007, n),
        birth_day=rng.integers(1, 365, n),
        gender=rng.integers(0, 3, n),
    )
