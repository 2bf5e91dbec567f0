"""Records: which rows belong together, and what becomes of them.

Lives here: the decision accepted, quarantined or duplicate for every row of a file, made on a narrow frame (`SLIM`) of
the whole file: records that a broken row breaks, records stated twice, records known from other files.
Stays out: why a single row is bad (`cells`, `structure`), the wide columns (`reading`), writing (`store`).

A record is all rows of a file that share `record_key` in a block table (an order over several lines), else one row.
Its `record_hash` depends on the set of its rows' contents and on no order. Nothing here depends on the order of rows.

A record is `duplicate` when the version of it that holds as of its own `known_at` says the same already. So a state
that comes back after another one is a new version, and a file that repeats what is known adds nothing.
"""

from __future__ import annotations

import polars as pl

from pipelines.channels.base import RawTable
from pipelines.ingest.digests import md5_hex
from pipelines.ingest.errors import RowReason

SLIM = pl.Schema(
    {
        "row": pl.Int64(),  # position among the readable rows of the file
        "source_row": pl.Int64(),
        "record_key": pl.String(),
        "main_key": pl.String(),  # first part of the key, as text
        "row_hash": pl.String(),
        "is_head": pl.Boolean(),
        "is_bad": pl.Boolean(),
        "event_at": pl.Datetime("us"),
        "event_on": pl.Date(),
        "known_at": pl.Datetime("us"),
        "money": pl.Int64(),  # ten-thousandths
        "currency": pl.String(),
    }
)
VERSIONS = pl.Schema({"record_key": pl.String(), "record_hash": pl.String(), "known_at": pl.Datetime("us")})
"""What other files of the same source and table already state."""

SEPARATOR = "\x1f"

DECIDED = (*SLIM.names(), "outcome", "reason", "record_hash")

_BROKEN, _CONFLICT, _HEADLESS = (
    RowReason.RECORD_BROKEN.value,
    RowReason.RECORD_CONFLICT.value,
    RowReason.HEAD_MISSING.value,
)


def hash_rows(cells: pl.DataFrame, table: RawTable, salt: str) -> pl.Series:
    """md5 of each row's cells in the order of the format's fields; the salt keeps it from being reversed.

    Fields that the file does not have count as blank, so a file with more, fewer or reordered columns hashes alike.
    """
    line = pl.concat_str(pl.all().cast(pl.String).fill_null(""), separator=SEPARATOR)
    lines = _in_order(cells, table).select(line.str.replace_all("\n", "\x1e", literal=True)).to_series()
    return md5_hex(lines, salt).alias("row_hash")


def _in_order(cells: pl.DataFrame, table: RawTable) -> pl.DataFrame:
    """A column per field of the format; a run of blank ones is a single column that holds their separators."""
    names: list[str] = []
    blanks: dict[str, pl.Expr] = {}
    blank_n = 0
    for name in (*(field.name for field in table.fields), ""):
        if name and (name not in cells.columns or cells[name].null_count() == cells.height):
            blank_n += 1
            continue
        if blank_n:
            names.append(f"_{len(names)}")
            blanks[names[-1]] = pl.lit(SEPARATOR * (blank_n - 1))
        names += [name] if name else []
        blank_n = 0
    return cells.with_columns(**blanks).select(names)


def decide(slim: pl.DataFrame, table: RawTable, versions: pl.DataFrame, broken_keys: set[str]) -> pl.DataFrame:
    """`DECIDED`: the rows of `slim` in their order, with outcome, record-level reason and record_hash.

    `broken_keys` are first parts of keys that were read from rows too damaged to be in `slim`. Rows that are bad by
    themselves have no reason here. A quarantined row's record_hash is null.
    """
    judged = _blocks(slim, table, broken_keys) if table.block else _rows(slim)
    return _against(judged, versions).select(DECIDED)


def _rows(slim: pl.DataFrame) -> pl.DataFrame:
    """One row is one record; the second of two equal rows is a duplicate."""
    is_good = ~pl.col("is_bad")
    keys = slim.filter(is_good)["record_key"]
    is_plain = keys.n_unique() == len(keys)
    first = pl.col("source_row") == pl.col("source_row").filter(is_good).min().over("record_key", "row_hash")
    return slim.with_columns(
        outcome=pl.when("is_bad")
        .then(pl.lit("quarantined"))
        .when(pl.lit(True) if is_plain else first)
        .then(pl.lit("accepted"))
        .otherwise(pl.lit("duplicate")),
        reason=pl.lit(None, pl.String),
        record_hash=pl.when(is_good).then("row_hash"),
    )


def _blocks(slim: pl.DataFrame, table: RawTable, broken_keys: set[str]) -> pl.DataFrame:
    """All rows of a key are one record, whole or not at all."""
    has_heads = bool(table.head_marks)
    keyed = slim.filter(pl.col("record_key").is_not_null())
    records = keyed.group_by("record_key").agg(
        is_broken=pl.col("is_bad").any() | pl.col("main_key").is_in(list(broken_keys)).any(),
        head_n=pl.col("is_head").sum(),
        **{name: _of_head(name, has_heads) for name in ("event_at", "event_on", "known_at")},
    )
    repeated = records.filter((pl.col("head_n") > 1) & ~pl.col("is_broken")) if has_heads else records.clear()
    doubles, conflicts = _repeated(keyed, repeated)
    verdict = (
        pl.when("is_broken")
        .then(pl.lit(_BROKEN))
        .when(pl.col("record_key").is_in(conflicts["record_key"].implode()))
        .then(pl.lit(_CONFLICT))
        .when((pl.col("head_n") == 0) if has_heads else pl.lit(False))
        .then(pl.lit(_HEADLESS))
    )
    records = records.with_columns(reason=verdict)
    rows = slim.drop("event_at", "event_on", "known_at").join(
        records.select("record_key", "event_at", "event_on", "known_at", "reason"), on="record_key", how="left"
    )
    lost = rows.filter(pl.col("is_bad") | pl.col("reason").is_not_null())
    lost = lost.with_columns(
        outcome=pl.lit("quarantined"),
        reason=pl.when(~pl.col("is_bad")).then("reason"),
        record_hash=pl.lit(None, pl.String),
    )
    kept = rows.filter(~pl.col("is_bad") & pl.col("reason").is_null())
    kept = kept.with_columns(
        outcome=pl.when(pl.col("row").is_in(doubles["row"].implode()))
        .then(pl.lit("duplicate"))
        .otherwise(pl.lit("accepted"))
    )
    return pl.concat([_with_record_hash(kept).select(lost.columns), lost]).sort("row")


def _of_head(name: str, has_heads: bool) -> pl.Expr:
    return pl.col(name).filter("is_head").max() if has_heads else pl.col(name).max()


def _repeated(keyed: pl.DataFrame, repeated: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with several first lines: the surplus rows of exact repeats, and the keys of contradictory ones."""
    rows = keyed.join(repeated.select("record_key", "head_n"), on="record_key")
    alike = ("record_key", "row_hash")
    rows = rows.sort("row").with_columns(
        alike_n=pl.len().over(alike).cast(pl.Int64), ordinal=pl.col("row").cum_count().over(alike).cast(pl.Int64)
    )
    head_n = pl.col("head_n").cast(pl.Int64)
    conflicts = rows.filter(pl.col("alike_n") % head_n != 0).select("record_key").unique()
    exact = rows.join(conflicts, on="record_key", how="anti")
    return exact.filter(pl.col("ordinal") * head_n > pl.col("alike_n")).select("row"), conflicts


def _with_record_hash(rows: pl.DataFrame) -> pl.DataFrame:
    """record_hash over the set of the record's accepted rows: an order-free sum of their hashes, hashed again.

    The two halves of each md5 are added without carry (modulo 2^64), which is the same for every order.
    """
    halves = [
        pl.col("row_hash").str.slice(offset, 16).str.to_integer(base=16, dtype=pl.UInt64).alias(name)
        for offset, name in ((0, "low"), (16, "high"))
    ]
    accepted = rows.filter(pl.col("outcome") == "accepted").select("record_key", *halves)
    sums = accepted.group_by("record_key").agg(pl.col("low").sum(), pl.col("high").sum(), n=pl.len())
    texts = sums.select(pl.concat_str("low", "high", "n", separator="/")).to_series()
    sums = sums.select("record_key", record_hash=md5_hex(texts))
    return rows.join(sums, on="record_key", how="left")


def _against(judged: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Turn accepted records into duplicates when what holds as of their known_at says the same."""
    if versions.is_empty():
        return judged
    ours = judged.filter(pl.col("outcome") == "accepted").select(VERSIONS.names())
    theirs = versions.join(ours, on="record_key", how="semi")
    if theirs.is_empty():
        return judged
    ours = ours.unique()
    pairs = ours.join(theirs, on="record_key", suffix="_there").filter(pl.col("known_at_there") <= pl.col("known_at"))
    latest = pairs.sort("known_at_there", "record_hash_there").group_by(VERSIONS.names(), maintain_order=True).last()
    same = pl.concat(
        [
            latest.filter(pl.col("record_hash_there") == pl.col("record_hash")).select(VERSIONS.names()),
            ours.join(theirs, on=VERSIONS.names(), how="semi").select(VERSIONS.names()),
        ]
    ).unique()
    return (
        judged.join(same.with_columns(is_known=pl.lit(True)), on=VERSIONS.names(), how="left", maintain_order="left")
        .with_columns(
            outcome=pl.when((pl.col("outcome") == "accepted") & pl.col("is_known").fill_null(False))
            .then(pl.lit("duplicate"))
            .otherwise("outcome")
        )
        .drop("is_known")
    )
