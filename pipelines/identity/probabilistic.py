"""Probabilistic: candidates among accounts that no identifier links, scored by Splink (extra `probabilistic`).

Lives here: who is left over, training and scoring in a database of its own, and scored pairs as possible links.
Stays out: what is compared and how (`probabilistic_model`), everything with an identifier (`resolve`), and the
acceptance of links (`possible`). Splink is imported when the stage runs and only then; nothing leaves the machine.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import polars as pl

from pipelines.contracts.errors import CawError
from pipelines.identity.calibration import HELD_FLOOR, calibrate
from pipelines.identity.case import BIRTH, NAME
from pipelines.identity.masks import comparable_city
from pipelines.identity.possible import POSSIBLE, PROBABILISTIC
from pipelines.identity.probabilistic_model import (
    BOTH_NAMES,
    COMPARED,
    FAMILY,
    GIVEN,
    KEY,
    MODEL_VERSION,
    Linkage,
    Model,
    settings,
    train,
)
from pipelines.identity.records import KEY as RECORD
from pipelines.identity.resolve import Resolution
from pipelines.identity.rivals import with_rivals

SEED = 1
TRAINED_FROM = 1_000
"""People from which the model is trained on the table itself; below, its stated starting values score."""

PAIRS = pl.Schema({"a": pl.String(), "b": pl.String(), "posterior": pl.Float64(), "features": pl.String()})
"""Scored pairs, a < b: the probability of one person, and what each comparison adds to its odds, in bits."""

HELD_OUT_TABLES = 5
"""Tables of records whose links are hidden, at most, to see how right the model is; each as large as the one asked."""

_INSTALL = "pip install 'customer-asset-warehouse[probabilistic]'"


def check_installed() -> None:
    """Raise CawError, naming the extra, where Splink is not installed."""
    if importlib.util.find_spec("splink") is None:
        raise CawError("The probabilistic stage needs Splink, which is not installed.", f"Install it: {_INSTALL}")


def probabilistic_links(resolution: Resolution, records: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Possible links (columns of POSSIBLE) among the records that stand alone, and what scored them.

    The second value states version and seed of the model, the records compared, the columns on whose agreement it was
    trained (none: starting values scored), and the pairs on which its posteriors were corrected (none: as stated).
    """
    people, ids = named_people(resolution, records), exclusive_ids(resolution, resolution.clusters)
    found = find_links(people, ids, resolution.policy.possible_floor)
    calibration = found.model.calibration
    told = {
        "version": MODEL_VERSION, "seed": SEED, "records": found.people_n,
        "trained_on_equal": list(found.model.trained_on), "calibrated_on": calibration.pair_n if calibration else 0,
    }  # fmt: skip
    return found.links, told


@dataclass(frozen=True)
class Found:
    """Possible links (columns of POSSIBLE), the model that scored them, and how many people it compared."""

    links: pl.DataFrame
    model: Model
    people_n: int


def find_links(people: pl.DataFrame, ids: pl.DataFrame, floor: float, model: Model | None = None) -> Found:
    """Possible links of at least `floor` among the people who stand alone, by `model` or one trained on them.

    `people`: account_key, cluster, is_alone, and columns to compare, one row per account; those who do not stand alone
    tell how right a new model is, with `ids` (cluster, id_type, value), of which a person has one of a type. Of each
    pair the greater key is the account, the smaller one the candidate.
    """
    check_installed()
    alone, linkage = _residual(people)
    if model is None:
        model = _new_model(people, ids, alone, linkage)
    calibration = model.calibration
    pairs = score_pairs(alone, model, HELD_FLOOR if calibration else floor)
    if calibration:
        pairs = pairs.with_columns(calibration.corrected(with_rivals(pairs, _whole_names(people))))
    links = pairs.select(
        account_key="b",
        candidate_cluster="a",
        kind=pl.lit(PROBABILISTIC),
        posterior=pl.col("posterior").round_sig_figs(9),
        features="features",
    )
    return Found(links.filter(pl.col("posterior") >= floor).cast(POSSIBLE), model, alone.height)


def residual(resolution: Resolution, records: pl.DataFrame) -> tuple[pl.DataFrame, Linkage]:
    """Accounts that nothing joins to another and that have a name, and which of their columns can be compared."""
    return _residual(named_people(resolution, records))


def named_people(resolution: Resolution, records: pl.DataFrame) -> pl.DataFrame:
    """Accounts with a name: account_key, cluster, is_alone, name, birth, and the columns of COMPARED in the records.

    Columns of records are taken as text without case or width. Of several values of one account the smallest counts.
    """
    people = resolution.clusters.with_columns(is_alone=pl.len().over("cluster") == 1)
    known = resolution.case.attributes
    for attribute in (NAME, BIRTH):
        own = known.filter(pl.col("attribute") == attribute).group_by(KEY).agg(pl.col("value").min().alias(attribute))
        people = people.join(own, on=KEY, how="left")
    present = [column for column in COMPARED if column in records.columns]
    text = pl.col(present).cast(pl.String).str.normalize("NFKC").str.strip_chars().str.to_lowercase()
    others = records.select(pl.col(RECORD).cast(pl.String).alias(KEY), text.replace("", None))
    people = people.join(others.group_by(KEY).agg(pl.col(present).min()), on=KEY, how="left")
    return people.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in people.columns if c in _NAMES))


def exclusive_ids(resolution: Resolution, clusters: pl.DataFrame) -> pl.DataFrame:
    """cluster, id_type, value: what clusters hold of ids of which a person has one (scope and type in one)."""
    types = [rule.name for rule in resolution.book.types if rule.strength == "exclusive"]
    own = resolution.case.evidence.filter(pl.col("id_type").is_in(types)).join(clusters, on=KEY)
    return own.select("cluster", pl.concat_str("scope_key", "id_type", separator=" ").alias("id_type"), "value")


def account_people(
    accounts: pl.DataFrame, names: pl.DataFrame, contacts: pl.DataFrame, clusters: pl.DataFrame
) -> pl.DataFrame:
    """The same of the warehouse's accounts: name, year of birth, and the city of the record or else of deliveries.

    `accounts`: account_key, city, birth_year. `names`: account_key, name. `contacts`: account_key, city of receivers.
    `clusters`: account_key, cluster of every account.
    """
    named = names.drop_nulls().group_by(KEY).agg(pl.col("name").min())
    sent_to = contacts.drop_nulls("city").group_by(KEY).agg(sent_to=pl.col("city").min())
    stated = accounts.select(KEY, comparable_city(), pl.col("birth_year").cast(pl.String))
    return (
        clusters.with_columns(is_alone=pl.len().over("cluster") == 1)
        .join(named, on=KEY)
        .join(stated, on=KEY)
        .join(sent_to, on=KEY, how="left")
        .with_columns(pl.coalesce("city", "sent_to").alias("city"))
        .drop("sent_to")
    )


def _whole_names(people: pl.DataFrame) -> pl.DataFrame:
    """account_key, cluster, name of the people who have one; the parts of a name where no whole one is stated."""
    parts = [pl.col(column) for column in (GIVEN, FAMILY) if column in people.columns]
    name = pl.coalesce(NAME, pl.concat_str(*parts, separator=" ", ignore_nulls=True)) if parts else pl.col(NAME)
    return people.select(KEY, "cluster", name=name.replace("", None)).drop_nulls("name")


def _residual(people: pl.DataFrame) -> tuple[pl.DataFrame, Linkage]:
    """People who stand alone, with the columns that say something about them, and their linkage.

    The parts of names are left out where more people state a whole name.
    """
    alone = people.filter("is_alone").drop("cluster", "is_alone")
    said = [column for column in alone.columns if alone[column].null_count() < alone.height]
    if GIVEN in said and FAMILY in said:
        in_parts = alone.filter(pl.any_horizontal(pl.col(GIVEN, FAMILY).is_not_null())).height
        if in_parts < alone[NAME].count():
            said = [column for column in said if column not in (GIVEN, FAMILY)]
    return alone.select(KEY, *(c for c in said if c != KEY)).sort(KEY), Linkage.of(said)


def _new_model(people: pl.DataFrame, ids: pl.DataFrame, alone: pl.DataFrame, linkage: Linkage) -> Model:
    """A model of the people who stand alone: trained on them without labels, and corrected on those who do not.

    From TRAINED_FROM people on it is trained, with a fixed seed; below, starting values score.
    """
    columns = tuple(column for column in alone.columns if column != KEY)
    if alone.height < 2 or not linkage.can_match:
        return Model({}, columns, (), alone.height, is_trained=False)
    is_trained = alone.height >= TRAINED_FROM
    with _linker(alone, linkage, settings(linkage, alone, is_trained)) as linker:
        trained = train(linker, linkage, alone, SEED) if is_trained else []
        learnt = linker.misc.save_model_to_json()
    learnt.pop("linker_uid", None)  # drawn at random
    model = Model(learnt, columns, tuple(trained), alone.height, is_trained)
    if not is_trained:
        return model
    known, stranger_pairs, names = [], 0.0, _whole_names(people)
    for held in _held_out(people, alone):
        pairs, apart_n = _known_pairs(held, alone, ids, model)
        known.append(with_rivals(pairs, names).select("posterior", "rivals", "is_match"))
        stranger_pairs += apart_n
    if not known or not stranger_pairs:
        return model
    asked_pair_n = score_pairs(alone, model, HELD_FLOOR).height
    return replace(model, calibration=calibrate(pl.concat(known), stranger_pairs, alone.height, asked_pair_n))


def _held_out(people: pl.DataFrame, alone: pl.DataFrame) -> list[pl.DataFrame]:
    """Two records of each customer that has several, in tables of no more than the people asked about."""
    held = people.filter(~pl.col("is_alone")).sort("cluster", KEY).group_by("cluster", maintain_order=True).head(2)
    several = held.filter(pl.len().over("cluster") == 2).with_columns(n=pl.col("cluster").rle_id())
    tables = 1 + several.height // alone.height
    return [several.filter(pl.col("n") % tables == part).drop("n") for part in range(min(tables, HELD_OUT_TABLES))]


def _known_pairs(
    held: pl.DataFrame, alone: pl.DataFrame, ids: pl.DataFrame, model: Model
) -> tuple[pl.DataFrame, float]:
    """Scored pairs of `held` whose answer is known (a, b, posterior, is_match), and how many are strangers' in all.

    They are scored as if nothing linked them, in a table filled up to the size of the one asked about: how rare a name
    is depends on it. Customers with different ids of one type are two people; what the ids do not decide may be one
    person whom identity does not know as one.
    """
    if held.is_empty():
        nothing = {"a": pl.String, "b": pl.String, "posterior": pl.Float64, "is_match": pl.Boolean}
        return pl.DataFrame(schema=nothing), 0.0
    own = ids.join(held, on="cluster", how="semi").group_by("cluster", "id_type").agg(pl.col("value").min())
    clusters = held.select(KEY, "cluster")
    filler = alone.head(max(alone.height - held.height, 0))
    scored = (
        score_pairs(pl.concat([held.select(alone.columns), filler]), model, HELD_FLOOR)
        .join(clusters.rename({KEY: "a"}), on="a")
        .join(clusters.rename({KEY: "b"}), on="b", suffix="_b")
    )
    apart = (
        scored.select("cluster", "cluster_b")
        .unique()
        .join(own, on="cluster")
        .join(own, left_on=["cluster_b", "id_type"], right_on=["cluster", "id_type"], suffix="_b")
        .filter(pl.col("value") != pl.col("value_b"))
        .select("cluster", "cluster_b")
        .unique()
        .with_columns(is_apart=pl.lit(True))
    )
    is_match = pl.col("cluster") == pl.col("cluster_b")
    known = scored.join(apart, on=["cluster", "cluster_b"], how="left").filter(is_match | pl.col("is_apart"))
    return known.select("a", "b", "posterior", is_match=is_match), 4.0 * _pairs_with_a_type(own)


def _pairs_with_a_type(own: pl.DataFrame) -> float:
    """Pairs of clusters that hold ids of one type at least in common, which tell whether they are two people."""
    kinds = own.group_by("cluster").agg(pl.col("id_type").sort()).group_by("id_type").len()
    counted = [(frozenset(types), n) for types, n in kinds.iter_rows()]
    ordered = sum(n * m for types, n in counted for others, m in counted if types & others)
    return (ordered - sum(n for _, n in counted)) / 2


def score_pairs(people: pl.DataFrame, model: Model, floor: float) -> pl.DataFrame:
    """Pairs of `people` that `model` states at `floor` or more (columns of PAIRS), the same for any order of rows."""
    if people.height < 2 or not model.settings:
        return pl.DataFrame(schema=PAIRS)
    missing = [pl.lit(None, pl.String).alias(name) for name in model.columns if name not in people.columns]
    compared = people.with_columns(missing).select(KEY, *model.columns)
    told = copy.deepcopy(model.settings)  # Splink writes into what it is given
    with _linker(compared, Linkage.of(model.columns), told) as linker:
        scored = pl.DataFrame(linker.inference.predict(threshold_match_probability=floor).as_pyarrow_table())
    return _pairs(scored)


@contextmanager
def _linker(people: pl.DataFrame, linkage: Linkage, told: Any, memory_limit: str = "2GB") -> Iterator[Any]:
    """Splink over `people` in a database of its own, with one thread: sums in another order would move last digits."""
    from splink import DuckDBAPI, Linker  # noqa: PLC0415 - an extra, imported when the stage runs

    for name in ("splink", "sqlglot"):
        logging.getLogger(name).setLevel(logging.ERROR)
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
            yield Linker(frame, told, log_level=logging.ERROR)


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
