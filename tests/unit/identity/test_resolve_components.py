"""Components against networkx, on chains, on giants and under permutation."""

from __future__ import annotations

import networkx as nx
import numpy as np
import polars as pl
import pytest

from pipelines.identity.components import connected_components


def oracle(edges: pl.DataFrame) -> pl.DataFrame:
    graph = nx.Graph()
    graph.add_edges_from(edges.rows())
    rows = [(node, min(part)) for part in nx.connected_components(graph) for node in part]
    return pl.DataFrame(rows, schema={"node": edges.schema["a"], "component": edges.schema["a"]}, orient="row").sort(
        "node"
    )


def random_edges(rng: np.random.Generator, node_n: int, edge_n: int, as_text: bool) -> pl.DataFrame:
    edges = pl.DataFrame({"a": rng.integers(0, node_n, edge_n) * 7919, "b": rng.integers(0, node_n, edge_n) * 7919})
    return edges.cast(pl.String) if as_text else edges


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("density", [0.3, 0.6, 1.0, 2.0])
def test_random_graphs_agree_with_networkx(density: float, as_text: bool) -> None:
    rng = np.random.default_rng(int(density * 10) + as_text)
    for node_n in (2, 17, 300):
        edges = random_edges(rng, node_n, int(node_n * density) + 1, as_text)
        assert connected_components(edges).equals(oracle(edges))


def test_order_and_direction_of_edges_do_not_matter() -> None:
    rng = np.random.default_rng(5)
    edges = random_edges(rng, 500, 400, as_text=True)
    flipped = edges.sample(fraction=1.0, shuffle=True, seed=3).select(a="b", b="a")
    assert connected_components(edges).equals(connected_components(flipped.lazy()))


def test_a_chain_of_twenty_thousand_links_is_one_component() -> None:
    chain = pl.DataFrame({"a": np.arange(20_000), "b": np.arange(1, 20_001)}).sample(fraction=1, shuffle=True, seed=1)
    labels = connected_components(chain)
    assert labels.height == 20_001
    assert labels["component"].unique().to_list() == [0]


def test_a_loop_states_a_lonely_node() -> None:
    edges = pl.DataFrame({"a": ["x", "b"], "b": ["x", "c"]})
    assert connected_components(edges).rows() == [("b", "b"), ("c", "b"), ("x", "x")]


def test_no_edges_give_no_nodes() -> None:
    empty = pl.DataFrame(schema={"a": pl.String, "b": pl.String})
    assert connected_components(empty).schema == pl.Schema({"node": pl.String, "component": pl.String})


def test_a_null_end_is_refused() -> None:
    with pytest.raises(ValueError, match="two nodes"):
        connected_components(pl.DataFrame({"a": ["x", None], "b": ["y", "z"]}))


def test_ends_of_different_types_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in type"):
        connected_components(pl.DataFrame({"a": ["x"], "b": [1]}))
