"""The run's context: the as-of day and the parameters of a run, as one row that SQL and marts read.

Lives here: `meta.run_context` and the mart parameters made from it. Stays out: how the as-of day is chosen (ingest).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from pipelines.contracts.columns import Table, day, instant, integer, rate, text
from pipelines.contracts.marts import MartParams
from pipelines.contracts.settings import Settings
from pipelines.warehouse.errors import BuildMissingError, CawError
from pipelines.warehouse.query import headline
from pipelines.warehouse.tables import write_table

RUN_CONTEXT = Table(
    "run_context",
    "The one row of parameters that a version was computed with.",
    (),
    (
        day(
            "as_of_on", "Last day whose facts are counted; nothing that happened or was learnt later is", required=True
        ),
        instant("cutoff_at", "End of the as-of day in the reporting time zone, exclusive", required=True),
        text("reporting_currency", "ISO 4217 code of the reporting currency", required=True),
        integer("horizon_days", "Horizon of value", required=True, unit="days"),
        rate("discount_rate", "Yearly discount rate", required=True, unit="share per year"),
        day(
            "identity_as_of_on",
            "Day as of which accounts belong to customers as it was believed then; accounts that came later as now",
            null_means="what is believed as of the as-of day",
        ),
    ),
)


def reporting_currency(settings: Settings, currency_of_exports: str | None) -> str:
    """The reporting currency as set, else as served, else the one currency of all exports, else USD.

    A currency once published stays, so that an export in another one does not change the unit of every figure.
    """
    if settings.reporting_currency:
        return settings.reporting_currency
    try:
        return headline(settings).reporting_currency
    except CawError:
        return currency_of_exports or "USD"


def write_run_context(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date, currency: str) -> None:
    """Write the run's parameters as the one row of `meta.run_context`."""
    frame = pl.DataFrame(
        {
            "as_of_on": [as_of],
            "cutoff_at": [end_of_day(as_of, settings)],
            "reporting_currency": [currency],
            "horizon_days": [settings.horizon_days],
            "discount_rate": [Decimal(str(settings.discount_rate))],
            "identity_as_of_on": [settings.identity_as_of],
        },
        schema_overrides={"identity_as_of_on": pl.Date},
    )
    write_table(con, "meta", RUN_CONTEXT, frame)


def end_of_day(day: date, settings: Settings) -> datetime:
    """The first instant after a day of the reporting time zone, in UTC without zone."""
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(settings.reporting_tz))
    return end.astimezone(UTC).replace(tzinfo=None)


def read_run_context(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The row of `meta.run_context` by column name. Raises BuildMissingError when it was not written."""
    try:
        cursor = con.execute(f"select {', '.join(RUN_CONTEXT.names)} from meta.run_context")
    except duckdb.CatalogException as error:
        raise BuildMissingError("The build has no meta.run_context.", "Run the whole path: caw run.") from error
    rows = cursor.fetchall()
    if len(rows) != 1:
        raise BuildMissingError(f"meta.run_context has {len(rows)} rows, not one.", "Run the whole path: caw run.")
    return dict(zip(RUN_CONTEXT.names, rows[0], strict=True))


def mart_params(con: duckdb.DuckDBPyConnection, settings: Settings) -> MartParams:
    """The parameters of the marts, from the run's context; what the context does not hold keeps its default."""
    context = read_run_context(con)
    return MartParams(
        as_of=context["as_of_on"],
        reporting_currency=context["reporting_currency"],
        horizon_days=context["horizon_days"],
        discount_rate=float(context["discount_rate"]),
    )
