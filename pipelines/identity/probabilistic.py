"""Probabilistic: candidates among accounts that no identifier links, scored by Splink (extra `probabilistic`).

Lives here: who is left over, training and scoring in a database of its own, and scored pairs as possible links.
Stays out: what is compared and how (`probabilistic_model`), everything with an identifier (`resolve`), and the
acceptance of links (`possible`). Splink is imported when the stage runs and only then; nothing leaves the machine.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from typing import Any

import duckdb
import polars as pl

from pipelines.contracts.errors import CawError
from pipelines.identity.case import BIRTH, NAME
from pipelines.identity.possible import POSSIBLE, PROBABILISTIC
from pipelines.identity.probabilistic_model import (
    BOTH_NAMES,
    COMPARED,
    FAMILY,
    GIVEN,
    KEY,
    MODEL_VERSION,
    Linkage,
    settings,
    train,
)
from pipelines.identity.records import KEY as RECORD
from pipelines.identity.resolve import Resolution

SEED = 1
TRAINED_FROM = 1_000
"""People from which the model is trained on the table itself; below, its stated starting values score."""

PAIRS = pl.Schema({"a": pl.String(), "b": pl.String(), "posterior": pl.Float64(), "features": pl.String()})
"""Scored pairs, a < b: the probability of one person, and what each comparison adds to its odds, in bits."""

_INSTALL = "pip install 'customer-asset-warehouse[probabilistic]'"


def check_installed() -> None:
    """Raise CawError, naming the extra, where Splink is not installed."""
    if importlib.util.find_spec("splink") is None:
        raise CawError("The probabilistic stage needs Splink, which is not installed.", f"Install it: {_INSTALL}")


def probabilistic_links(resolution: Resolution, records: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Possible links (columns of POSSIBLE) among the accounts that stand alone, and what scored them.

    Pairs below `policy.possible_floor` are left out; of each pair the greater key is the account, the smaller one the
    candidate. The second value states version and seed of the model, the records compared, and the columns on whose
    agreement it was trained (none: starting values scored).
    """
    check_installed()
    people, linkage = residual(resolution, records)
    pairs, trained = score_pairs(people, linkage, resolution.policy.possible_floor)
    links = pairs.select(
        account_key="b",
        candidate_cluster="a",
        kind=pl.lit(PROBABILISTIC),
        posterior=pl.col("posterior").round_sig_figs(9),
        features="features",
    )
    told = {"version": MODEL_VERSION, "seed": SEED, "records": people.height, "trained_on_equal": trained}
    return links.cast(POSSIBLE), told


def residual(resolution: Resolution, records: pl.DataFrame) -> tuple[pl.DataFrame, Linkage]:
    """Accounts that nothing joins to another and that have a name, and which of their columns can be compared.

    One row per account: account_key, name, birth, and the columns of COMPARED that the records carry, as text without
    case or width. Of several values of one account the smallest counts. A column that says nothing is left out, and so
    are the parts of names where more people state a whole name.
    """
    alone = resolution.clusters.filter(pl.len().over("cluster") == 1).select(KEY)
    known = resolution.case.attributes
    people = alone
    for attribute in (NAME, BIRTH):
        own = known.filter(pl.col("attribute") == attribute).group_by(KEY).agg(pl.col("value").min().alias(attribute))
        people = people.join(own, on=KEY, how="left")
    present = [column for column in COMPARED if column in records.columns]
    text = pl.col(present).cast(pl.String).str.normalize("NFKC").str.strip_chars().str.to_lowercase()
    others = records.select(pl.col(RECORD).cast(pl.String).alias(KEY), text.replace("", None))
    people = people.join(others.group_by(KEY).agg(pl.col(present).min()), on=KEY, how="left")
    people = people.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in people.columns if c in _NAMES))
    said = [column for column in people.columns if people[column].null_count() < people.height]
    if GIVEN in said and FAMILY in said:
        in_parts = people.filter(pl.any_horizontal(pl.col(GIVEN, FAMILY).is_not_null())).height
        if in_parts < people[NAME].count():
            said = [column for column in said if column not in (GIVEN, FAMILY)]
    return people.select(KEY, *(c for c in said if c != KEY)).sort(KEY), Linkage.of(said)


def score_pairs(
    people: pl.DataFrame, linkage: Linkage, floor: float, memory_limit: str = "2GB"
) -> tuple[pl.DataFrame, list[str]]:
    """Pairs of `people` of at least `floor` (columns of PAIRS, the same for any order of rows), and what trained it.

    One thread in a database of its own: sums in another order would move the last digits. From TRAINED_FROM people on
    the model is trained on them without labels, with a fixed seed.
    """
    if people.height < 2 or not linkage.can_match:
        return pl.DataFrame(schema=PAIRS), []
    from splink import DuckDBAPI, Linker  # noqa: PLC0415 - an extra, imported when the stage runs

    for name in ("splink", "sqlglot"):
        logging.getLogger(name).setLevel(logging.ERROR)
    is_trained = people.height >= TRAINED_FROM
    if linkage.given and linkage.family:
        both = pl.concat_str(linkage.given, linkage.family, separator=" ", ignore_nulls=True)
        people = people.with_columns(both.replace("", None).alias(BOTH_NAMES))
    with tempfile.TemporaryDirectory(prefix="caw-probabilistic-") as spill:
        config: dict[str, Any] = {
            "memory_limit": memory_limit, "threads": 1, "temp_directory": spill,
            "autoinstall_known_extensions": False, "autoload_known_extensions": False,
        }  # fmt: skip
        with duckdb.connect(config=config) as connection:
            connection.execute("SET enable_progress_bar = false")
            frame = DuckDBAPI(connection).register(people.sort(KEY).to_arrow(), dataset_display_name="people")
            linker = Linker(frame, settings(linkage, people, is_trained), log_level=logging.ERROR)
            trained = train(linker, linkage, people, SEED) if is_trained else []
            scored = pl.DataFrame(linker.inference.predict(threshold_match_probability=floor).as_pyarrow_table())
    return _pairs(scored), trained


_NAMES = (NAME, GIVEN, FAMILY)


def _pairs(scored: pl.DataFrame) -> pl.DataFrame:
    """Splink's predictions as PAIRS, each pair once with the smaller account first."""
    left, right = pl.col(f"{KEY}_l"), pl.col(f"{KEY}_r")
    bits = {column.removeprefix("mw_"): pl.col(column) for column in scored.columns if column.startswith("mw_")}
    told = [
        pl.format("{} {}", pl.lit(of), (weight + bits.get(f"tf_adj_{of}", 0.0)).cast(pl.Float64).round(1))
        for of, weight in sorted(bits.items())
        if not of.startswith("tf_adj_")
    ]
    return (
        scored.select(
            a=pl.min_horizontal(left, right),
            b=pl.max_horizontal(left, right),
            posterior=pl.col("match_probability").cast(pl.Float64),
            features=pl.concat_str(told, separator=", "),
        )
        .cast(PAIRS)
        .sort("a", "b")
    )
