"""Ids that stay: churn, late data, rollback, splits, redirects, and the bi-temporal table."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import networkx as nx
import numpy as np
import polars as pl
import pytest

from pipelines.contracts.identity import ASSIGNMENT
from pipelines.identity.carry_over import CarryOver, assignment_table, carry_over, empty_history, redirects
from pipelines.identity.events import CAUSES

PEPPER = b"p" * 32
DAY = datetime(2025, 1, 1)  # noqa: DTZ001


class House:
    """Runs one after the other on one history."""

    def __init__(self) -> None:
        self.history, self.n = empty_history(), 0

    def run(self, *clusters: str) -> dict[str, str]:
        """Clusters as strings of one-letter accounts, the first letter being the anchor."""
        self.n += 1
        rows = [(account, cluster[0]) for cluster in clusters for account in cluster]
        frame = pl.DataFrame(rows, schema={"account_key": pl.String, "cluster": pl.String}, orient="row")
        self.result: CarryOver = carry_over(frame, self.history, PEPPER, DAY + timedelta(days=self.n))
        self.history = pl.concat([self.history, self.result.appended])
        return dict(self.result.assignment.iter_rows())

    def kinds(self) -> list[str]:
        return sorted(self.result.events["kind"])


def test_equal_clusters_keep_their_ids_and_append_nothing() -> None:
    house = House()
    first = house.run("abc", "d", "ef")
    assert house.run("ef", "d", "abc") == first
    assert house.result.appended.is_empty()
    assert house.result.events.is_empty()


def test_a_merge_keeps_the_bigger_and_rolling_back_revives_the_other() -> None:
    house = House()
    before = house.run("abc", "de", "f")
    merged = house.run("abcde", "f")
    assert merged["d"] == before["a"]
    assert house.kinds() == ["absorbed"]
    assert house.result.redirects.rows() == [(before["d"], before["a"])]
    assert house.run("abc", "de", "f") == before
    assert house.kinds() == ["revived", "split"]
    assert house.result.redirects.is_empty()


def test_a_tie_goes_to_the_anchor_and_then_to_the_older_id() -> None:
    house = House()
    before = house.run("a", "b")
    assert house.run("ba")["a"] == before["b"]
    late = House()
    old = late.run("b")
    late.run("b", "a")
    assert late.run("zab")["z"] == old["b"]


def test_a_new_anchor_from_a_late_batch_changes_nothing_for_the_others() -> None:
    house = House()
    before = house.run("ab", "cd")
    after = house.run("zabcd")
    assert len(set(after.values())) == 1
    assert house.run("ab", "cd") == before
    assert house.run("zabcd") == after


def test_a_split_leaves_the_id_with_the_bigger_part() -> None:
    house = House()
    before = house.run("abcde")
    after = house.run("ab", "cde")
    assert {after[key] for key in "cde"} == {before["a"]}
    assert after["a"] not in set(before.values())
    assert house.kinds() == ["created", "split"]


def test_an_account_that_leaves_retires_its_id_and_gets_it_back() -> None:
    house = House()
    before = house.run("ab", "c")
    house.run("ab")
    assert house.kinds() == ["retired"]
    assert house.result.redirects.is_empty()
    assert house.run("ab", "c") == before


def test_redirects_take_one_hop() -> None:
    house = House()
    first = house.run("a", "b", "c")
    house.run("ab", "c")
    last = house.run("abc")
    moved = dict(house.result.redirects.iter_rows())
    assert set(moved) == set(first.values()) - {last["a"]}
    assert set(moved.values()) == {last["a"]}
    assert redirects(house.history).equals(house.result.redirects)


def test_an_anchor_whose_id_is_taken_gets_a_generation() -> None:
    house = House()
    first = house.run("abc")
    second = house.run("a", "bc")  # bc keeps the id that was minted for the anchor a
    assert second["b"] == first["a"]
    assert second["a"] == first["a"] + "_2"


def test_every_id_is_in_one_cluster_and_no_history_is_forgotten() -> None:
    rng = np.random.default_rng(7)
    house = House()
    for _ in range(25):
        labels = rng.integers(0, 8, 20)
        parts = ["".join(chr(97 + i) for i in np.flatnonzero(labels == k)) for k in range(8)]
        clusters = [part for part in parts if part]
        got = house.run(*clusters)
        assert len(set(got.values())) == len(clusters)
        assert all(len({got[account] for account in cluster}) == 1 for cluster in clusters)
        again = house.run(*clusters)
        assert again == got


def test_changed_ids_reach_the_unavoidable_minimum() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        house = House()
        n = 14
        old = [part for k in range(6) if (part := letters(rng.integers(0, 6, n) == k))]
        owned: set[str] = set()
        old = [p for part in old if (p := "".join(c for c in part if not (c in owned or owned.add(c))))]
        before = house.run(*old)
        labels = rng.integers(0, 6, n)
        new = ["".join(c for c in letters(labels == k) if c in before) for k in range(6)]
        after = house.run(*[part for part in new if part])
        graph = nx.Graph()
        for account in before:
            edge = (("id", before[account]), ("cluster", after[account]))
            graph.add_edge(*edge, weight=graph.get_edge_data(*edge, {"weight": 0})["weight"] + 1)
        kept = sum(graph.edges[edge]["weight"] for edge in nx.max_weight_matching(graph))
        changed = sum(before[account] != after[account] for account in before)
        assert changed == len(before) - kept


def letters(mask: np.ndarray) -> str:
    return "".join(chr(97 + i) for i in np.flatnonzero(mask))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_rows_does_not_matter(order: tuple[int, ...]) -> None:
    house, other = House(), House()
    clusters = ["abc", "de", "f"]
    assert house.run(*clusters) == other.run(*[clusters[i] for i in order])
    merged = ["abcde", "f"]
    assert house.run(*merged) == other.run(*reversed(merged))


def test_the_bitemporal_table_tells_what_was_believed_when() -> None:
    house = House()
    first = house.run("a", "b")
    second = house.run("ab")
    accounts = pl.DataFrame({"account_key": ["a", "b"], "first_seen_at": [DAY, DAY]})
    table = assignment_table(house.history, accounts)
    assert table.schema == ASSIGNMENT.polars_schema
    past = table.filter(pl.col("recorded_from") <= DAY + timedelta(days=1))
    assert dict(past.select("account_key", "customer_id").iter_rows()) == first
    today = table.filter(pl.col("recorded_to").is_null())
    assert dict(today.select("account_key", "customer_id").iter_rows()) == second
    assert table.select(ASSIGNMENT.grain).is_duplicated().any() is False


def test_causes_name_the_rule_that_merged_two_ids() -> None:
    house = House()
    house.run("a", "b")
    frame = pl.DataFrame({"account_key": ["a", "b", "new"], "cluster": ["a", "a", "a"]})
    rows = [
        ("a", 1, 0, 7, "phone/link", None), ("new", 1, 0, 7, "phone/link", None),
        ("new", 2, 0, 1, "member_no/link", None), ("b", 2, 0, 1, "member_no/link", None),
    ]  # fmt: skip
    causes = pl.DataFrame(rows, schema=CAUSES, orient="row")
    result = carry_over(frame, house.history, PEPPER, DAY, lambda causes=causes: causes)
    assert result.events.select("kind", "cause_rule").rows() == [("absorbed", "member_no/link")]


def test_causes_of_a_split_are_what_keeps_apart_or_that_the_bridge_is_gone() -> None:
    house = House()
    house.run("ab")
    frame = pl.DataFrame({"account_key": ["a", "b"], "cluster": ["a", "b"]})
    rows = [("a", 1, 0, 7, "phone/split_by_name", None), ("b", 1, 1, 7, "phone/split_by_name", None)]
    for evidence, cause in ((rows, "phone/split_by_name"), ([], "evidence_gone")):
        causes = pl.DataFrame(evidence, schema=CAUSES, orient="row")
        result = carry_over(frame, house.history, PEPPER, DAY, lambda causes=causes: causes)
        assert result.events.filter(pl.col("kind") == "split")["cause_rule"].to_list() == [cause]
