"""The verbs about who is whom on a published house: why, link, unlink, review, identity; and that a run obeys."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import polars as pl
import pytest
from conftest import TEST_PEPPER

from orchestration.cli import main
from orchestration.console import stdout
from orchestration.identity_desk import open_desk
from orchestration.identity_summary import open_links
from orchestration.run import run_everything
from pipelines.contracts.keys import value_key
from pipelines.contracts.progress import Quiet
from pipelines.contracts.settings import Probabilistic, Settings
from pipelines.ingest import vault_values
from pipelines.warehouse import current_version, query_published, read_past

pytestmark = pytest.mark.world


@pytest.fixture
def caw(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a verb in this process: exit code, and everything it said, in one line."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["caw", *arguments])
        monkeypatch.setattr(stdout, "width", 240)
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, " ".join((captured.out + captured.err).split())

    return run


def _accounts(settings: Settings) -> pl.DataFrame:
    return query_published(settings, "select account_key, customer_id, source_system from core.dim_account order by 1")


def _together(accounts: pl.DataFrame, one: str, other: str) -> tuple[str, str]:
    """Two accounts of one customer in two sources."""
    pairs = accounts.filter(pl.col("source_system") == one).join(
        accounts.filter(pl.col("source_system") == other), on="customer_id", suffix="_other"
    )
    return tuple(pairs.select("account_key", "account_key_other").row(0))


def test_why_tells_every_step_and_nothing_clear(world, caw):
    accounts = _accounts(world.settings)
    a, b = _together(accounts, "pos", "crm")
    code, told = caw("why", a, b, "--home", str(world.settings.home))
    assert code == 0
    assert "One customer" in told
    assert "member_no" in told
    strangers = accounts.unique("customer_id", keep="first", maintain_order=True)["account_key"]
    code, told = caw("why", strangers[0], strangers[1], "--home", str(world.settings.home))
    assert code == 0
    assert "Different customers" in told


def test_an_account_is_found_by_what_it_carries(world):
    desk = open_desk(world.settings)
    emails = vault_values(world.settings, ["email"])
    own = desk.facts.evidence.join(emails, on=["id_type", "value_key"]).join(
        desk.register.accounts, on="account_key", how="semi"
    )
    row = own.sort("account_key").row(0, named=True)
    found = desk.account(row["normalised"].upper())
    assert desk.customer(found) == desk.customer(row["account_key"])
    customer = desk.customer(row["account_key"])
    assert desk.customer(desk.account(customer)) == customer
    assert desk.account(row["account_key"][:20]) == row["account_key"]


def test_unknown_accounts_and_decisions_without_a_reason_are_refused(world, caw):
    home = str(world.settings.home)
    code, told = caw("why", "nobody", "noone", "--home", home)
    assert code == 2
    assert "No account is known" in told
    a, b = _together(_accounts(world.settings), "pos", "crm")
    assert caw("link", a, b, "--home", home)[0] == 2
    assert caw("unlink", a, a, "--reason", "x", "--home", home)[0] == 2


def test_the_report_says_what_the_marts_say(world, caw):
    code, told = caw("identity", "--home", str(world.settings.home))
    assert code == 0
    rates = query_published(world.settings, "select match_rate from marts.identity_match_rate")["match_rate"]
    assert all(str(rate) in told for rate in rates.drop_nulls())
    for word in ("strict", "default", "loose", "Largest customers", "split_by_name", "the first version"):
        assert word in told, word


LONELY = """source_customer_id,created_at,name,birth_date,city,buyer_key_kind
d1,2024-05-01T09:00:00Z,Margaret Thompson,1980-05-17,York,real
d2,2024-05-02T09:00:00Z,Margret Thompson,1980-05-17,York,real
d3,2024-05-03T09:00:00Z,Jonathan Whitfield,1971-11-30,York,real
d4,2024-05-04T09:00:00Z,Jonathon Whitfield,1971-11-30,York,real
d5,2024-05-05T09:00:00Z,Margaret Thompson,1955-01-02,Hull,real
"""
"""Accounts of a service desk: nothing but names, dates and places; two people are there twice."""


def test_the_next_run_obeys_and_ids_of_others_stay(house_copy, caw, tmp_path):
    settings = house_copy()
    landing = tmp_path / "landing"
    shutil.copytree(settings.landing_dir, landing)
    (landing / "desk").mkdir()
    (landing / "desk" / "customers.csv").write_text(LONELY)
    settings = settings.model_copy(update={"landing": landing, "probabilistic": Probabilistic.on})
    home, before = str(settings.home), _accounts(settings)
    a, b = _together(before, "pos", "crm")
    alone = before.filter(~pl.col("customer_id").is_duplicated() & (pl.col("source_system") == "pos"))["account_key"]
    assert caw("unlink", a, b, "--reason", "twins", "--author", "ann", "--home", home)[0] == 0
    assert caw("link", alone[0], alone[1], "--reason", "same card", "--home", home)[0] == 0
    asked = open_links(open_desk(settings)).filter(pl.col("kind") == "masked_phone").head(2)
    masked, candidates = asked["account_key"].to_list(), asked["candidate_key"].to_list()
    told = caw("review", "--home", home)[1]
    assert all(key in told for key in (*masked, *candidates, "masked phone", "mask, surname, city"))
    assert caw("review", "--accept", "1", "--reason", "same parcel", "--home", home)[0] == 0
    assert caw("review", "--reject", "1", "--reason", "his father", "--home", home)[0] == 0
    assert caw("review", "--accept", "100000", "--home", home)[0] != 0
    assert run_everything(settings, Quiet(), as_of=current_version(settings).as_of).succeeded
    after = _accounts(settings)
    now = dict(after.select("account_key", "customer_id").iter_rows())
    assert now[a] != now[b]
    assert now[alone[0]] == now[alone[1]]
    changed = before.join(after, on="account_key").filter(pl.col("customer_id") != pl.col("customer_id_right"))
    assert now[masked[0]] == now[candidates[0]]
    assert now[masked[1]] != now[candidates[1]]
    still_open = open_links(open_desk(settings))
    lonely = still_open.filter(pl.col("kind") == "probabilistic").filter(pl.col("posterior") > 0.9)
    keys = [f"desk/{value_key(TEST_PEPPER.encode(), 'desk:account', f'd{n}')}" for n in range(1, 6)]
    assert {frozenset(pair) for pair in lonely.select("account_key", "candidate_key").rows()} == {
        frozenset(keys[:2]), frozenset(keys[2:4])
    }  # fmt: skip
    assert lonely["model"].str.contains(r"^v\d+-[0-9a-f]{8}$").all()
    assert len({now[key] for key in keys}) == 5, "possible links join nobody by themselves"
    told = caw("review", "--kind", "probabilistic", "--home", home)[1]
    assert all(key in told for key in keys[:4])
    assert "masked phone" not in told
    assert not set(masked) & set(still_open["account_key"])
    assert changed.height <= 4, "one account leaves its person, one joins another, and so does a masked buyer"
    events = query_published(settings, "select kind from core.identity_event where run_n = 2")["kind"].to_list()
    assert sorted(set(events)) == ["absorbed", "created", "split"]
    assert read_past(settings).history["run_n"].max() == 2
    told = caw("why", a, b, "--home", home)[1]
    assert "ann" in told
    assert "twins" in told
    assert "another id" in caw("identity", "--home", home)[1]
    assert caw("review", "--home", home)[0] == 0
