"""A folder with nothing but one Shopify orders export gives a full warehouse on the basis of net revenue."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from orchestration.run import run_everything
from pipelines.contracts.progress import Quiet
from pipelines.contracts.settings import Settings
from pipelines.marts import MARTS
from pipelines.warehouse import current_version, headline

pytestmark = pytest.mark.world


def test_one_orders_export_is_enough(world, tmp_path):
    landing = tmp_path / "landing"
    (landing / "shop").mkdir(parents=True)
    shutil.copy(world.settings.landing_dir / "web" / "orders_export_2025-01.csv", landing / "shop" / "orders.csv")
    settings = Settings(home=tmp_path / "home", landing=landing)
    outcome = run_everything(settings, Quiet())
    assert outcome.succeeded, (outcome.errors, [gate for gate in outcome.gates if not gate.passed])
    assert headline(settings).basis == "net_revenue"
    with duckdb.connect(current_version(settings).path, read_only=True) as con:
        for mart in MARTS:
            assert con.execute(f"select count(*) from marts.{mart.name}").fetchone()[0] > 0, mart.name
    assert (settings.reports_dir / "latest.html").stat().st_size > 50_000


def test_a_shop_in_another_currency_is_reported_in_its_own(world, tmp_path):
    orders = (world.settings.landing_dir / "web" / "orders_export_2025-01.csv").read_text()
    landing = tmp_path / "landing"
    (landing / "shop").mkdir(parents=True)
    (landing / "shop" / "orders.csv").write_text(orders.replace(",USD,", ",EUR,"))
    settings = Settings(home=tmp_path / "home", landing=landing)
    outcome = run_everything(settings, Quiet())
    assert outcome.succeeded, (outcome.errors, [gate for gate in outcome.gates if not gate.passed])
    assert headline(settings).reporting_currency == "EUR"
    with duckdb.connect(current_version(settings).path, read_only=True) as con:
        assert con.execute("select distinct reporting_currency from core.fct_order").fetchall() == [("EUR",)]
        unconverted = "select count(*) from core.fct_order where net_revenue_reporting is distinct from net_revenue"
        assert con.execute(unconverted).fetchone() == (0,)
