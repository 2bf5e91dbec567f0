"""Raw, measured against the account book, and canonical measured against raw.

Lives here: the frames about raw tables, made from the formats so that a new channel is measured without a line here.
Stays out: what a format counts as an order and as goods (`pipelines.channels`), how files are read
(`pipelines.ingest`).
"""

from __future__ import annotations

import duckdb
import polars as pl

from pipelines.channels.base import OrderWitness, RawTable
from pipelines.channels.registry import RAW_TABLES
from pipelines.contracts.canonical import canonical_name
from pipelines.contracts.entities import ENTITIES

TABLE_METRICS = (
    "row_diff_n", "money_diff", "book_row_gap_n", "book_money_gap", "envelope_null_n", "undated_rate",
    "quarantined_rate", "silent_days", "unusable_key_rate",
)  # fmt: skip
RELIABLE = ("orders", "transactions", "order", "items", "order_lines")
"""Raw tables (by the part of the name after the format) that are expected to go on as long as their company sells."""


def table_frame(con: duckdb.DuckDBPyConnection, book: pl.DataFrame) -> pl.DataFrame:
    """Per raw table with a file: rows and money against the account book, envelope, quarantine, silence."""
    views = {
        name for (name,) in con.execute("select view_name from duckdb_views() where schema_name = 'raw'").fetchall()
    }
    accepted = book.filter(pl.col("outcome") == "accepted", pl.col("raw_table").is_not_null())
    rows = []
    for table in RAW_TABLES:
        entries = accepted.filter(pl.col("raw_table") == table.name)
        if table.name in views:
            found = con.execute(_table_sql(table)).pl().row(0, named=True)
        else:
            found = dict.fromkeys(("row_n", "money", "envelope_null_n", "undated_rate", "last_event_at", "unusable"))
        if entries.is_empty() and not found["row_n"]:
            continue
        rows.append({"table_name": f"raw.{table.name}", **_against_book(table, found, entries)})
    frame = pl.DataFrame(
        rows,
        schema={
            "table_name": pl.String,
            "last_event_at": pl.Datetime("us"),
            **dict.fromkeys(TABLE_METRICS, pl.Float64),
        },
    )
    newest = pl.col("last_event_at").max()
    return frame.with_columns((newest - pl.col("last_event_at")).dt.total_days().cast(pl.Float64).alias("silent_days"))


def _table_sql(table: RawTable) -> str:
    """Counts of a raw table in one scan."""
    statuses = [f"{f.name}_status" for f in table.fields if f.id_kind in ("email", "phone")]
    unusable = " + ".join(f"(count(*) filter (where {name} = 'invalid'))" for name in statuses)
    given = " + ".join(f"(count(*) filter (where {name} <> 'missing'))" for name in statuses)
    undated = "(count(*) filter (where event_at is null))::double / nullif(count(*), 0)"
    return f"""
        select
            count(*) as row_n,
            {f"sum({table.money})" if table.money else "null::decimal(38, 4)"} as money,
            count(*) filter (
                where record_key is null or record_hash is null or known_at is null or file_sha256 is null
                or source_row is null or source_system is null or op not in ('upsert', 'delete')
            ) as envelope_null_n,
            {undated if table.event else "null::double"} as undated_rate,
            {"max(event_at)" if _is_reliable(table) else "null::timestamp"} as last_event_at,
            {f"({unusable})::double / nullif({given}, 0)" if statuses else "null::double"} as unusable
        from raw.{table.name}
    """


def _against_book(table: RawTable, found: dict[str, object], entries: pl.DataFrame) -> dict[str, object]:
    sums = entries.select(pl.col("^(read|accepted|quarantined|duplicate)_n$").sum()).row(0, named=True)
    money = {
        name: sum((value for value in entries[f"money_{name}"] if value is not None), start=0)
        for name in ("read", "accepted", "quarantined", "duplicate")
    }
    booked = table.money is not None and entries["money_accepted"].null_count() < len(entries)
    gap = sums["read_n"] - sums["accepted_n"] - sums["quarantined_n"] - sums["duplicate_n"]
    money_gap = money["read"] - money["accepted"] - money["quarantined"] - money["duplicate"]
    return {
        "last_event_at": found["last_event_at"],
        "row_diff_n": None if found["row_n"] is None else float(found["row_n"] - sums["accepted_n"]),
        "money_diff": float((found["money"] or 0) - money["accepted"]) if booked else None,
        "book_row_gap_n": float(gap),
        "book_money_gap": float(money_gap) if booked else None,
        "envelope_null_n": _float(found["envelope_null_n"]),
        "undated_rate": _float(found["undated_rate"]),
        "quarantined_rate": sums["quarantined_n"] / sums["read_n"] if sums["read_n"] else None,
        "unusable_key_rate": _float(found["unusable"]),
    }


def _float(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _is_reliable(table: RawTable) -> bool:
    return table.name.split("__")[1] in RELIABLE and table.event is not None


def canonical_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Per source and raw table of orders: canonical orders and goods as a multiple of raw's latest records."""
    views = {
        name for (name,) in con.execute("select view_name from duckdb_views() where schema_name = 'raw'").fetchall()
    }
    parts = [_versus_sql(table.name, table.witness) for table in RAW_TABLES if table.witness and table.name in views]
    schema = {
        "source_system": pl.String,
        "raw_table": pl.String,
        "order_factor": pl.Float64,
        "goods_factor": pl.Float64,
    }
    if not parts:
        return pl.DataFrame(schema=schema)
    return con.sql(
        f"""
        with raw_side as ({" union all ".join(parts)}),
        orders as (
            select source_system, count(*) as order_n from intermediate.int_order__unioned group by source_system
        ),
        lines as (
            select source_system, sum(line_amount) as goods
            from intermediate.int_order_line__unioned group by source_system
        )
        select
            r.source_system,
            r.raw_table,
            case when r.counts_orders then coalesce(o.order_n, 0)::double / r.order_n end as order_factor,
            case when r.goods <> 0 then (coalesce(l.goods, 0) / r.goods)::double end as goods_factor
        from raw_side as r
        left join orders as o using (source_system)
        left join lines as l using (source_system)
        where r.order_n > 0
        order by r.source_system, r.raw_table
        """
    ).pl()


def _versus_sql(table: str, witness: OrderWitness) -> str:
    """Orders and goods of the latest version of every record known at the as-of day, per source."""
    goods = f"sum({witness.goods})" if witness.goods else "null"
    return f"""(
        with known as (
            select * from raw.{table}
            where known_at < (select cutoff_at from meta.run_context)
            and coalesce(event_at, known_at) < (select cutoff_at from meta.run_context)
        ),
        restated as (
            select source_system, record_key from known group by source_system, record_key
            having min(known_at) <> max(known_at) or min(hash(record_hash)) <> max(hash(record_hash))
        ),
        superseded as (
            select source_system, record_key, known_at, record_hash from known
            semi join restated using (source_system, record_key)
            qualify dense_rank() over (
                partition by source_system, record_key order by known_at desc, record_hash desc
            ) > 1
        )
        select
            source_system,
            '{table}' as raw_table,
            {str(witness.lists).lower()} as counts_orders,
            count(distinct {witness.order}) as order_n,
            ({goods})::decimal(38, 4) as goods
        from known
        anti join superseded using (source_system, record_key, known_at, record_hash)
        where op <> 'delete' and {witness.where}
        group by source_system
    )"""


def entity_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Per canonical table with a canonical CSV in raw: how many rows that CSV had, and how many the table has."""
    views = {
        name for (name,) in con.execute("select view_name from duckdb_views() where schema_name = 'raw'").fetchall()
    }
    rows = []
    for entity in ENTITIES:
        if f"canonical__{entity}" not in views:
            continue
        fed, held = con.execute(
            f"""
            select
                (
                    select count(*) from raw.canonical__{entity}
                    where known_at < (select cutoff_at from meta.run_context)
                    and coalesce(event_at, known_at) < (select cutoff_at from meta.run_context) and op <> 'delete'
                ),
                (select count(*) from intermediate.{canonical_name(entity)})
            """
        ).fetchall()[0]
        if fed:
            rows.append((f"intermediate.{canonical_name(entity)}", float(held) / float(fed)))
    return pl.DataFrame(rows, schema={"table_name": pl.String, "held_rate": pl.Float64}, orient="row")
