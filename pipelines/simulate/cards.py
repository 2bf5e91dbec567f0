"""Cards: the identifiers by which sources know a person.

Lives here: names, addresses, telephone numbers, member numbers and native account ids, one row a person.
Stays out: which of them an export shows, and how it spells or masks them.

E-mail addresses lie in reserved example domains. Telephone numbers are drawn by a fixed permutation, so that two
people never share one by chance; a few share one on purpose.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.simulate.clock import Ints, stream
from pipelines.simulate.names import (
    CN_CITIES,
    CN_GIVEN,
    CN_MOBILE_PREFIXES,
    CN_SURNAMES,
    EMAIL_DOMAINS,
    FIRST_NAMES,
    GB_CITIES,
    LAST_NAMES,
    PINYIN,
    US_CITIES,
)
from pipelines.simulate.people import CN, COUNTRIES, GB, US, People

CUSTOMER_ID = 6_100_000_000_000
"""Base of Shopify customer ids; a person's second address has an id of its own."""
ALPHABET = np.array(list("23456789ABCDEFGHJKLMNPQRSTUVWXYZ"))


def pick(words: tuple[str, ...] | list[str], index: Ints) -> pl.Series:
    """The words at the positions `index`."""
    return pl.Series(list(words)).gather(index)


def coded(rng: np.random.Generator, n: int, length: int, prefix: str = "") -> pl.Series:
    """Unique opaque ids: five characters count, the others are random."""
    counter = np.arange(n, dtype=np.int64)
    digits = [ALPHABET[(counter // 32**k) % 32] for k in range(4, -1, -1)]
    noise = ALPHABET[rng.integers(0, 32, (length - 5, n))]
    # The counter comes first in memory but is scattered by the noise around it.
    columns = [*noise[: (length - 5) // 2], *digits, *noise[(length - 5) // 2 :]]
    joined = np.stack(columns, axis=1).view(f"U{length}").reshape(n) if n else np.array([], dtype=str)
    return prefix + pl.Series(joined.tolist(), dtype=pl.String)


def _phone(people: People) -> pl.Series:
    """National numbers: ten digits in the US and Britain, eleven in China."""
    who = np.arange(people.n, dtype=np.int64)
    for place in range(len(COUNTRIES)):
        same = who[people.country == place]
        shared = np.flatnonzero(people.shares_phone[same[1:]]) + 1
        who[same[shared]] = same[shared - 1]
    country, city = people.country, people.city[who]
    mixed = who * 7_919 + 123
    area = pick([c[4] for c in US_CITIES], np.where(country == US, city, 0))
    local = 2_200_000 + (mixed * 613) % 7_000_000
    prefix = pick(CN_MOBILE_PREFIXES, mixed % 10)
    mobile = 11_000_000 + (mixed * 349) % 88_000_000
    british = 7_400_000_000 + (mixed * 227) % 190_000_000
    frame = pl.DataFrame(
        {"country": country, "us": area + pl.Series(local).cast(str), "cn": prefix + pl.Series(mobile).cast(str),
         "gb": pl.Series(british).cast(str)}
    )  # fmt: skip
    return frame.select(
        pl.when(pl.col("country") == CN).then("cn").when(pl.col("country") == GB).then("gb").otherwise("us")
    ).to_series()


def _names(people: People, seed: int) -> dict[str, pl.Series]:
    rng = stream(seed, "names")
    chinese = people.country == CN
    first, last = rng.integers(0, len(FIRST_NAMES), people.n), rng.integers(0, len(LAST_NAMES), people.n)
    family = rng.integers(0, len(CN_SURNAMES), people.n)
    given = [rng.integers(0, len(CN_GIVEN), people.n) for _ in range(2)]
    surname = pl.select(
        pl.when(pl.lit(pl.Series(chinese))).then(pick([w.title() for w in PINYIN], family)).otherwise(
            pick(LAST_NAMES, last)
        )
    ).to_series()  # fmt: skip
    return {
        "first": pick(FIRST_NAMES, first),
        "last": surname,
        "cn_name": pick(CN_SURNAMES, family) + pick(CN_GIVEN, given[0]) + pick(CN_GIVEN, given[1]),
    }


def _places(people: People) -> dict[str, pl.Series]:
    """City, region, district and sales tax (in thousandths of a percent) by country."""
    tables = {
        US: [(c[0], c[1], c[2], int(float(c[3]) * 1000)) for c in US_CITIES],
        CN: [(c[0], c[1], c[2], 0) for c in CN_CITIES],
        GB: [(c, "ENG", "England", 0) for c in GB_CITIES],
    }
    rows = [row for key in (US, CN, GB) for row in tables[key]]
    start = np.cumsum([0, len(tables[US]), len(tables[CN])])
    index = start[people.country] + people.city
    names = ("city", "region", "region_name", "sales_tax")
    return {name: pl.Series([row[k] for row in rows]).gather(index) for k, name in enumerate(names)}


def make_cards(people: People, seed: int) -> pl.DataFrame:
    """One row a person, in person order: every identifier the person has, whether or not a source shows it."""
    rng = stream(seed, "cards")
    number = pl.Series(np.arange(people.n, dtype=np.int64))
    names, suffix = _names(people, seed), (number * 17 % 89 + 10).cast(str)
    handle = names["first"].str.to_lowercase() + "." + names["last"].str.to_lowercase()
    domain = rng.integers(0, len(EMAIL_DOMAINS), (2, people.n))
    code = pl.Series((np.arange(people.n, dtype=np.int64) * 7_919 + 31) % 9_999_991)
    return pl.DataFrame(
        {
            "person_id": "p" + number.cast(str).str.zfill(7),
            **names,
            **_places(people),
            "country": pick(COUNTRIES, people.country),
            "email": handle + number.cast(str) + "@" + pick(EMAIL_DOMAINS, domain[0]),
            "email_2": names["last"].str.to_lowercase() + suffix + "x" + number.cast(str) + "@"
            + pick(EMAIL_DOMAINS, domain[1]),
            "calling_code": pick(("1", "86", "44"), people.country),
            "phone": _phone(people),
            "member_no": "M" + (code + 10_000_000).cast(str),
            "customer_id": (number * 2 + CUSTOMER_ID).cast(str),
            "customer_id_2": (number * 2 + CUSTOMER_ID + 1).cast(str),
            "nick": pick(PINYIN, rng.integers(0, len(PINYIN), people.n)) + "_" + code.cast(str),
            "square_id": coded(rng, people.n, 26),
            "birth_year": people.birth_year,
            "birth_day": people.birth_day,
            "gender": pick(("female", "male", "unknown"), people.gender),
        }
    )  # fmt: skip
