"""The probabilistic model, versioned: what is compared, by which levels, which pairs are looked at, how it is trained.

Lives here: the `Linkage` (which columns a table has), Splink's settings for it, starting values, training, and the
`Model` that is kept.
Stays out: who is compared and what becomes of the scores (`probabilistic`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from pipelines.identity.calibration import Calibration
from pipelines.identity.case import BIRTH, NAME

KEY = "account_key"
MODEL_VERSION = 3
"""Raise it with every change of comparisons, blocking, starting values, training or correction: scores differ."""

GIVEN, FAMILY, POSTCODE = "given_name", "family_name", "postcode"
YEAR = "birth_year"
EXACT = (YEAR, "city", "birth_place", "occupation")
BOTH_NAMES = "given_and_family_name"
"""Column that `score_pairs` makes of the two, so that a rare combination weighs more."""
COMPARED = (GIVEN, FAMILY, POSTCODE, *EXACT)
"""Columns of records that this stage compares beside the normalised name and birth date."""

STARTING = {
    "name": ([0.60, 0.16, 0.16, 0.075, 0.005], [0.0005, 0.0005, 0.001, 0.01, 0.988]),
    "names": (
        [0.50, 0.02, 0.15, 0.10, 0.10, 0.10, 0.03],
        [0.0001, 0.0001, 0.0005, 0.001, 0.004, 0.010, 0.9843],
    ),
    BIRTH: ([0.80, 0.10, 0.03, 0.03, 0.02, 0.02], [0.0003, 0.003, 0.020, 0.030, 0.300, 0.6467]),
    POSTCODE: ([0.60, 0.10, 0.05, 0.05, 0.20], [0.0005, 0.001, 0.010, 0.050, 0.9385]),
    "exact": ([0.85, 0.15], [0.10, 0.90]),
}
"""m and u of each comparison's levels, most alike first: shares among pairs of one person, and of two people.

Rounded beliefs for tables too small to train on (a date of birth agrees between strangers once in 3,000 pairs).
"""
STARTING_SHARE = 0.1
"""Before training: one record in ten is believed to have another of the same person."""
TRAINING_PAIRS = 300
"""Pairs that expectation maximisation needs; Splink's authors ask for a few hundred at least."""
DETERMINISTIC_RECALL = 0.6
"""Share of true pairs that agree on birth date and a name; sets the prior when trained."""


@dataclass(frozen=True)
class Linkage:
    """Which columns a table of people has. `exact` ones are compared as they are, rarer values weighing more."""

    name: str | None = None
    given: str | None = None
    family: str | None = None
    birth: str | None = None
    postcode: str | None = None
    exact: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Sequence[str]) -> Linkage:
        """The linkage of a table's columns; parts of names, where both are known, are compared instead of the whole."""
        has_parts = GIVEN in columns and FAMILY in columns
        return cls(
            name=NAME if NAME in columns and not has_parts else None,
            given=GIVEN if has_parts else None,
            family=FAMILY if has_parts else None,
            birth=BIRTH if BIRTH in columns else None,
            postcode=POSTCODE if POSTCODE in columns else None,
            exact=tuple(column for column in EXACT if column in columns),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of names that are compared."""
        return tuple(column for column in (self.name, self.given, self.family) if column)

    @property
    def can_match(self) -> bool:
        """Whether there is a name and something beside it; a name alone says too little."""
        return bool(self.names and (self.birth or self.postcode or self.exact))

    @property
    def blocking(self) -> list[tuple[str, ...]]:
        """Which pairs are looked at: those that agree on all columns, or beginnings of them, of one rule."""
        family, given, birth, area = self.family, self.given, self.birth, _head(self.postcode, 3)
        year = YEAR if YEAR in self.exact else None
        rules: list[tuple[str | None, ...]] = [
            (self.name, birth), (_head(self.name, 4), birth), (_head(self.name, 4), year),
            *((self.name, column) for column in self.exact),
            (_head(given, 3), _head(family, 4)), (family, birth), (given, birth),
            (_head(given, 2), _head(family, 2), _head(birth, 4)),
            (given, self.postcode), (family, self.postcode), (self.name, self.postcode),
            *((birth, column) for column in self.exact),
            (area, birth), (area, given), (area, family),
        ]  # fmt: skip
        full = [tuple(part for part in rule if part) for rule in rules if all(rule)]
        return list(dict.fromkeys(full))


@dataclass(frozen=True)
class Model:
    """What scores pairs and can be kept: Splink's settings with what was learnt, and nothing of the data.

    `columns` are those of the people it compares, `trained_on` the columns on whose agreement it learnt what one person
    agrees in (none: starting values), `record_n` the people it was made for; too few (`is_trained` is false) teach it
    nothing.
    """

    settings: dict[str, Any]
    columns: tuple[str, ...]
    trained_on: tuple[str, ...]
    record_n: int
    is_trained: bool
    calibration: Calibration | None = None
    version: int = MODEL_VERSION

    @property
    def name(self) -> str:
        """Version of the code and digest of what was learnt: two models that score differently differ in it."""
        told = json.dumps(self.to_record(), sort_keys=True)
        return f"v{self.version}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    def to_record(self) -> dict[str, Any]:
        """The model as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, told: dict[str, Any]) -> Model:
        """The model that `to_record` told."""
        calibration = Calibration(**told["calibration"]) if told["calibration"] else None
        lists = {name: tuple(told[name]) for name in ("columns", "trained_on")}
        return cls(**{**told, **lists, "calibration": calibration})


def settings(linkage: Linkage, people: pl.DataFrame, is_trained: bool) -> Any:
    """Splink's settings. Untrained, starting values score and rarity does not: a small table knows none."""
    import splink.comparison_library as cl  # noqa: PLC0415
    from splink import SettingsCreator, block_on  # noqa: PLC0415

    made: list[tuple[str, Any]] = []
    if linkage.given and linkage.family and not is_trained:
        # The comparison of parts weighs rarity whatever it is told.
        made.append(("name", cl.JaroWinklerAtThresholds(BOTH_NAMES, [0.95, 0.9, 0.8])))
    elif linkage.given and linkage.family:
        parts = cl.ForenameSurnameComparison(linkage.given, linkage.family, forename_surname_concat_col_name=BOTH_NAMES)
        made.append(("names", parts))
    elif linkage.name:
        made.append(("name", cl.JaroWinklerAtThresholds(linkage.name, [0.95, 0.9, 0.8])))
    if linkage.birth:
        made.append((BIRTH, cl.DateOfBirthComparison(linkage.birth, input_is_string=True)))
    if linkage.postcode:
        made.append((POSTCODE, cl.PostcodeComparison(linkage.postcode)))
    made += [("exact", cl.ExactMatch(column)) for column in linkage.exact]
    for kind, comparison in made:
        m, u = STARTING[kind]
        # Rarity counts for dates, too: 1 January is what many systems make of a year, or of nothing.
        comparison.configure(
            m_probabilities=m, u_probabilities=u, term_frequency_adjustments=is_trained and kind != POSTCODE
        )
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name=KEY,
        comparisons=[comparison for _, comparison in made],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in linkage.blocking],
        probability_two_random_records_match=prior(linkage, people) if is_trained else _starting_prior(people),
        # The weights of the comparisons (mw columns) are what explains a candidate.
        retain_intermediate_calculation_columns=True,
        retain_matching_columns=False,
    )


def prior(linkage: Linkage, people: pl.DataFrame) -> float:
    """Probability that two people of the table are one, by the pairs that agree on birth date and a name.

    Only pairs that state both count: to take silence for a difference would make the prior as much too small as there
    is silence. Nobody agreeing, or no dates, leaves the starting prior.
    """
    birth, names = linkage.birth, linkage.names
    if not birth:
        return _starting_prior(people)
    agree = sum(_pairs_n(people, (name, birth)) for name in names)
    agree -= _pairs_n(people, (*names, birth)) if len(names) > 1 else 0  # counted under either name
    stated = people.filter(pl.col(birth).is_not_null() & pl.any_horizontal(pl.col(names).is_not_null())).height
    if not agree:
        return _starting_prior(people)
    return min(0.5, agree / DETERMINISTIC_RECALL / (stated * (stated - 1) / 2))


def _starting_prior(people: pl.DataFrame) -> float:
    return min(0.5, 2 * STARTING_SHARE / (people.height - 1))


def train(linker: Any, linkage: Linkage, people: pl.DataFrame, seed: int) -> list[str]:
    """Estimate u by sampling with `seed` and m by expectation maximisation, without labels.

    Each expectation maximisation looks at pairs that agree on some columns and learns about the others; it is left out,
    and starting values stay, where fewer than TRAINING_PAIRS agree. Returns the columns of those that were done.
    """
    from splink import block_on  # noqa: PLC0415

    training = linker.training
    training.estimate_u_using_random_sampling(max_pairs=5e6, seed=seed)
    other = next(column for column in (linkage.birth, linkage.postcode, *linkage.exact) if column)
    done = [rule for rule in (linkage.names, (other,)) if _pairs_n(people, rule) >= TRAINING_PAIRS]
    for rule in done:
        training.estimate_parameters_using_expectation_maximisation(block_on(*rule), record_sample_proportion=1.0)
    return [" and ".join(rule) for rule in done]


def _pairs_n(people: pl.DataFrame, columns: Sequence[str]) -> int:
    """Pairs of people that agree on all of some columns."""
    sizes = people.drop_nulls(columns).group_by(columns).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _head(column: str | None, length: int) -> str | None:
    return f"substr({column}, 1, {length})" if column else None
