"""The canonical digest of a table: equal exactly when the rows are equal, whatever their order.

Lives here: the canonical text of a frame and its sha256. Stays out: which tables are compared.

Rows become text (columns in alphabetical order, values in one spelling, nulls marked), are sorted, and are hashed
together with the names and types of the columns.
"""

from __future__ import annotations

import hashlib

import polars as pl

_FIELD, _ROW, _NULL = "\x1f", "\x1e", "\x00"


def digest(frame: pl.DataFrame) -> str:
    """The sha256 (hex) of the frame's columns and its sorted rows."""
    names = sorted(frame.columns)
    hasher = hashlib.sha256(_FIELD.join(f"{name}:{frame.schema[name]}" for name in names).encode())
    if names and len(frame):
        text = frame.select(pl.concat_str([_text(name, frame.schema[name]) for name in names], separator=_FIELD))
        for row in text.to_series().sort().to_list():
            hasher.update((_ROW + row).encode())
    return hasher.hexdigest()


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if kind == pl.String:
        marks = ["\\", _FIELD, _ROW, _NULL]
        value = value.str.replace_many(marks, [f"\\{position}" for position in range(len(marks))])
    elif kind.is_float():
        value = pl.when(value == 0).then(pl.lit(0.0)).otherwise(value).cast(pl.String)
    else:
        value = value.cast(pl.String)
    return value.fill_null(_NULL)
