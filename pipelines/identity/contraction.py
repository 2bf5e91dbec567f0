"""Contraction: connected components in portable SQL, for graphs that do not fit in memory.

Lives here: randomised contraction after Bögeholz, Brand and Todor (arXiv 1802.09478): in every round each node takes
the neighbour, or itself, with the smallest salted hash, edges are rewritten to the representatives, until none is
left; then the rounds are composed. Expected rounds grow with the logarithm of the nodes, whatever the diameter.
Stays out: graphs that fit in memory (`components`, about five times faster); both give identical clusters.

The statements use `create table as`, joins, `group by`, `min_by`, `md5` and `union`: the same on DuckDB and Spark. The
hash only shuffles; labels are nodes, compared as they are.
"""

from __future__ import annotations

import duckdb
import polars as pl

ROUNDS_LIMIT = 200

_START = """
create table cc_edges_0 as
select cast(a as varchar) as a, cast(b as varchar) as b from {edges} where a <> b
union
select cast(b as varchar) as a, cast(a as varchar) as b from {edges} where a <> b
"""

_CHOOSE = """
create table cc_map_{n} as
select node, min_by(other, md5(concat('{n}:', other))) as rep
from (
    select a as node, b as other from cc_edges_{n}
    union
    select a as node, a as other from cc_edges_{n}
) as choices
group by node
"""

_CONTRACT = """
create table cc_edges_{m} as
select distinct x.rep as a, y.rep as b
from cc_edges_{n} as e
inner join cc_map_{n} as x on e.a = x.node
inner join cc_map_{n} as y on e.b = y.node
where x.rep <> y.rep
"""

_COMPOSE = """
create table cc_root_{n} as
select m.node, coalesce(r.root, m.rep) as root
from cc_map_{n} as m
left join cc_root_{m} as r on m.rep = r.node
"""

_LABEL = """
create table {labels} as
select nodes.node, coalesce(named.component, nodes.node) as component
from (
    select cast(a as varchar) as node from {edges}
    union
    select cast(b as varchar) as node from {edges}
) as nodes
left join cc_root_0 as roots on nodes.node = roots.node
left join (select root, min(node) as component from cc_root_0 group by root) as named on roots.root = named.root
"""


def contract(connection: duckdb.DuckDBPyConnection, edges: str, labels: str) -> int:
    """Write the components of table `edges` (a, b) to table `labels` (node, component = smallest node as text).

    Returns the number of rounds. Working tables are called cc_* and dropped. Raises RuntimeError when the rounds exceed
    a limit that no graph reaches by chance.
    """

    def run(template: str, **names: object) -> None:
        connection.execute(template.format(**names)).fetchall()

    def drop(*tables: str) -> None:
        for table in tables:
            run("drop table if exists {table}", table=table)

    run(_START, edges=edges)
    n = 0
    while connection.execute(f"select count(*) from cc_edges_{n}").fetchall()[0][0]:
        if n >= ROUNDS_LIMIT:
            raise RuntimeError(f"contraction did not end in {ROUNDS_LIMIT} rounds")
        run(_CHOOSE, n=n)
        run(_CONTRACT, n=n, m=n + 1)
        drop(f"cc_edges_{n}")
        n += 1
    drop(f"cc_edges_{n}")
    run("create table cc_root_{n} (node varchar, root varchar)", n=n)
    for k in range(n - 1, -1, -1):
        run(_COMPOSE, n=k, m=k + 1)
        drop(f"cc_map_{k}", f"cc_root_{k + 1}")
    run(_LABEL, edges=edges, labels=labels)
    drop("cc_root_0")
    return n


def contracted_components(edges: pl.DataFrame, memory_limit: str = "1GB") -> pl.DataFrame:
    """What `components.connected_components` gives for text nodes, computed by contraction in a DuckDB of its own."""
    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        pairs = edges.select(pl.col("a", "b").cast(pl.String)).to_arrow()
        connection.register("given", pairs)
        connection.execute("create table graph as select a, b from given").fetchall()
        contract(connection, "graph", "labels")
        found = connection.execute("select node, component from labels order by node").fetch_arrow_table()
    return pl.DataFrame(found)
