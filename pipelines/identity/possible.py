"""Possible links: candidates with a probability, for people to review; never a merge by themselves.

Lives here: masked telephones (138****1234) matched with surname and city, their posterior, and the acceptance of links
above a configured posterior, which never joins two persons with different exclusive ids.
Stays out: the probabilistic stage (`probabilistic`), whose candidates come in the same table, and the review commands.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl

from pipelines.channels.identifiers import number_mask, phone_mask
from pipelines.identity.case import HINT, NAME
from pipelines.identity.components import component_roots
from pipelines.identity.constrained import Tie, union_over
from pipelines.identity.core_facts import facts_of
from pipelines.identity.resolve import Resolution

POSSIBLE = pl.Schema(
    {
        "account_key": pl.String(),
        "candidate_cluster": pl.String(),
        "kind": pl.String(),
        "posterior": pl.Float64(),
        "features": pl.String(),
    }
)
"""An account that may belong to a cluster (named by its anchor), how that was found, how probable it is, and why."""

PROBABILISTIC = "probabilistic"
"""Kind of the links of the probabilistic stage."""

CELLS_PER_PREFIX = 10_000
"""Numbers share a mask when the first three and the last four digits agree."""

BELIEF = 20.0
"""Weight, in masked accounts, of what is believed before they are looked at: half of them belong to known people."""


def masked_links(resolution: Resolution) -> pl.DataFrame:
    """Records with a masked telephone and the customers whose number, surname and city fit: columns of POSSIBLE."""
    masked = _masked(resolution)
    if masked.is_empty():
        return pl.DataFrame(schema=POSSIBLE)
    return mask_candidates(masked, _known(resolution), resolution.policy.possible_floor)


def mask_candidates(masked: pl.DataFrame, known: pl.DataFrame, floor: float) -> pl.DataFrame:
    """Accounts with a masked telephone and the customers whose number, surname and city fit: columns of POSSIBLE.

    `masked`: account_key, cluster, mask, surname (or whole name), city. `known`: cluster, mask, name, city, one row per
    combination. A city that either does not state fits any.

    The posterior of each of k candidates is 1 / (k + others): others are the people nobody knows who fit, too. Of known
    people as many others fit as there are, thinned by the shares of the prefix, of the surname and of the city, and as
    share a number. Where c of the masked accounts belong to known people there are (1 - c) / c times as many unknown
    ones. Both rates are measured on the accounts themselves. Candidates below `floor` are left out.
    """
    asked = _with_chance(masked, known)
    found = (
        asked.join(known, on=["cluster", "mask"], how="anti")
        .join(known, on="mask", suffix="_known")
        .filter((pl.col("cluster") != pl.col("cluster_known")) & pl.col("name").str.starts_with(pl.col("surname")))
        .filter((pl.col("city") == pl.col("city_known")).fill_null(True))
        .with_columns(has_city=pl.col("city").is_not_null() & pl.col("city_known").is_not_null())
        .sort("account_key", "cluster_known", "has_city", "chance", descending=[False, False, True, True])
        .unique(["account_key", "cluster_known"], keep="first", maintain_order=True)
    )
    if found.is_empty():
        return pl.DataFrame(schema=POSSIBLE)
    others = (pl.col("chance") + _sharing(known, found)) * _unknown_per_known(asked, found)
    return (
        found.with_columns(posterior=1.0 / (pl.len().over("account_key") + others))
        .filter(pl.col("posterior") >= floor)
        .select(
            "account_key",
            candidate_cluster="cluster_known",
            kind=pl.lit("masked_phone"),
            posterior=pl.col("posterior").round_sig_figs(9),
            features=pl.when("has_city").then(pl.lit("mask, surname, city")).otherwise(pl.lit("mask, surname")),
        )
        .sort("account_key", "candidate_cluster")
    )


def _with_chance(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`rows` (mask, surname, city) with `chance`: known people expected to fit although they are others."""
    people_n = max(known["cluster"].n_unique(), 1)

    def shares(of: pl.Expr, name: str) -> pl.DataFrame:
        counted = known.group_by(of.alias(name)).agg((pl.col("cluster").n_unique() / people_n).alias(f"{name}_share"))
        return counted.drop_nulls(name)

    prefix, head = pl.col("mask").str.slice(0, 3), pl.col("name").str.slice(0, 1)
    rare = 1.0 / people_n
    return (
        rows.with_columns(prefix=prefix, head=pl.col("surname").str.slice(0, 1))
        .join(shares(prefix, "prefix"), on="prefix", how="left")
        .join(shares(head, "head"), on="head", how="left")
        .join(shares(pl.col("city"), "city"), on="city", how="left")
        .with_columns(
            city_share=pl.when(pl.col("city").is_null()).then(1.0).otherwise(pl.col("city_share").fill_null(rare)),
            prefix_share=pl.col("prefix_share").fill_null(rare),
            head_share=pl.col("head_share").fill_null(rare),
        )
        .with_columns(
            chance=people_n / CELLS_PER_PREFIX * pl.col("prefix_share") * pl.col("head_share") * pl.col("city_share")
        )
        .drop("prefix", "head", "prefix_share", "head_share", "city_share")
    )


def _sharing(known: pl.DataFrame, found: pl.DataFrame) -> float:
    """Other known people who fit a masked account beyond chance, because families share numbers.

    Measured on second candidates, with what known people of different names show of each other as the belief before.
    """
    people = known.select("cluster", "mask", "city", "name", surname=pl.col("name").str.slice(0, 1)).sort(pl.all())
    asked = people.unique(["cluster", "mask"], keep="first", maintain_order=True)
    by_chance = _total(_with_chance(asked, known)["chance"])
    pairs = (
        people.filter(pl.col("cluster").n_unique().over("mask") > 1)
        .join(people, on=["mask", "surname"], suffix="_other")
        .filter((pl.col("cluster") != pl.col("cluster_other")) & (pl.col("name") != pl.col("name_other")))
        .filter((pl.col("city") == pl.col("city_other")).fill_null(True))
    )
    believed = max(pairs.select("cluster", "mask").n_unique() - by_chance, 0.0) / max(asked.height, 1)
    accounts = found.group_by("account_key").agg(pl.col("chance").max())
    seconds = max(found.height - accounts.height - _total(accounts["chance"]), 0.0)
    return (seconds + BELIEF * believed) / (accounts.height + BELIEF)


def _unknown_per_known(asked: pl.DataFrame, found: pl.DataFrame) -> float:
    """(1 - c) / c for the share c of masked accounts that belong to known people: those that fit, less chance."""
    n = asked["account_key"].n_unique()
    by_chance = _total(asked.group_by("account_key").agg(fits=1.0 - (-pl.col("chance").max()).exp())["fits"])
    fitting = found["account_key"].n_unique() - by_chance
    known = (max(fitting, 0.0) + BELIEF / 2) / (n - by_chance + BELIEF)
    return (1.0 - known) / known


def _total(values: pl.Series) -> float:
    """The sum, to the last digit the same in any order of rows."""
    return math.fsum(values.to_list())


def accept_links(resolution: Resolution, links: pl.DataFrame, threshold: float) -> tuple[Resolution, pl.DataFrame]:
    """The resolution with the links of at least `threshold` made, and the links with `is_accepted` and `reason`.

    Likelier links are tried first, and no link joins persons with different exclusive ids or against a manual decision.
    A masked telephone fits one person: its account takes one candidate at most, and none whose name or birth date
    excludes its own. Probabilistic links have weighed names and dates already, and the candidates of an account may all
    be the same person. Accepted links are edges of type `possible`.
    """
    book, labels = resolution.book, resolution.labels
    codes = pl.DataFrame({"account_key": book.keys, "acc": np.arange(len(book.keys), dtype=np.int32)})
    numbered = links.with_row_index("row")
    ranked = (
        numbered.filter(pl.col("posterior") >= threshold)
        .join(codes, on="account_key")
        .join(codes.rename({"account_key": "candidate_cluster", "acc": "anchor"}), on="candidate_cluster")
        .sort("posterior", "account_key", "candidate_cluster", descending=[True, False, False])
    )
    ends = np.concatenate([ranked["acc"].to_numpy(), ranked["anchor"].to_numpy()])
    cores, facts = np.unique(labels[ends]), facts_of(book, labels)
    union = union_over(book, facts, cores, labels, resolution.decisions.enemies, resolution.partitioner)
    verdicts: list[tuple[int, bool, str]] = []
    accepted: list[tuple[int, int]] = []
    taken: set[int] = set()
    for row, acc, anchor, kind in ranked.select("row", "acc", "anchor", "kind").iter_rows():
        is_scored = kind == PROBABILISTIC
        if not is_scored and acc in taken:
            verdicts.append((row, False, "a likelier candidate was accepted"))
            continue
        union.join(Tie(int(labels[anchor]), row, not is_scored))
        reason = union.join(Tie(int(labels[acc]), row, not is_scored))
        verdicts.append((row, reason is None, reason or "posterior reaches the threshold"))
        if reason is None:
            accepted.append((acc, anchor))
            taken.add(acc)
    judged = pl.DataFrame(
        verdicts, schema={"row": pl.UInt32, "is_accepted": pl.Boolean, "reason": pl.String}, orient="row"
    )
    told = numbered.join(judged, on="row", how="left", maintain_order="left").drop("row")
    return _joined(resolution, accepted), told.with_columns(
        pl.col("is_accepted").fill_null(False), pl.col("reason").fill_null("posterior below the threshold")
    )


def _joined(resolution: Resolution, accepted: list[tuple[int, int]]) -> Resolution:
    """The resolution with accounts joined to the anchors of their candidates, and the edges that say so."""
    keys, labels = resolution.book.keys, resolution.labels
    pairs = np.array(accepted, dtype=np.int32).reshape(-1, 2)
    roots = component_roots(labels[pairs[:, 0]], labels[pairs[:, 1]], len(labels))
    rows = [
        (keys[end], "possible", "", f"{keys[acc]} {keys[anchor]}", 0, "accepted")
        for acc, anchor in pairs.tolist()
        for end in (acc, anchor)
    ]
    schema = {
        "account_key": pl.String, "id_type": pl.String, "scope_key": pl.String, "value": pl.String, "part": pl.Int32,
        "verdict": pl.String,
    }  # fmt: skip
    return replace(resolution, labels=roots[labels], accepted=pl.DataFrame(rows, schema=schema, orient="row"))


def _masked(resolution: Resolution) -> pl.DataFrame:
    """Accounts with a masked telephone and a surname: account_key, cluster, mask, surname, city."""
    case = resolution.case
    masks = case.unusable.filter((pl.col("id_type") == "phone") & (pl.col("status") == "masked")).select(
        "account_key", mask=phone_mask(pl.col("value"))
    )
    hints = case.attributes.filter(pl.col("attribute") == HINT).select(
        "account_key", surname=pl.col("value").str.strip_suffix("*")
    )
    names = case.attributes.filter(pl.col("attribute") == NAME).select("account_key", surname="value")
    return (
        masks.drop_nulls()
        .unique("account_key")
        .join(pl.concat([hints, names]).unique("account_key", keep="first", maintain_order=True), on="account_key")
        .join(_cities(resolution), on="account_key", how="left")
        .join(resolution.clusters, on="account_key")
    )


def _known(resolution: Resolution) -> pl.DataFrame:
    """Customers with a clear telephone and a name: cluster, mask, name, city; one row per combination."""
    case, clusters = resolution.case, resolution.clusters
    phones = case.evidence.filter(pl.col("id_type") == "phone").select("account_key", digits=pl.col("value"))
    numbers = phones.select("account_key", mask=number_mask(pl.col("digits")))
    linked = resolution.edges.filter(pl.col("id_type") == "phone").select("account_key").unique()
    names = (
        case.attributes.filter(pl.col("attribute") == NAME)
        .join(clusters, on="account_key")
        .select("cluster", name="value")
    )
    cities = _cities(resolution).join(clusters, on="account_key").select("cluster", "city")
    return (
        numbers.drop_nulls()
        .join(linked, on="account_key", how="semi")
        .join(clusters, on="account_key")
        .select("cluster", "mask")
        .unique()
        .join(names.unique(), on="cluster")
        .join(cities.unique(), on="cluster", how="left")
    )


def _cities(resolution: Resolution) -> pl.DataFrame:
    return (
        resolution.case.attributes.filter(pl.col("attribute") == "city")
        .select("account_key", city="value")
        .unique("account_key", keep="first", maintain_order=True)
    )
