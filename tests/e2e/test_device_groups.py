"""Devices seen by a source, from files to customers: families and rings are told, and nobody is merged by a device."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from support.walk import build

from orchestration.identity_build import unify_build
from pipelines.contracts.settings import Settings
from pipelines.ingest import create_raw_views, ingest_landing
from pipelines.warehouse import begin_build, open_build, write_run_context

RING_N, TABLET_N, FAMILY_N = 25, 30, 3


def _landing(folder: Path) -> None:
    """A family on one device, a shop's tablet on which members sign in, and one operator's many nameless logins."""
    people = [("home", n, f"Home{n} Family") for n in range(FAMILY_N)]
    people += [("tablet", n, f"Guest{n} Someone{n}") for n in range(TABLET_N)]
    people += [("ring", n, None) for n in range(RING_N)]
    seen = "2025-03-01T10:00:00Z"
    accounts = pl.DataFrame(
        {
            "source_customer_id": [f"{kind}{n}" for kind, n, _ in people],
            "created_at": [seen] * len(people),
            "email": [f"{kind}.{n}@example.org" for kind, n, _ in people],
            "name": [name for *_, name in people],
            "buyer_key_kind": ["real"] * len(people),
        }
    )
    links = pl.DataFrame(
        {
            "id_type_a": ["device_id"] * len(people),
            "id_value_a": [f"device-of-{kind}-0001" for kind, *_ in people],
            "id_type_b": ["crm:account"] * len(people),
            "id_value_b": accounts["source_customer_id"],
            "evidence": ["device"] * len(people),
            "seen_at": [seen] * len(people),
        }
    )
    (folder / "crm").mkdir(parents=True)
    accounts.write_csv(folder / "crm" / "source_customer.csv")
    links.write_csv(folder / "crm" / "identity_link.csv")


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """account_key, customer_id, household_id, ring_id and the number of accounts on its device, of every account."""
    root = tmp_path_factory.mktemp("devices")
    _landing(root / "landing")
    settings = Settings(home=root / "home", landing=root / "landing")
    begin_build(settings)
    ingest_landing(settings)
    with open_build(settings) as con:
        create_raw_views(con, settings)
        write_run_context(con, settings, date(2025, 6, 30), "USD")
    build(settings, "tag:pre_identity")
    with open_build(settings) as con:
        unify_build(settings, con)
    build(settings, "tag:post_identity")
    with open_build(settings, read_only=True) as con:
        return con.sql(
            """
            select accounts.account_key, customers.customer_id, household_id, ring_id, devices.n as on_device
            from core.dim_account as accounts
            inner join core.dim_customer as customers on accounts.customer_id = customers.customer_id
            inner join (
                select native.value_key, count(*) over (partition by device.value_key) as n
                from intermediate.int_identity_evidence as device
                inner join intermediate.int_identity_evidence as native
                    on device.account_key = native.account_key and native.id_type = 'crm:account'
                where device.id_type = 'device_id'
            ) as devices on accounts.account_key = 'crm/' || devices.value_key
            """
        ).pl()


def test_a_device_merges_nobody(customers: pl.DataFrame) -> None:
    assert customers.height == RING_N + TABLET_N + FAMILY_N
    assert customers["customer_id"].n_unique() == customers.height


def test_people_on_one_device_at_home_are_a_household(customers: pl.DataFrame) -> None:
    family = customers.filter(pl.col("on_device") == FAMILY_N)
    assert family["household_id"].null_count() == 0
    assert family["household_id"].n_unique() == 1
    assert customers["household_id"].drop_nulls().len() == FAMILY_N


def test_only_nameless_logins_of_one_device_are_a_ring(customers: pl.DataFrame) -> None:
    ring = customers.filter(pl.col("on_device") == RING_N)
    assert ring["ring_id"].null_count() == 0
    assert ring["ring_id"].n_unique() == 1
    assert customers["ring_id"].drop_nulls().len() == RING_N
