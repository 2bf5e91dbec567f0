"""Tables: extracts of records and truths read from files, clusters and reports written to them.

Lives here: reading CSV and Parquet with every doubt named (file, line, value, what to do), and writing whole files or
none. Stays out: what the columns mean (`records`) and how records become clusters (`resolve`).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.contracts.errors import CawError, ExitCode

PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".tsv", ".txt")
DELIMITERS = ",\t;|"
SHOWN_N = 3
"""How many bad values an error names."""


class TableError(CawError, ValueError):
    """A file that is not what it should be; the message names file, line and value."""

    exit_code = ExitCode.INPUT_REFUSED


class TargetError(TableError):
    """A file name that cannot be used, whatever the file would hold."""

    exit_code = ExitCode.USAGE


def read_table(path: Path, encoding: str = "utf-8") -> pl.DataFrame:
    """A CSV (every column as text; empty fields null) or Parquet file, in the order of its rows.

    CSV is parted by comma, tab, semicolon or bar, whichever its first line holds most of, and must have as many fields
    in every row as in the header. Raises TableError.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise TargetError(f"{path}: no such file.", "Check the path; records are read from .csv, .tsv or .parquet.")
    if suffix in PARQUET:
        try:
            return pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise TableError(f"{path}: not a whole Parquet file: {error}", "Export it again.") from error
    if suffix in TEXT:
        return _read_text(path, encoding)
    raise TableError(f"{path}: {suffix or 'no suffix'} is not read.", "Save it as .csv, .tsv or .parquet.")


def check_target(path: Path, sources: Iterable[Path | None], option: str = "--out") -> None:
    """Raise TableError unless a table may be written to `path`: a suffix that is known, and no file that is read."""
    if path.suffix.lower() not in (".csv", *PARQUET):
        raise TargetError(f"{path}: tables are written as .csv or .parquet.", f"Use {option} {path.stem}.csv.")
    if path.is_dir():
        raise TargetError(f"{path} is a folder.", "Name a file.")
    if any(source is not None and source.exists() and path.resolve() == source.resolve() for source in sources):
        raise TargetError(f"{path} would be written over the file that is read.", f"Name another file with {option}.")


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write CSV or Parquet beside its place and move it there, so that a reader never sees half a file."""
    is_text = path.suffix.lower() not in PARQUET
    _write_whole(path, frame.write_csv if is_text else frame.write_parquet)


def write_text(text: str, path: Path) -> None:
    """Write a text file whole, or not at all."""
    _write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def check_keys(frame: pl.DataFrame, path: Path, required: Iterable[str]) -> None:
    """Raise TableError unless `frame`, read from `path`, has the `required` columns, filled in every row."""
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise TableError(
            f"{path}: no column {', '.join(missing)}; found {', '.join(frame.columns[:20])}.",
            f"Rename the column that holds it to {missing[0]}.",
        )
    if not frame.height:
        raise TableError(f"{path}: no rows.", "Export it again.")
    for name in required:
        text = frame[name].cast(pl.String)
        empty = (text.is_null() | (text.str.strip_chars() == "")).arg_true()
        if len(empty):
            rows = ", ".join(str(row + 1) for row in empty.head(SHOWN_N).to_list())
            raise TableError(
                f"{path}: no {name} in {len(empty):,} of {frame.height:,} rows, first row {rows} (header not counted).",
                f"Give every row its {name}, or take those rows out.",
            )


def shown(values: pl.Series) -> str:
    """The first few distinct values of a series, quoted, for a message."""
    distinct = values.cast(pl.String).unique(maintain_order=True)
    more = ", …" if len(distinct) > SHOWN_N else ""
    return ", ".join(repr(value) for value in distinct.head(SHOWN_N).to_list()) + more


def _read_text(path: Path, encoding: str) -> pl.DataFrame:
    try:
        text = path.read_bytes().decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except LookupError as error:
        raise TableError(f"{encoding!r} is no encoding.", "Name one such as utf-8, gb18030 or utf-16.") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise TableError(
            f"{path}: line {line} is not {encoding} ({error.reason}).",
            "Save the file as UTF-8, or name its encoding: --encoding gb18030.",
        ) from error
    first, _, _ = text.partition("\n")
    delimiter = max(DELIMITERS, key=first.count)
    header = _check_rows(path, text, delimiter)
    try:
        return pl.read_csv(
            text.encode(), infer_schema=False, separator=delimiter, eol_char="\n", has_header=True, new_columns=header
        ).with_columns(pl.all().str.strip_chars_end("\r"))
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: {error}", "Export it again as plain CSV.") from error


def _check_rows(path: Path, text: str, delimiter: str) -> list[str]:
    """The header, after every row was seen to have as many fields as it; an open quote shows as a wrong count."""
    csv.field_size_limit(1 << 20)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if not header:
            raise TableError(f"{path}: the file is empty.", "Export it again.")
        for row in reader:
            if len(row) != len(header) and row:
                raise TableError(
                    f"{path}: line {reader.line_num} has {len(row)} fields, the header {len(header)}: "
                    f"{delimiter.join(row)[:80]!r}.",
                    "The file may be cut, or a text with a delimiter or line break in it not quoted: export it again.",
                )
    except csv.Error as error:
        raise TableError(
            f"{path}: line {reader.line_num}: {error}.", "A quote may be open: export it again as plain CSV."
        ) from error
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise TableError(f"{path}: the header names {', '.join(twice)} twice.", "Rename or drop one of them.")
    return header


def _write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        partial.replace(path)
    except OSError as error:
        raise TargetError(f"{path}: cannot be written: {error.strerror}.", "Name a place you may write to.") from error
    finally:
        partial.unlink(missing_ok=True)
