"""Transaction logs from files: CSV or Parquet with the user's column names, to a day log.

Lives here: reading, the rows left out and why, and the conversion of dates and amounts.
Stays out: the warehouse's own ingest, which knows channels and quarantines rows; here a person judges a method on a
file of their own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from pipelines.science.transactions import day_log


class InputError(ValueError):
    """The file cannot be read as a transaction log; the message names what is missing and what is there."""


@dataclass(frozen=True)
class RowCount:
    """What became of the rows of a file. `read` is the sum of the others except `returns`, which is part of `used`."""

    read: int
    used: int
    without_customer: int
    without_date: int
    without_amount: int
    returns: int
    examples: tuple[str, ...] = ()
    """The first rows left out for each reason, as sentences with row and value."""

    def as_dict(self) -> dict[str, int]:
        """For JSON: the counts."""
        return {name: value for name, value in asdict(self).items() if name != "examples"}


def read_transactions(path: Path, customer: str, date: str, amount: str) -> tuple[pl.DataFrame, RowCount]:
    """The day log of a CSV or Parquet file, and the account of its rows.

    Rows whose customer is missing or blank, whose date or whose amount cannot be read are counted and left out.
    Dates may carry a time (its day is used) and stand as 2024-01-31, 2024/01/31, 31.01.2024, 01/31/2024 or 20240131;
    one format must fit all. Amounts may carry thousands separators and currency signs. Raises InputError.
    """
    frame = _read(path)
    missing = [name for name in (customer, date, amount) if name not in frame.columns]
    if missing:
        raise InputError(f"{path.name} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    key = pl.col(customer).cast(pl.String).str.strip_chars()
    table = frame.select(
        customer=pl.when(key.str.len_chars() > 0).then(key),
        day=_dates(frame[date]),
        amount=_amounts(frame[amount]),
    )
    has = {name: pl.col(name).is_not_null() for name in table.columns}
    used = table.filter(has["customer"] & has["day"] & has["amount"])
    count = RowCount(
        read=table.height,
        used=used.height,
        without_customer=table.filter(~has["customer"]).height,
        without_date=table.filter(has["customer"] & ~has["day"]).height,
        without_amount=table.filter(has["customer"] & has["day"] & ~has["amount"]).height,
        returns=used.filter(pl.col("amount") < 0).height,
        examples=_examples([frame[name] for name in (customer, date, amount)], table),
    )
    if count.used == 0:
        raise InputError(f"{path.name} has no row with a customer, a date and an amount. {' '.join(count.examples)}")
    return day_log(used), count


def _examples(raw: list[pl.Series], table: pl.DataFrame) -> tuple[str, ...]:
    """For each column that left rows out, the first three of them: row (the header is row 1) and what stood there."""
    found = []
    earlier = pl.lit(True)
    for column, read in zip(raw, table.columns, strict=True):
        bad = table.with_row_index("row").filter(earlier & pl.col(read).is_null())["row"].head(3).to_list()
        earlier = earlier & pl.col(read).is_not_null()
        if bad:
            shown = ", ".join(f"row {row + 2}: {column[row]!r}" for row in bad)
            found.append(f"Column {column.name} has no {read} in {shown}.")
    return tuple(found)


def _read(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise InputError(f"{path} does not exist")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False, encoding="utf8-lossy", separator=_separator(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path.name} cannot be read as CSV or Parquet: {error}") from error


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline()
    return max((",", ";", "\t", "|"), key=header.count)


_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%d")


def _dates(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date:
        return column
    if column.dtype.is_temporal():
        return column.cast(pl.Date)
    text = column.cast(pl.String).str.strip_chars().str.extract(r"^(\d{1,4}[-/.]?\d{1,2}[-/.]?\d{1,4})")
    best = text.str.to_date(_FORMATS[0], strict=False)
    for pattern in _FORMATS[1:]:
        if best.null_count() == text.null_count():
            break
        parsed = text.str.to_date(pattern, strict=False)
        if parsed.null_count() < best.null_count():
            best = parsed
    return best


def _amounts(column: pl.Series) -> pl.Series:
    if column.dtype.is_numeric():
        number = column.cast(pl.Float64)
    else:
        text = column.cast(pl.String).str.strip_chars()
        negative = text.str.starts_with("(") & text.str.ends_with(")")
        plain = text.str.replace_all(r"[^0-9.,eE+\-]", "").str.replace_all(r",(\d{3})", "$1")
        number = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        number = pl.select(pl.when(negative).then(-number).otherwise(number)).to_series()
    return pl.select(pl.when(number.is_finite()).then(number)).to_series()
