"""Judge: Great Expectations on a frame of metrics, or on a table of the build where it lies.

Lives here: everything that knows Great Expectations, imported on first use and once per process, with its analytics,
progress bars and unexpected values off. Stays out: what is asked (`suite`) and what follows from it (`runner`).

An expectation that raised looks to Great Expectations like one that failed, and one that had nothing to look at like
one that passed. Both are told apart here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl

from expectations import dialect

_ROW = "_row"
_number = count()


@dataclass(frozen=True)
class Asked:
    """An expectation with its bounds in place."""

    check: str
    type: str
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """What Great Expectations said: `success`, or `error` when it could not say.

    `evaluated_n` values were looked at, `unexpected_n` of them are not as expected; `rows` are the places of those in
    the frame; `observed` is the value of an expectation on the table as a whole.
    """

    success: bool
    error: str | None = None
    evaluated_n: int = 0
    unexpected_n: int = 0
    observed: str = ""
    rows: tuple[int, ...] = ()


def judge_frame(frame: pl.DataFrame, asked: Sequence[Asked]) -> dict[str, Judged]:
    """The verdict on each expectation about the columns of `frame`, by check."""
    rows = frame.with_columns(pl.int_range(pl.len()).alias(_ROW)).to_pandas()
    batch = _frames().get_batch(batch_parameters={"dataframe": rows})
    return _judge(batch, asked, {"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]})


@contextmanager
def open_tables(path: Path) -> Iterator[Any]:
    """The tables of a DuckDB file as a source of Great Expectations, read-only; closed when the block ends."""
    from sqlalchemy.pool import NullPool  # noqa: PLC0415  a pool would keep the file open

    dialect.register()
    sources = _context().data_sources
    name = f"build {next(_number)}"
    source = sources.add_sql(
        name,
        connection_string=dialect.url(path),
        create_temp_table=False,
        kwargs={"connect_args": {"read_only": True}, "poolclass": NullPool},
    )
    try:
        yield source
    finally:
        source.get_execution_engine().engine.dispose()
        sources.delete(name)


def judge_table(source: Any, table: str, asked: Sequence[Asked]) -> dict[str, Judged]:
    """The verdict on each expectation about `table` (schema.name), by check."""
    schema, name = table.split(".")
    asset = source.add_table_asset(f"{table} {next(_number)}", table_name=name, schema_name=schema)
    return _judge(asset.add_batch_definition_whole_table("all").get_batch(), asked, {"result_format": "BASIC"})


def _judge(batch: Any, asked: Sequence[Asked], options: Mapping[str, Any]) -> dict[str, Judged]:
    from great_expectations import ExpectationSuite  # noqa: PLC0415
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration  # noqa: PLC0415

    judged: dict[str, Judged] = {}
    known = []
    for one in asked:
        configuration = ExpectationConfiguration(type=one.type, kwargs=dict(one.kwargs), meta={"check": one.check})
        try:
            known.append(configuration.to_domain_obj())
        except Exception as error:  # whatever it is, the check could not be asked
            judged[one.check] = Judged(False, error=_first_line(error))
    if known:
        form = {"exclude_unexpected_values": True, **options}
        results = batch.validate(ExpectationSuite(name="asked", expectations=known), result_format=form)
        judged |= {result.expectation_config.meta["check"]: _judged(result) for result in results.results}
    return judged


def _judged(result: Any) -> Judged:
    error = _exception(result.exception_info)
    if error is not None:
        return Judged(False, error=error)
    found = result.result
    places = tuple(sorted(int(place) for row in _index(found) for place in _places(row[_ROW])))
    if "element_count" in found:
        evaluated = int(found["element_count"]) - int(found.get("missing_count") or 0)
    else:
        evaluated = int(found.get("observed_value") is not None)
    return Judged(
        success=bool(result.success),
        evaluated_n=evaluated,
        unexpected_n=int(found.get("unexpected_count") or 0),
        observed="" if found.get("observed_value") is None else str(found["observed_value"]),
        rows=places,
    )


def _index(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in found.get("unexpected_index_list") or [] if isinstance(row, Mapping) and _ROW in row]


def _places(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _exception(info: Mapping[str, Any]) -> str | None:
    """The message of the exception an expectation raised, in whichever of its two shapes it is told; None for none."""
    shapes = [info] if "raised_exception" in info else list(info.values())
    for shape in shapes:
        if shape.get("raised_exception"):
            return _first_line(shape.get("exception_message") or "it raised an exception")
    return None


def _first_line(error: object) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def prepare_gates() -> None:
    """Begin to load Great Expectations in another thread, which takes it seconds; whoever judges waits for it."""
    Thread(target=_load, name="prepare gates").start()


def _load() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations as gx  # noqa: PLC0415  takes seconds, and most verbs need none of it

    return gx


@cache
def _context() -> Any:
    gx = _load()
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@cache
def _frames() -> Any:
    """The one asset through which every frame goes: each that is added is written down by the context again."""
    asset = _context().data_sources.add_pandas("metrics").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all")
