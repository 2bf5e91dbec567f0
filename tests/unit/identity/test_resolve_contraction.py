"""The contraction in SQL gives the clusters of the components in memory."""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.identity.components import connected_components
from pipelines.identity.contraction import contract, contracted_components


@pytest.mark.parametrize("seed", range(3))
def test_random_graphs_give_identical_clusters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = pl.DataFrame({"a": rng.integers(0, 200, 150), "b": rng.integers(0, 200, 150)}).cast(pl.String)
    assert contracted_components(edges).equals(connected_components(edges))


def test_a_long_chain_takes_few_rounds() -> None:
    n = 2_000
    with duckdb.connect() as connection:
        connection.execute(f"create table graph as select i::varchar as a, (i + 1)::varchar as b from range({n}) t(i)")
        rounds = contract(connection, "graph", "labels")
        assert connection.execute("select count(*), count(distinct component) from labels").fetchall() == [(n + 1, 1)]
        tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    assert rounds <= 25
    assert tables == {"graph", "labels"}


def test_loops_and_no_edges() -> None:
    assert contracted_components(pl.DataFrame({"a": ["x"], "b": ["x"]})).rows() == [("x", "x")]
    assert contracted_components(pl.DataFrame(schema={"a": pl.String, "b": pl.String})).is_empty()
