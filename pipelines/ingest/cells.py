"""Cells: from texts by field to typed columns, with every failure named.

Lives here: the cast of a chunk, column by column: a fast expression takes the usual spelling, what it leaves over is
read exactly and once per distinct text (`texts`).
Stays out: times (`times`), identifiers (kept as text here, keyed in `tokens`), records (`records`).

A failure is a line of `problems`: row (position in the chunk), position of the field in the format, column, reason and
the offending text. Typed cells that fail are null in the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from pipelines.channels.base import Field, RawTable
from pipelines.contracts.columns import DataType
from pipelines.ingest import texts
from pipelines.ingest.columns import constant, replaced, unread
from pipelines.ingest.errors import RowReason
from pipelines.ingest.sources import Source
from pipelines.ingest.times import cast_times

PROBLEMS = pl.Schema(
    {"row": pl.UInt32, "position": pl.Int32, "column": pl.String, "reason": pl.String, "value": pl.String}
)
NUMBERS = {
    DataType.MONEY: (texts.MONEY_DIGITS, texts.MONEY_DECIMALS),
    DataType.QUANTITY: (texts.QUANTITY_DIGITS, texts.QUANTITY_DECIMALS),
    DataType.RATE: (texts.RATE_DIGITS, texts.RATE_DECIMALS),
}
_PROVINCES = (
    "北京|天津|河北|山西|内蒙古|辽宁|吉林|黑龙江|上海|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|"
    "重庆|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆|台湾|香港|澳门"
)
_CENTRAL = "北京|天津|上海|重庆"
_CITY = rf"^\s*(?:{_PROVINCES})(?:省|\p{{Han}}{{0,5}}自治区)?\s*(\p{{Han}}{{2,10}}?(?:市|自治州|地区|盟))"

_AT = "@|%40"
_TELLING = rf"(?i)[^/]*(?:{_AT}|\+?\d[\d-]{{6,}}|[0-9a-f]{{16,}})[^/]*"
"""A part of a path that holds an address, a number of seven or more digits, or a long hash."""


@dataclass
class Cast:
    """Typed columns of a chunk, problems, and warnings by text with how often."""

    columns: dict[str, pl.Series] = field(default_factory=dict)
    problems: list[pl.DataFrame] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)

    def warn(self, what: str, count: int) -> None:
        """Count one more kind of thing that was noticed."""
        if count:
            self.warnings[what] = self.warnings.get(what, 0) + count

    def blame(
        self, rows: pl.Series, position: int, column: str, reason: pl.Series | RowReason, values: pl.Series
    ) -> None:
        """Book a problem of `column` for the given rows."""
        if len(rows):
            told = pl.lit(reason.value) if isinstance(reason, RowReason) else reason
            self.problems.append(
                pl.select(
                    row=rows.cast(pl.UInt32),
                    position=pl.lit(position, pl.Int32),
                    column=pl.lit(column),
                    reason=told,
                    value=values,
                ).cast(PROBLEMS)
            )

    @property
    def problem_table(self) -> pl.DataFrame:
        """All problems of the chunk, in order of row and field."""
        if not self.problems:
            return pl.DataFrame(schema=PROBLEMS)
        return pl.concat(self.problems).sort("row", "position", "reason")


def cast_cells(cells: pl.DataFrame, table: RawTable, source: Source) -> Cast:
    """Cast a chunk: one column per field of `table`, texts for identifiers, null columns for fields not in the file.

    `cells` has a column per field that the file has (named after it, companions as `<field>__time` and
    `<field>__zone`), texts as they stand or the types of Parquet. A time gets its local day `<x>_on` beside it.
    """
    cast, height = Cast(), cells.height
    tidy = _tidied(cells, table)
    fast = _fast(tidy, table, source)
    for position, this in enumerate(table.fields):
        given = tidy[this.name] if this.name in tidy.columns else None
        if given is None or given.null_count() == height:
            _absent(cast, this, height, source)
        elif this.type is DataType.TIMESTAMP and not this.identifier:
            cast_times(cast, position, this, table, tidy, source)
        elif this.type is DataType.TEXT:
            _text(cast, position, this, given, source)
        else:
            ready = fast[this.name] if this.name in fast.columns else None
            _typed(cast, position, this, table, given, ready, source)
    return cast


def _tidied(cells: pl.DataFrame, table: RawTable) -> pl.DataFrame:
    """Plain texts trimmed, blanks null, and out of spreadsheet armour where a column has any.

    Numbers, times and identifiers are tidied where they are read.
    """
    names = [
        field.name
        for field in table.fields
        if field.type is DataType.TEXT
        and not field.identifier
        and cells.schema.get(field.name) == pl.String
        and cells[field.name].null_count() < cells.height
    ]
    if not names:
        return cells
    stripped = cells.with_columns(pl.col(name).str.strip_chars() for name in names)
    stripped = stripped.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)) for name in names)
    first_byte = {name: pl.col(name).cast(pl.Binary).bin.get(0, null_on_oob=True) for name in names}
    armoured = stripped.select(
        ((first == ord("'")) | (first == ord("="))).any().alias(name) for name, first in first_byte.items()
    ).row(0, named=True)
    return stripped.with_columns(
        pl.col(name).str.replace(r'^="(.*)"$', "${1}").str.replace(r"^'([-+=@\d])", "${1}").str.strip_chars()
        for name, is_armoured in armoured.items()
        if is_armoured
    )


def _fast(tidy: pl.DataFrame, table: RawTable, source: Source) -> pl.DataFrame:
    """The usual spelling of numbers and flags, all columns at once; null where a text is spelled otherwise."""
    expressions = []
    for this in table.fields:
        if this.identifier or tidy.schema.get(this.name) != pl.String:
            continue
        expression = _fast_expression(this, source.decimal)
        if expression is not None:
            expressions.append(expression.alias(this.name))
    return tidy.select(expressions)


def _fast_expression(this: Field, mark: str) -> pl.Expr | None:
    column = pl.col(this.name)
    if this.type in NUMBERS:
        digits, decimals = NUMBERS[this.type]
        usual = column.str.contains(rf"^-?\d{{1,{digits}}}(?:{'[.]' if mark == '.' else ','}\d{{1,{decimals}}})?$")
        text = column if mark == "." else column.str.replace(",", ".", literal=True)
        return pl.when(usual).then(text).cast(this.type.polars)
    if this.type is DataType.INTEGER:
        return pl.when(column.str.contains(r"^-?\d{1,17}$")).then(column).cast(pl.Int64)
    if this.type is DataType.DATE:
        read = pl.when(column.str.contains(r"^\d{4}-\d\d-\d\d$")).then(column).str.to_date("%Y-%m-%d", strict=False)
        return pl.when(read.dt.year().is_between(texts.FIRST_YEAR, texts.LAST_YEAR - 1)).then(read)
    if this.type is DataType.BOOLEAN:
        low = column.str.to_lowercase()
        return pl.when(low.is_in(["true", "yes"])).then(True).when(low.is_in(["false", "no"])).then(False)
    return None


def _absent(cast: Cast, this: Field, height: int, source: Source) -> None:
    for column in _columns_of(this):
        default = getattr(source, this.default) if this.default else None
        dtype = pl.String() if this.identifier and this.type is not DataType.DATE else column[1]
        cast.columns[column[0]] = constant(default, height, dtype).alias(column[0])


def _columns_of(this: Field) -> list[tuple[str, pl.DataType]]:
    if this.id_kind == "birth_date":
        return [("birth_year", pl.Int64())]
    if this.identifier:
        return [(this.name, pl.String())]
    return [(column.name, column.type.polars) for column in this.raw_columns]


def _cn_city(address: pl.Series) -> pl.Series:
    """City or prefecture of a Chinese address; one under the central government is its own province."""
    frame = address.alias("address").to_frame()
    central = pl.col("address").str.extract(rf"^\s*({_CENTRAL})") + "市"
    return frame.select(pl.coalesce(central, pl.col("address").str.extract(_CITY))).to_series()


def _url_place(url: pl.Series) -> pl.Series:
    """Host and path of a page's address; parts of the path that may name somebody become `*`."""
    place = url.str.replace(r"^[A-Za-z][A-Za-z0-9+.-]*:/*", "").str.replace(r"[?#;].*$", "")
    return place.str.replace(r"^[^/]*@", "").str.replace_all(_TELLING, "*")


def _text(cast: Cast, position: int, this: Field, given: pl.Series, source: Source) -> None:
    text = given.cast(pl.String)
    if this.derive == "cn_province":
        text = text.str.extract(rf"^\s*({_PROVINCES})")
    elif this.derive == "cn_city":
        text = _cn_city(text)
    elif this.derive == "url_place":
        text = _url_place(text)
    elif this.derive == "no_address":
        text = text.set(text.str.contains(_AT).fill_null(False), "*")
    if this.case == "lower":
        text = text.str.to_lowercase()
    elif this.case == "upper":
        text = text.str.to_uppercase()
    if this.default:
        text = text.fill_null(getattr(source, this.default) or "").replace("", None)
    if this.values:
        _refuse(cast, position, this, text, ~text.is_in(list(this.values)), RowReason.BAD_ENUM, given)
    if this.pattern:
        _refuse(cast, position, this, text, ~text.str.contains(this.pattern), RowReason.BAD_VALUE, given)
    cast.columns[this.name] = text.alias(this.name)


def _refuse(
    cast: Cast, position: int, this: Field, text: pl.Series, is_bad: pl.Series, reason: RowReason, given: pl.Series
) -> None:
    rows = (is_bad & text.is_not_null()).fill_null(False).arg_true()
    cast.blame(rows, position, this.name, reason, given.gather(rows).cast(pl.String))


def _typed(
    cast: Cast, position: int, this: Field, table: RawTable, given: pl.Series, fast: pl.Series | None, source: Source
) -> None:
    is_birth = this.id_kind == "birth_date"
    if given.dtype != pl.String:
        given, fast = _physical(given, this)
    if fast is None:
        fast = constant(None, len(given), this.type.polars)
    if this.type in NUMBERS and source.decimal == ".":
        fast = _with_signs(given, fast)
    parse = _parser(this, table, source)
    value = settle(cast, position, this.name, given, fast, parse)
    if is_birth:
        cast.columns["birth_year"] = value.dt.year().cast(pl.Int64).alias("birth_year")
    else:
        cast.columns[this.name] = value.alias(this.name)


def _with_signs(given: pl.Series, fast: pl.Series) -> pl.Series:
    """`fast`, completed by amounts such as $1,240.00, -$5 and 12.50元, which whole columns are made of."""
    left = unread(given, fast)
    if not len(left):
        return fast
    is_all = fast.null_count() == len(fast)
    amounts = (given if is_all else given.gather(left)).alias("text").to_frame()
    usual = pl.col("text").str.contains(r"^-?\$?(?:\d{1,3}(?:,\d{3}){0,2}|\d{1,9})(?:[.]\d{1,4})?元?$")
    plain = pl.col("text").str.replace_all(r"[$,元]", "")
    distinct = amounts.unique().with_columns(value=pl.when(usual).then(plain).cast(fast.dtype))
    values = amounts.join(distinct, on="text", how="left", maintain_order="left")["value"]
    return values if is_all else replaced(fast, left, values)


def _physical(given: pl.Series, this: Field) -> tuple[pl.Series, pl.Series]:
    """Values of Parquet: as text for messages and for what does not fit, and typed where the type allows."""
    text, target = given.cast(pl.String), this.type.polars
    if this.type in NUMBERS and given.dtype.is_float():
        decimals = NUMBERS[this.type][1]
        usual = given.is_finite() & (given.abs() < 10.0 ** NUMBERS[this.type][0])
        # Doubles of whole cents are not exact: they are rounded to the column's decimals, not refused.
        rounded = pl.select(pl.when(usual).then(given.round(decimals))).to_series()
        return text, rounded.cast(target, strict=False)
    if this.type in NUMBERS and given.dtype.is_integer():
        small = given.abs() < 10 ** NUMBERS[this.type][0]
        return text, pl.select(pl.when(small).then(given)).to_series().cast(target, strict=False)
    if this.type is DataType.INTEGER and given.dtype.is_integer():
        return text, given.cast(pl.Int64, strict=False)
    if this.type is DataType.BOOLEAN and given.dtype == pl.Boolean:
        return text, given
    if this.type is DataType.DATE and given.dtype.is_temporal():
        return text, given.cast(pl.Date)
    return text, constant(None, len(given), target)


def _parser(this: Field, table: RawTable, source: Source) -> Callable[[str], texts.Parsed]:
    if this.type in NUMBERS:
        digits, decimals = NUMBERS[this.type]
        is_rate = this.type is DataType.RATE
        return lambda text: texts.number(text, digits, decimals, source.decimal, may_round=is_rate)
    if this.type is DataType.INTEGER:
        return lambda text: texts.integer(text, source.decimal)
    if this.type is DataType.BOOLEAN:
        return texts.flag
    first = texts.FIRST_BIRTH_YEAR if this.id_kind == "birth_date" else texts.FIRST_YEAR
    return lambda text: texts.day(text, table.date_order, first)


def settle(
    cast: Cast,
    position: int,
    column: str,
    text: pl.Series,
    fast: pl.Series,
    parse: Callable[[str], texts.Parsed],
) -> pl.Series:
    """`fast`, completed by what `parse` makes of the texts that it left null; failures are booked."""
    left = unread(text, fast)
    if not len(left):
        return fast
    leftover = text.gather(left)
    distinct = leftover.unique()
    parsed = [parse(value) for value in distinct.to_list()]
    known = pl.DataFrame(
        {"text": distinct, "value": [p[0] for p in parsed], "reason": [p[1] and p[1].value for p in parsed]},
        schema={"text": pl.String, "value": pl.String, "reason": pl.String},
    )
    found = pl.DataFrame({"row": left, "text": leftover}).join(known, on="text", how="left", maintain_order="left")
    failed = found.filter(pl.col("reason").is_not_null())
    cast.blame(failed["row"], position, column, failed["reason"], failed["text"])
    values = (
        found["value"].replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
        if fast.dtype == pl.Boolean
        else _from_text(found["value"], fast.dtype)
    )
    return replaced(fast, found["row"], values)


def _from_text(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    if dtype == pl.Date:
        return values.str.to_date("%Y-%m-%d")
    if dtype == pl.Int64:
        return values.str.replace(r"\.0*$", "").cast(pl.Int64)
    return values.cast(dtype)
