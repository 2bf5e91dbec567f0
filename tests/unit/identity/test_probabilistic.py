"""Probabilistic stage: people that no identifier links are found by names, dates and places, and only they."""

from __future__ import annotations

import importlib.util
import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.identity_records import groups, records

from pipelines.contracts.errors import CawError
from pipelines.identity.files import resolve_file
from pipelines.identity.possible import accept_links
from pipelines.identity.probabilistic import TRAINED_FROM, probabilistic_links, residual
from pipelines.identity.probabilistic_model import DETERMINISTIC_RECALL, Linkage, prior
from pipelines.identity.resolve import Resolution, resolve
from pipelines.identity.tables import TableError

TWINS = [("ann", "Margaret Thompson", "Margret Thompson"), ("bob", "Jonathan Whitfield", "Jonathon Whitfield")]
"""Two spellings of one person, same city and date of birth, no identifier."""


def stranger(number: int, rng: random.Random) -> dict[str, Any]:
    def word() -> str:
        return "".join(rng.choice("bcdfglmnprstvz") + rng.choice("aeiou") for _ in range(4)).capitalize()

    born = date(1950, 1, 1) + timedelta(days=rng.randrange(18_000))
    city = rng.choice(["York", "Leeds", "Bath", "Hull", "Derby"])
    return {"id": f"s{number:05}", "name_raw": f"{word()} {word()}", "birth_date": born, "city": city}


def crowd(strangers_n: int = 60, **more: Any) -> pl.DataFrame:
    """Planted pairs among strangers; `more` is set on the second record of each pair."""
    rng = random.Random(11)
    rows = [stranger(number, rng) for number in range(strangers_n)]
    for key, one, other in TWINS:
        shared = {"birth_date": date(1980, 5, 17) if key == "ann" else date(1971, 11, 30), "city": "York"}
        rows += [{"id": f"{key}1", "name_raw": one, **shared}, {"id": f"{key}2", "name_raw": other, **shared, **more}]
    return records(*rows)


def likely(table: pl.DataFrame, least: float = 0.9) -> tuple[Resolution, pl.DataFrame, list[tuple[str, str]]]:
    found = resolve(table)
    links, _ = probabilistic_links(found, table)
    return found, links, links.filter(pl.col("posterior") >= least).select("candidate_cluster", "account_key").rows()


@pytest.mark.parametrize("strangers_n", [0, 60, TRAINED_FROM + 500])
def test_planted_pairs_are_candidates_with_a_probability_and_never_links(strangers_n: int) -> None:
    found, links, pairs = likely(crowd(strangers_n))
    assert pairs == [("ann1", "ann2"), ("bob1", "bob2")]
    assert links["posterior"].is_between(0.2, 1).all()
    assert links["kind"].unique().to_list() == ["probabilistic"]
    assert all(len(group) == 1 for group in groups(found))
    told = dict(part.split(" ") for part in links["features"][0].split(", "))
    assert set(told) == {"birth", "city", "name"}
    assert all(float(bits) > 0 for bits in told.values())


def test_a_date_or_place_that_differs_lowers_the_probability() -> None:
    _, same, _ = likely(crowd())
    _, moved, _ = likely(crowd(city="Hull"))
    _, other, _ = likely(crowd(birth_date=date(1953, 2, 3), city="Hull"))
    of = [{row[0]: row[3] for row in links.rows()} for links in (same, moved, other)]
    assert of[0]["ann2"] > of[1]["ann2"] > of[2].get("ann2", 0.0)


@pytest.mark.parametrize("strangers_n", [60, TRAINED_FROM + 500])
def test_row_order_changes_nothing(strangers_n: int) -> None:
    table = crowd(strangers_n)
    _, links, _ = likely(table)
    _, again, _ = likely(table.sample(fraction=1, shuffle=True, seed=5))
    assert links.height >= 2
    assert links.equals(again)


def test_what_an_identifier_links_is_not_asked() -> None:
    table = crowd(0).with_columns(member_id=pl.format("M-{}", pl.col("record_id").str.head(3)))
    found, links, _ = likely(table)
    assert groups(found) == [["ann1", "ann2"], ["bob1", "bob2"]]
    assert links.is_empty()
    assert residual(found, table)[0].is_empty()


def test_accepted_links_join_and_never_two_members() -> None:
    table = crowd()
    found, links, _ = likely(table)
    joined, told = accept_links(found, links, 0.9)
    assert [group for group in groups(joined) if len(group) > 1] == [["ann1", "ann2"], ["bob1", "bob2"]]
    assert told.filter("is_accepted").height == 2
    members = table.with_columns(
        member_id=pl.when(pl.col("record_id").str.starts_with("ann")).then(pl.format("M-{}", pl.col("record_id")))
    )
    found, links, pairs = likely(members)
    assert ("ann1", "ann2") in pairs
    joined, told = accept_links(found, links, 0.9)
    assert [group for group in groups(joined) if len(group) > 1] == [["bob1", "bob2"]]
    reasons = dict(told.select("account_key", "reason").rows())
    assert reasons["ann2"] == "limit: 2 member_no where 1 may be"


def test_several_candidates_of_an_account_may_be_one_person() -> None:
    shared = {"birth_date": date(1980, 5, 17), "city": "York"}
    third = records({"id": "ann3", "name_raw": "Margaret Thomson", **shared})
    found, links, _ = likely(pl.concat([crowd(), third]))
    joined, _ = accept_links(found, links, 0.9)
    assert ["ann1", "ann2", "ann3"] in groups(joined)


def test_names_alone_and_no_names_yield_nothing() -> None:
    table = crowd().with_columns(birth_date=None, city=None).cast(crowd().schema)
    assert likely(table)[1].is_empty()
    nameless = crowd().with_columns(name_raw=pl.lit(None, pl.String))
    assert likely(nameless)[1].is_empty()


def test_parts_of_names_and_places_are_compared_where_they_stand() -> None:
    parts = pl.col("name_raw").str.split(" ")
    table = crowd().with_columns(
        given_name=parts.list.get(0), family_name=parts.list.get(1), postcode=pl.lit("YO1 7HH")
    )
    _, links, pairs = likely(table)
    assert {("ann1", "ann2"), ("bob1", "bob2")} <= set(pairs)
    told = dict(part.split(" ") for part in links.filter(pl.col("account_key") == "ann2")["features"][0].split(", "))
    assert set(told) == {"birth", "city", "given_and_family_name", "postcode"}
    assert float(told["given_and_family_name"]) > 0
    one = pl.col("record_id") == "s00001"
    few = table.with_columns(pl.when(one).then(pl.col("given_name", "family_name")).name.keep())
    assert residual(resolve(few), few)[1].names == ("name",)


def test_the_command_writes_candidates_and_the_model(tmp_path: Path) -> None:
    crowd().write_parquet(tmp_path / "records.parquet")
    out, links, report = tmp_path / "out.csv", tmp_path / "possible.csv", tmp_path / "report.json"
    resolve_file(tmp_path / "records.parquet", out, None, report, is_probabilistic=True, links=links)
    written = pl.read_csv(links).filter(pl.col("posterior") > 0.9)
    assert written.select("record_id", "candidate_record_id").rows() == [("ann2", "ann1"), ("bob2", "bob1")]
    assert pl.read_csv(out)["customer_id"].n_unique() == 64
    model = json.loads(report.read_text())["probabilistic"]
    assert model == {"version": 3, "seed": 1, "records": 64, "trained_on_equal": [], "calibrated_on": 0}


def test_clusters_and_candidates_need_two_files(tmp_path: Path) -> None:
    crowd().write_parquet(tmp_path / "records.parquet")
    out = tmp_path / "out.csv"
    with pytest.raises(TableError, match="Name two files"):
        resolve_file(tmp_path / "records.parquet", out, is_probabilistic=True, links=out)
    with pytest.raises(TableError, match=r"Use --possible links\.csv"):
        resolve_file(tmp_path / "records.parquet", out, is_probabilistic=True, links=tmp_path / "links.txt")
    assert not out.exists()


def test_the_prior_counts_only_pairs_that_state_a_date() -> None:
    dated = pl.DataFrame({"account_key": ["a", "b", "c", "d"], "name": ["x x", "x x", "y y", "z z"]}).with_columns(
        birth=pl.Series(["1980-01-01", "1980-01-01", "1981-01-01", "1982-01-01"])
    )
    silent = pl.DataFrame({"account_key": ["e", "f"], "name": ["v v", "w w"], "birth": [None, None]}, dated.schema)
    linkage = Linkage.of(dated.columns)
    one_pair_of_six = 1 / DETERMINISTIC_RECALL / 6
    assert prior(linkage, dated) == pytest.approx(one_pair_of_six)
    assert prior(linkage, pl.concat([dated, silent])) == pytest.approx(one_pair_of_six)


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd().write_parquet(tmp_path / "records.parquet")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CawError, match=r"customer-asset-warehouse\[probabilistic\]"):
        resolve_file(tmp_path / "records.parquet", tmp_path / "out.csv", is_probabilistic=True)
    assert not (tmp_path / "out.csv").exists()
