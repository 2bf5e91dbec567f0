"""Events through the whole path: none is lost, none is given to a stranger, and none tells who its visitor is."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.warehouse import open_build, query_published

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def events(world) -> pl.DataFrame:
    """Published events with the true person of each, and that of the customer they were given to."""
    found = query_published(world.settings, "from core.fct_event")
    truth = world.truth("events").with_columns(event_key="site/" + pl.col("event_id"))
    both = found.join(truth, on="event_key", how="full", coalesce=True)
    logins = both.filter(pl.col("attribution") == "login")
    customers = logins.group_by("customer_id").agg(customer_person=pl.col("person_id").unique())
    return both.join(customers, on="customer_id", how="left")


def test_every_event_arrives_once_and_the_broken_ones_are_told(world, events) -> None:
    assert events.height == world.truth("events").height > 500
    assert events["attribution"].null_count() == 0
    broken = world.truth("broken_rows").filter(raw_table="canonical__event")
    assert broken.height == 2
    assert (events["is_login"] == (events["attribution"] == "login")).all()


def test_a_customer_has_the_events_of_one_person(events, record_property) -> None:
    owned = events.filter(pl.col("customer_id").is_not_null())
    assert owned["customer_person"].list.len().max() == 1
    stitched = owned.filter(pl.col("attribution") == "stitched")
    right = stitched.filter(pl.col("customer_person").list.first() == pl.col("person_id"))
    findable = events.filter(~pl.col("is_login") & (pl.col("login_person_n") == 1))
    recall = right.height / findable.height
    record_property("stitched_precision", round(right.height / stitched.height, 4))
    record_property("stitched_recall", round(recall, 4))
    assert right.height == stitched.height > 100
    assert recall > 0.6


def test_what_is_done_on_a_shared_browser_without_a_login_is_nobodys(events) -> None:
    shared = events.filter((pl.col("login_person_n") > 1) & ~pl.col("is_login"))
    told = shared.filter(pl.col("consent_state") != "denied")
    assert told.height > 10
    assert told["customer_id"].null_count() == told.height


def test_logins_are_evidence_and_strangers_on_one_browser_stay_apart(world) -> None:
    with open_build(world.settings, read_only=True) as con:
        evidence = con.sql(
            """
            select evidence.value_key, evidence.observation_n, accounts.customer_id
            from intermediate.int_identity_evidence as evidence
            inner join core.dim_account as accounts on evidence.account_key = accounts.account_key
            where evidence.id_type = 'anonymous_id' and evidence.is_linking
            """
        ).pl()
        told = con.sql("select count(*) from core.fct_event where attribution = 'login'").fetchone()
        refused = con.sql(
            "select count(*) from core.fct_event where attribution = 'login' and consent_state = 'denied'"
        ).fetchone()
    assert told
    assert refused
    assert refused[0] > 0
    assert evidence["observation_n"].sum() == told[0] - refused[0]
    verdicts = query_published(world.settings, "from core.identity_value_verdict where id_type = 'anonymous_id'")
    assert {"link", "split_by_name"} <= set(verdicts["verdict"])
    assert evidence.group_by("value_key").agg(pl.col("customer_id").n_unique())["customer_id"].max() > 1


def test_no_address_of_a_page_is_published_and_none_in_the_build_names_anybody(world) -> None:
    assert "url" not in query_published(world.settings, "from core.fct_event limit 0").columns
    with open_build(world.settings, read_only=True) as con:
        pages = con.sql("select distinct url from intermediate.int_event__unioned").pl()["url"]
    assert len(pages) > 20
    assert not pages.str.contains("@|%40|[?]").any()
    assert "shop.example.com/account/login" in pages
