"""Connected components: which nodes hang together through edges.

Lives here: components by Polars (dense ids) and SciPy, safe on chains of any length and on giants.
Stays out: what is a node or an edge, guards and limits (`resolve` and its neighbours), and the same clusters in
portable SQL for graphs that do not fit in memory (`contraction`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as csgraph_components


def connected_components(edges: pl.LazyFrame | pl.DataFrame) -> pl.DataFrame:
    """Label every node of an undirected graph with the smallest node of its component.

    `edges` has the columns `a` and `b` of one type (text or integer); an edge from a node to itself states a node.
    Returns one row per node: `node`, `component`, sorted by node; independent of the order and direction of edges.
    Raises ValueError for a null node or for `a` and `b` of different types.
    """
    pairs = edges.lazy().select("a", "b").collect()
    if pairs.schema["a"] != pairs.schema["b"]:
        raise ValueError(f"edge ends differ in type: {pairs.schema['a']} and {pairs.schema['b']}")
    if pairs["a"].null_count() or pairs["b"].null_count():
        raise ValueError("an edge needs two nodes, found a null")
    nodes = pl.concat([pairs["a"].unique(), pairs["b"].unique()]).unique().sort().rename("node")
    if nodes.len() == 0:
        return pl.DataFrame({"node": nodes, "component": nodes})
    ids = pl.LazyFrame({"node": nodes, "id": np.arange(nodes.len(), dtype=np.int32)})
    coded = (
        pairs.lazy()  # both joins in one query, in no order: edges may come in any
        .join(ids, left_on="a", right_on="node")
        .select("b", a_id="id")
        .join(ids, left_on="b", right_on="node")
        .select("a_id", b_id="id")
        .collect()
    )
    first = component_roots(coded["a_id"].to_numpy(), coded["b_id"].to_numpy(), nodes.len())
    return pl.DataFrame({"node": nodes, "component": nodes.gather(first)})


def component_roots(a: np.ndarray, b: np.ndarray, node_n: int) -> np.ndarray:
    """Smallest node id of each node's component, for edges between dense ids 0..node_n-1 (int32)."""
    weights = np.ones(len(a), dtype=np.int8)
    graph = coo_array((weights, (a.astype(np.int32, copy=False), b.astype(np.int32, copy=False))), (node_n, node_n))
    count, labels = csgraph_components(graph.tocsr(), directed=False)
    smallest = np.empty(count, dtype=np.int32)
    descending = np.arange(node_n - 1, -1, -1, dtype=np.int32)
    smallest[labels[descending]] = descending  # the last write of a label is its smallest node
    return smallest[labels]
