"""The runner: a mart's functions over its inputs, in any number of customer buckets, into the mart's table.

Lives here: splitting by customer, local -> partial -> finalize -> apply, the cast to the mart's schema, reading inputs
from the build. Stays out: any formula, and writing (`pipelines.warehouse`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipelines.contracts.columns import Column, DataType, Table
from pipelines.contracts.core import CORE
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.contracts.money import from_units

if TYPE_CHECKING:
    import duckdb

SIGNIFICANT_DIGITS = 9
PREVIOUS = "previous."
"""How the inputs begin that come from the version that is served."""
_KEY = "customer_id"


def compute(mart: Mart, inputs: Inputs, params: MartParams, buckets: int = 1) -> pl.DataFrame:
    """The mart's table: its columns in order and type, sorted by grain; equal for any number of buckets.

    A mart sees no columns but those it says it reads.
    Raises KeyError when an input is missing and ValueError when `buckets` is not positive.
    """
    if buckets < 1:
        raise ValueError("buckets must be at least 1")
    missing = [name for name in mart.inputs if name not in inputs]
    if missing:
        raise KeyError(f"{mart.name} needs {', '.join(missing)}")
    used = {name: inputs[name].select(mart.reads[name]) if name in mart.reads else inputs[name] for name in mart.inputs}
    for table in mart.previous:
        empty = pl.LazyFrame(schema=table.polars_schema)
        used[PREVIOUS + table.name] = inputs.get(PREVIOUS + table.name, empty).select(table.names)
    if mart.partial is None:
        return finish(mart.table, pl.concat([mart.local(part, params) for part in split(mart, used, buckets)]))
    if mart.finalize is None:
        raise ValueError(f"{mart.name} has a partial and no finalize")
    whole = mart.finalize(_gathered(mart, used, params, buckets), params)  # which may let go of what it is given
    if mart.apply is None:
        return finish(mart.table, whole)
    shared = whole.collect().lazy()
    rows = [mart.apply(mart.local(part, params), shared, params) for part in split(mart, used, buckets)]
    return finish(mart.table, pl.concat(rows))


def _gathered(mart: Mart, inputs: Inputs, params: MartParams, buckets: int) -> pl.LazyFrame:
    """What the buckets hand to `finalize`."""
    assert mart.partial is not None  # the caller's question
    parts = [mart.partial(mart.local(part, params), params).collect() for part in split(mart, inputs, buckets)]
    return pl.concat(parts).lazy()


def compute_all(marts: Iterable[Mart], core: Inputs, params: MartParams, buckets: int = 1) -> dict[str, pl.DataFrame]:
    """Every mart in the given order, each reading core and the marts before it."""
    inputs: dict[str, pl.LazyFrame] = dict(core)
    frames: dict[str, pl.DataFrame] = {}
    for mart in marts:
        frames[mart.name] = compute(mart, inputs, params, buckets)
        inputs[mart.name] = frames[mart.name].lazy()
    return frames


def split(mart: Mart, inputs: Inputs, buckets: int) -> Iterator[Inputs]:
    """The inputs of each bucket: all rows of a customer together, by the md5 of the customer_id."""
    if buckets == 1:
        yield inputs
        return
    keyed = [name for name, rows in inputs.items() if _KEY in rows.collect_schema().names()]
    numbers = _bucket_numbers([inputs[name] for name in keyed], buckets)
    for number in range(buckets):
        mine = numbers.filter(pl.col("bucket") == number).select(_KEY).lazy()
        yield {
            name: rows.join(mine, on=_KEY, how="semi")
            if name in keyed
            else (rows.limit(0) if number and name in mart.once else rows)
            for name, rows in inputs.items()
        }


def _bucket_numbers(frames: list[pl.LazyFrame], buckets: int) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema={_KEY: pl.String, "bucket": pl.Int64})
    keys = pl.concat([rows.select(_KEY) for rows in frames]).unique().collect()[_KEY].drop_nulls()
    return pl.DataFrame(
        {_KEY: keys, "bucket": [int(hashlib.md5(key.encode()).hexdigest()[:8], 16) % buckets for key in keys]},
        schema={_KEY: pl.String, "bucket": pl.Int64},
    )


def finish(table: Table, rows: pl.LazyFrame) -> pl.DataFrame:
    """Rows in the table's schema: money from whole ten-thousandths, floats at nine digits, sorted by grain."""
    types = rows.collect_schema()
    frame = rows.select(_final(column.name, column.type, types[column.name]) for column in table.columns).collect()
    return frame if _is_sorted(frame, table.grain) else frame.sort(table.grain, nulls_last=True)


def _is_sorted(frame: pl.DataFrame, keys: tuple[str, ...]) -> bool:
    """Every row is above the next by the keys, which have no nulls; far cheaper to see than to sort again."""
    in_order, tied = pl.lit(False), pl.lit(True)
    for key in keys:
        above, here = pl.col(key).shift(1), pl.col(key)
        in_order, tied = in_order | (tied & (above < here)), tied & (above == here)
    unknown = pl.any_horizontal(pl.col(key).null_count() > 0 for key in keys)
    return bool(frame.select(in_order.slice(1).all() & ~unknown).item()) if len(frame) else True


def _final(name: str, kind: DataType, found: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if kind is DataType.MONEY and found.is_integer():
        return from_units(name).alias(name)
    if kind is DataType.FLOAT:
        return value.cast(pl.Float64).round_sig_figs(SIGNIFICANT_DIGITS).alias(name)
    return value.cast(kind.polars)


def required_columns(marts: Iterable[Mart]) -> dict[str, tuple[str, ...]]:
    """For each input, the columns that the marts together read, in alphabetical order."""
    needed: dict[str, set[str]] = {}
    for mart in marts:
        for name, columns in mart.reads.items():
            needed.setdefault(name, set()).update(columns)
    return {name: tuple(sorted(columns)) for name, columns in needed.items()}


def read_inputs(con: duckdb.DuckDBPyConnection, mart: Mart) -> Mapping[str, pl.LazyFrame]:
    """The mart's inputs from the build, only the columns it reads: core tables from `core`, marts from `marts`."""
    frames: dict[str, pl.LazyFrame] = {}
    for name in mart.inputs:
        schema = "core" if name in CORE else "marts"
        columns = ", ".join(f'"{column}"' for column in mart.reads[name])
        frames[name] = con.sql(f'select {columns} from {schema}."{name}"').pl().lazy()
    return frames


def read_previous(con: duckdb.DuckDBPyConnection, mart: Mart, path: Path | None) -> dict[str, pl.LazyFrame]:
    """What the mart reads of the warehouse file at `path`; nothing of tables that it has not, or has otherwise.

    A column that may be null is read as null where the version was made before there was one.
    """
    if path is None or not mart.previous:
        return {}
    frames = {}
    con.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as published (read_only)")
    try:
        found: dict[str, dict[str, str]] = {}
        for schema, name, column, kind in con.execute(
            "select schema_name, table_name, column_name, lower(data_type) from duckdb_columns() "
            "where database_name = 'published'"
        ).fetchall():
            found.setdefault(name, {"": schema})[column] = kind
        for table in mart.previous:
            there = found.get(table.name, {})
            if there and all(_can_be_read(column, there.get(column.name)) for column in table.columns):
                names = ", ".join(_as_it_is(column, column.name in there) for column in table.columns)
                rows = con.sql(f'select {names} from published."{there[""]}"."{table.name}"').pl()
                frames[PREVIOUS + table.name] = rows.lazy()
    finally:
        con.execute("detach published")
    return frames


def _can_be_read(column: Column, kind: str | None) -> bool:
    return kind == column.type.duckdb or (kind is None and not column.required)


def _as_it_is(column: Column, is_there: bool) -> str:
    return f'"{column.name}"' if is_there else f'null::{column.type.duckdb} as "{column.name}"'
