"""Speed of identity, as ratios in one run: `python tests/benchmarks/identity_speed.py [million edges]`.

Prints, in CPU seconds of this process (best of three): components against plain Polars joins with SciPy written down
here, with the peak memory of each in a process of its own; evidence to clusters in records per CPU second; normal
forms per CPU second; and a yardstick (a fixed Python loop, about 0.2 s on an idle core) to read the figures by.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as csgraph_components

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.channels.identifiers import normalise
from pipelines.identity.components import connected_components
from pipelines.identity.policy import default_policy
from pipelines.identity.records import case_from_records
from pipelines.identity.resolve import resolve_case
from pipelines.simulate.identity_world import identity_world


def cpu(work: Callable[[], object], times: int = 3) -> float:
    """Least CPU seconds of several runs."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def yardstick() -> int:
    """A fixed amount of pure Python."""
    total = 0
    for i in range(3_000_000):
        total += i * i % 7
    return total


def graph(million: float, is_adverse: bool, seed: int = 5) -> pl.DataFrame:
    """Clusters of about five sparse ids with 13 % extra edges; adverse adds a chain of 20,000 and one giant."""
    rng = np.random.default_rng(seed)
    edge_n = int(million * 1_000_000)
    node_n = int(edge_n * 1.1)
    ids = rng.permutation(node_n).astype(np.int64) * 1_000_003
    position = rng.integers(0, node_n - 5, edge_n)
    a, b = position, position - position % 5 + rng.integers(0, 5, edge_n)
    if is_adverse:
        chain = np.arange(min(20_000, node_n - 1))
        giant = rng.integers(0, node_n, (edge_n // 5, 2))
        a, b = np.concatenate([a, chain, giant[:, 0]]), np.concatenate([b, chain + 1, giant[:, 1]])
    return pl.DataFrame({"a": ids[a], "b": ids[b]})


def plain(edges: pl.DataFrame) -> pl.DataFrame:
    """What one would write first: dense ids by joins, SciPy, the smallest node by a group-by."""
    nodes = pl.concat([edges["a"], edges["b"]]).unique().to_frame("node").with_row_index("id")
    coded = edges.join(nodes, left_on="a", right_on="node").join(nodes, left_on="b", right_on="node", suffix="_b")
    ones = np.ones(len(coded), dtype=np.int8)
    ends = (coded["id"].to_numpy().astype(np.int32), coded["id_b"].to_numpy().astype(np.int32))
    _, labels = csgraph_components(coo_array((ones, ends), (len(nodes), len(nodes))).tocsr(), directed=False)
    return nodes.with_columns(label=labels).with_columns(component=pl.col("node").min().over("label"))


def measure_components(million: float, is_adverse: bool, method: str) -> None:
    """One method on one graph in this process; prints CPU seconds and peak megabytes as JSON."""
    edges = graph(million, is_adverse)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = cpu(lambda: (connected_components if method == "ours" else plain)(edges), times=3 if million <= 1 else 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cpu": seconds, "peak_mb": peak // 1024, "input_mb": base // 1024}))


def components(million: float) -> None:
    """Both methods on a plain and an adverse graph, each in a process of its own."""
    for is_adverse in (False, True):
        found = {}
        for method in ("ours", "plain"):
            command = [sys.executable, __file__, "components", str(million), str(int(is_adverse)), method]
            found[method] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ratio = found["ours"]["cpu"] / found["plain"]["cpu"]
        name = f"{million:g}M edges{' adverse' if is_adverse else ''}"
        print(f"components {name}: ours {found['ours']}, plain {found['plain']}, ratio {ratio:.2f}")


def main(million: float) -> None:
    """Print every figure."""
    print(f"yardstick {cpu(yardstick):.2f} s")
    components(million)
    records, _ = identity_world(7, 20_000)
    case = case_from_records(records, default_policy())
    seconds = cpu(lambda: resolve_case(case).clusters)
    print(f"evidence to clusters: {len(records):,} records, {len(records) / seconds:,.0f} per CPU second")
    rng = np.random.default_rng(1)
    digits = pl.Series(rng.integers(3_000_000_000, 9_999_999_999, 400_000)).cast(pl.String)
    phones = pl.select(pl.format("+86 1{}", digits)).to_series()
    mails = pl.select(pl.format("User.{}@Gmail.com", digits)).to_series()
    for id_type, values in (("phone", phones), ("email", mails)):
        speed = len(values) / cpu(lambda v=values, t=id_type: normalise(t, v))  # type: ignore[misc]
        print(f"normal forms of {id_type}: {speed:,.0f} per CPU second")
    print(f"yardstick {cpu(yardstick):.2f} s")


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "components":
        measure_components(float(sys.argv[2]), sys.argv[3] == "1", sys.argv[4])
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
