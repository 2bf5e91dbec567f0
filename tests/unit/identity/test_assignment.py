"""The deterministic assignment: against networkx, under permutation, on a long chain, and its small promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import networkx as nx
import numpy as np
import polars as pl
import pytest

from pipelines.identity import ASSIGNMENT, assign, customer_id

PEPPER = b"a pepper for tests, 32 bytes long"
AS_OF = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
EVIDENCE = {"account_key": pl.String, "id_type": pl.String, "value_key": pl.String, "is_linking": pl.Boolean}
BORN = datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def accounts_of(keys: list[str], minutes: list[int]) -> pl.DataFrame:
    seen = [BORN + timedelta(minutes=int(m)) for m in minutes]
    return pl.DataFrame(
        {"account_key": keys, "first_seen_at": seen}, schema_overrides={"first_seen_at": pl.Datetime("us")}
    )


def evidence_of(rows: list[tuple[str, str, str, bool]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=EVIDENCE, orient="row")


def run(evidence: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    return assign(evidence.lazy(), accounts.lazy(), PEPPER, AS_OF).collect()


def random_world(rng: np.random.Generator, account_n: int, value_n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys = [f"web/{i:04d}" for i in range(account_n)]
    rows = [
        (keys[rng.integers(account_n)], ("email", "phone")[rng.integers(2)], f"{rng.integers(value_n):x}", True)
        for _ in range(account_n)
    ]
    return evidence_of(rows), accounts_of(keys, rng.integers(0, account_n // 2, account_n).tolist())


@pytest.mark.parametrize("seed", range(5))
def test_people_are_the_components_networkx_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    evidence, accounts = random_world(rng, 300, 220)
    result = run(evidence, accounts)
    graph = nx.Graph()
    graph.add_nodes_from(accounts["account_key"])
    graph.add_edges_from((key, (kind, value)) for key, kind, value, _ in evidence.iter_rows())
    seen = dict(accounts.iter_rows())
    expected = {}
    for part in nx.connected_components(graph):
        members = [node for node in part if isinstance(node, str)]
        anchor = min(members, key=lambda key: (seen[key], key))
        expected.update(dict.fromkeys(members, customer_id(PEPPER, anchor)))
    assert dict(result.select("account_key", "customer_id").iter_rows()) == expected
    assert result.schema == ASSIGNMENT.polars_schema


def test_the_order_of_rows_does_not_matter() -> None:
    evidence, accounts = random_world(np.random.default_rng(9), 400, 300)
    shuffled = run(evidence.sample(fraction=1, shuffle=True, seed=1), accounts.sample(fraction=1, shuffle=True, seed=2))
    assert run(evidence, accounts).equals(shuffled)


def test_a_chain_of_twenty_thousand_links_is_one_person() -> None:
    n = 20_000
    rows = [(f"a/{i:05d}", "email", f"v{i + step}", True) for i in range(n) for step in (0, 1)]
    result = run(evidence_of(rows), accounts_of([f"a/{i:05d}" for i in range(n)], list(range(n))))
    assert result.height == n
    assert result["customer_id"].unique().to_list() == [customer_id(PEPPER, "a/00000")]


def test_a_statement_ties_values_together_and_is_no_account() -> None:
    evidence = evidence_of(
        [
            ("web/1", "email", "e", True),
            ("crm/link/9", "email", "e", True),
            ("crm/link/9", "member_no", "m", True),
            ("crm/7", "member_no", "m", True),
        ]
    )
    result = run(evidence, accounts_of(["web/1", "crm/7"], [5, 3]))
    assert result["account_key"].to_list() == ["crm/7", "web/1"]
    assert set(result["customer_id"]) == {customer_id(PEPPER, "crm/7")}


def test_the_same_value_of_another_type_links_nobody() -> None:
    evidence = evidence_of([("web/1", "email", "x", True), ("web/2", "phone", "x", True)])
    assert run(evidence, accounts_of(["web/1", "web/2"], [1, 1]))["customer_id"].n_unique() == 2


def test_evidence_that_does_not_link_is_ignored() -> None:
    evidence = evidence_of([("web/1", "device_id", "x", False), ("web/2", "device_id", "x", False)])
    assert run(evidence, accounts_of(["web/1", "web/2"], [1, 1]))["customer_id"].n_unique() == 2


def test_an_account_without_evidence_is_a_person_of_its_own() -> None:
    result = run(evidence_of([]), accounts_of(["tmall/order/1", "tmall/order/2"], [1, 2]))
    assert result["customer_id"].n_unique() == 2
    assert result["valid_from"].to_list() == [BORN + timedelta(minutes=1), BORN + timedelta(minutes=2)]
    assert result["recorded_from"].unique().to_list() == [AS_OF]


def test_accounts_seen_at_the_same_time_are_anchored_by_key() -> None:
    evidence = evidence_of([("web/2", "email", "x", True), ("web/1", "email", "x", True)])
    result = run(evidence, accounts_of(["web/2", "web/1"], [4, 4]))
    assert set(result["customer_id"]) == {customer_id(PEPPER, "web/1")}


def test_an_account_without_a_first_sign_is_refused() -> None:
    accounts = accounts_of(["web/1"], [1]).with_columns(first_seen_at=pl.lit(None, pl.Datetime("us")))
    with pytest.raises(ValueError, match="first sign"):
        run(evidence_of([]), accounts)
