"""The runner: a mart's functions over its inputs, in any number of customer buckets, into the mart's table.

Lives here: splitting by customer, local -> partial -> finalize -> apply. Stays out: any formula, reading inputs
(`reading`), what the rows are held as (`rows`) and writing (`pipelines.warehouse`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import polars as pl

from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.rows import Rows
from pipelines.marts.sums import SUMMED, summed

PREVIOUS = "previous."
"""How the inputs begin that come from the version that is served."""
KEY = "customer_id"


def compute(mart: Mart, inputs: Inputs, params: MartParams, buckets: int = 1) -> pl.DataFrame:
    """The mart's table: its columns in order and type, sorted by grain; equal for any number of buckets.

    A mart sees no columns but those it says it reads.
    Raises KeyError when an input is missing and ValueError when `buckets` is not positive.
    """
    if buckets < 1:
        raise ValueError("buckets must be at least 1")
    return compute_rows(mart, list(split(mart, _read(mart, inputs), buckets)), params).whole()


def compute_rows(mart: Mart, parts: Iterable[Inputs], params: MartParams) -> Rows:
    """The mart's rows from the inputs of each part of the customers; those of a part are let go of before the next.

    A mart with an `apply` goes through the parts twice. Raises KeyError when an input is missing.
    """
    if mart.partial is None:
        return _local_rows(mart, parts, params)
    if mart.finalize is None:
        raise ValueError(f"{mart.name} has a partial and no finalize")
    whole = mart.finalize(_gathered(mart, parts, params), params)  # which may let go of what it is given
    if mart.apply is None:
        return Rows.of(mart.table, whole.select(mart.table.names).collect())
    return _local_rows(mart, parts, params, whole.collect().lazy())


def _local_rows(mart: Mart, parts: Iterable[Inputs], params: MartParams, shared: pl.LazyFrame | None = None) -> Rows:
    """The rows of each part, one below the other; where the mart has an `apply`, with what all parts `shared`."""
    found = []
    for part in parts:
        rows = mart.local(_used(mart, part), params)
        if mart.apply is not None and shared is not None:
            rows = mart.apply(rows, shared, params)
        found.append(Rows.of(mart.table, rows.select(mart.table.names).collect()))
        del part, rows  # before the next part is read
    return found[0] if len(found) == 1 else Rows.of(mart.table, pl.concat(rows.held for rows in found))


def _gathered(mart: Mart, parts: Iterable[Inputs], params: MartParams) -> pl.LazyFrame:
    """What the parts hand to `finalize`."""
    assert mart.partial is not None  # the caller's question
    found = []
    for part in parts:
        found.append(mart.partial(mart.local(_used(mart, part), params), params).collect())
        del part  # before the next one is read
    return pl.concat(found).lazy()


def _used(mart: Mart, inputs: Inputs) -> Inputs:
    """What the mart works on: the columns that it reads, added up where it needs but sums."""
    used = dict(_read(mart, inputs))
    for name, sums in mart.sums.items():
        used[name] = inputs[SUMMED + name] if SUMMED + name in inputs else summed(sums, used[name])
    return used


def _read(mart: Mart, inputs: Inputs) -> Inputs:
    """The columns of the inputs that the mart reads, and nothing where the version served tells nothing."""
    missing = [name for name in mart.inputs if name not in inputs and SUMMED + name not in inputs]
    if missing:
        raise KeyError(f"{mart.name} needs {', '.join(missing)}")
    here = [name for name in mart.inputs if name in inputs]
    used = {name: inputs[name].select(mart.reads[name]) if name in mart.reads else inputs[name] for name in here}
    for name, condition in mart.only.items():
        used[name] = used[name].filter(pl.sql_expr(condition))
    for table in mart.previous:
        empty = pl.LazyFrame(schema=table.polars_schema)
        used[PREVIOUS + table.name] = inputs.get(PREVIOUS + table.name, empty).select(table.names)
    return used


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
    keyed = [name for name, rows in inputs.items() if KEY in rows.collect_schema().names()]
    numbers = _bucket_numbers([inputs[name] for name in keyed], buckets)
    for number in range(buckets):
        mine = numbers.filter(pl.col("bucket") == number).select(KEY).lazy()
        yield {
            name: rows.join(mine, on=KEY, how="semi")
            if name in keyed
            else (rows.limit(0) if number and name in mart.once else rows)
            for name, rows in inputs.items()
        }


def _bucket_numbers(frames: list[pl.LazyFrame], buckets: int) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema={KEY: pl.String, "bucket": pl.Int64})
    keys = pl.concat([rows.select(KEY) for rows in frames]).unique().collect()[KEY].drop_nulls()
    return pl.DataFrame(
        {KEY: keys, "bucket": [int(hashlib.md5(key.encode()).hexdigest()[:8], 16) % buckets for key in keys]},
        schema={KEY: pl.String, "bucket": pl.Int64},
    )
