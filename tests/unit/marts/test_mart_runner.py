"""The runner, the digest, units and exact rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.columns import Table, integer, money, number, text
from pipelines.contracts.marts import Mart, MartParams
from pipelines.marts import compute, digest, read_previous
from pipelines.marts.asset import asset_assumptions
from pipelines.marts.common import rate_of, units
from pipelines.marts.runner import split

PARAMS = MartParams(as_of=date(2025, 1, 31))
TABLE = Table(
    "sums",
    "One row per customer.",
    ("customer_id",),
    (text("customer_id", "Who"), money("amount", "Sum"), number("share", "Of all"), integer("n", "Rows")),
)


def _mart(**more: object) -> Mart:
    def local(inputs, params):
        return inputs["facts"].group_by("customer_id").agg(pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("n"))

    def partial(rows, params):
        return rows.select(pl.col("amount").sum())

    def finalize(parts, params):
        return parts.select(pl.col("amount").sum().alias("total"))

    def apply(rows, whole, params):
        return rows.join(whole, how="cross").with_columns((pl.col("amount") / pl.col("total")).alias("share"))

    given_ = {"partial": partial, "finalize": finalize, "apply": apply, **more}
    return Mart("X", "test", TABLE, (), ("facts", "costs"), local, once=("costs",), **given_)


def _inputs(n: int = 40) -> dict[str, pl.LazyFrame]:
    facts = pl.DataFrame({"customer_id": [f"c{i % 7}" for i in range(n)], "amount": list(range(n))})
    return {"facts": facts.lazy(), "costs": pl.LazyFrame({"month": [date(2025, 1, 1)]})}


def test_local_partial_finalize_apply_is_equal_for_any_buckets() -> None:
    frames = [compute(_mart(), _inputs(), PARAMS, buckets) for buckets in (1, 2, 7, 16)]
    assert {digest(frame) for frame in frames} == {digest(frames[0])}
    row = frames[0].row(0, named=True)
    assert row == {"customer_id": "c0", "amount": Decimal("0.0105"), "share": 0.134615385, "n": 6}


def test_buckets_keep_customers_whole_and_count_the_rest_once() -> None:
    parts = [{name: rows.collect() for name, rows in part.items()} for part in split(_mart(), _inputs(), 5)]
    owners = [set(part["facts"]["customer_id"]) for part in parts]
    assert sum(len(owner) for owner in owners) == len(set().union(*owners)) == 7
    assert [len(part["costs"]) for part in parts] == [1, 0, 0, 0, 0]


def test_missing_inputs_and_impossible_buckets_are_refused() -> None:
    with pytest.raises(KeyError, match="costs"):
        compute(_mart(), {"facts": pl.LazyFrame()}, PARAMS)
    with pytest.raises(ValueError, match="at least 1"):
        compute(_mart(), _inputs(), PARAMS, 0)
    with pytest.raises(ValueError, match="no finalize"):
        compute(_mart(finalize=None), _inputs(), PARAMS)


def test_digest_ignores_order_and_notices_everything_else() -> None:
    frame = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "y"], "c": [0.1, -0.0, 2.0]})
    same = digest(frame)
    assert digest(frame.reverse().select("c", "a", "b")) == same
    assert digest(frame.with_columns(pl.lit(0.0).alias("c"))) != same
    assert digest(frame.with_columns(pl.when(pl.col("c") == 0).then(0.0).otherwise("c").alias("c"))) == same
    assert digest(frame.rename({"a": "d"})) != same
    assert digest(frame.with_columns(pl.col("a").cast(pl.Int32))) != same
    assert digest(pl.concat([frame, frame.head(1)])) != same
    assert digest(frame.with_columns(pl.col("b").fill_null(""))) != same


def test_digest_does_not_mix_up_neighbouring_values() -> None:
    left = pl.DataFrame({"a": ["x\x1fy"], "b": ["z"]})
    right = pl.DataFrame({"a": ["x"], "b": ["y\x1fz"]})
    assert digest(left) != digest(right)
    assert digest(pl.DataFrame({"a": ["\x00"]})) != digest(pl.DataFrame({"a": [None]}, schema={"a": pl.String}))
    assert digest(pl.DataFrame({"a": ["\\1"]})) != digest(pl.DataFrame({"a": ["\x1f"]}))


@given(st.integers(-(10**14), 10**14), st.integers(-5, 10**14))
def test_rates_are_exact_and_round_half_away(part: int, whole: int) -> None:
    rate = (
        pl.select(rate_of(pl.lit(part, dtype=pl.Int64), pl.lit(whole, dtype=pl.Int64))).item()
        if (whole <= 0 or abs(part) < 9_999 * whole)
        else "out of range"
    )
    if whole <= 0:
        assert rate is None
    elif rate != "out of range":
        assert rate == (Decimal(part) / Decimal(whole)).quantize(Decimal("0.000001"), "ROUND_HALF_UP")


def test_units_keep_ten_thousandths_and_null() -> None:
    frame = pl.DataFrame(
        {"m": [Decimal("-12.3456"), None, Decimal("99999999999999.9999")]}, schema={"m": pl.Decimal(18, 4)}
    )
    assert frame.select(units("m"))["m"].to_list() == [-123456, None, 999999999999999999]


def test_a_version_made_before_a_column_tells_null_and_one_of_another_type_nothing(tmp_path: Path) -> None:
    """The record of assumptions without a basis is read; without a required column, or with a wrong type, it is not."""
    names = {"fitted_on": "date", "part": "varchar", "segment": "varchar", "name": "varchar", "value": "double"}
    shapes = {"old": names, "cut": {k: v for k, v in names.items() if k != "name"}, "odd": names | {"value": "varchar"}}
    for name, columns in shapes.items():
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as con:
            con.execute("create schema marts")
            listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            con.execute(f"create table marts.asset_assumptions ({listed})")
            con.execute(f"insert into marts.asset_assumptions values ({', '.join('null' for _ in columns)})")
    with duckdb.connect() as con:
        old, cut, odd = (read_previous(con, asset_assumptions.MART, tmp_path / f"{name}.duckdb") for name in shapes)
    rows = old["previous.asset_assumptions"].collect()
    assert rows.columns == list(asset_assumptions.RECORD.names)
    assert rows["basis"].to_list() == [None]
    assert "previous.asset_assumptions" not in {**cut, **odd}
    assert old.keys() == {"previous.asset_assumptions"}
