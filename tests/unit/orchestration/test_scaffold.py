"""What the scaffolds write works as it stands, in the places where it belongs."""

from __future__ import annotations

import importlib.util
import shutil
from datetime import date

import pytest
from support.marts_core import Shape, lazy, make_core

from orchestration import scaffold
from pipelines.contracts.errors import CawError
from pipelines.contracts.marts import MartParams
from pipelines.marts import compute


@pytest.fixture
def root(tmp_path):
    for name in ("pipelines/channels/registry.py", "pipelines/marts/registry.py", "dbt_project/dbt_project.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(scaffold.ROOT / name, tmp_path / name)
    return tmp_path


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_new_mart_computes_and_is_registered(root):
    scaffold.add_mart("customer", "customer_basket", root)
    mart = _load(root / "pipelines/marts/customer/customer_basket.py").MART
    core = lazy(make_core(Shape()))
    frame = compute(mart, core, MartParams(as_of=date(2025, 12, 31)))
    assert frame.columns == list(mart.table.names)
    assert len(frame) > 0
    registry = (root / "pipelines/marts/registry.py").read_text()
    assert "from pipelines.marts.customer import customer_basket" in registry
    assert "    customer_basket.MART,\n)" in registry


def test_a_new_channel_has_the_fields_of_its_sample(root):
    sample = root / "sample.csv"
    sample.write_text("Sale Date,Item Name,Buyer\n2025-01-02,Mug,bob\n")
    scaffold.add_channel("etsy", {"items": sample}, ("order", "order_line"), root)
    adapter = _load(root / "pipelines/channels/etsy.py").ETSY
    assert [field.name for field in adapter.tables[0].fields] == ["sale_date", "item_name", "buyer"]
    assert adapter.tables[0].witness.order == "sale_date"
    assert "    etsy: [order, order_line]\n" in (root / "dbt_project/dbt_project.yml").read_text()
    assert (
        "not_exported('order_line'" in (root / "dbt_project/models/staging/etsy/stg_etsy__order_line.sql").read_text()
    )


def test_a_taken_name_is_refused(root):
    scaffold.add_mart("customer", "customer_basket", root)
    with pytest.raises(CawError, match="exists already"):
        scaffold.add_mart("customer", "customer_basket", root)
