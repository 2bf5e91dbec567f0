"""Unify: the warehouse's evidence and past to the tables of schema identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from support.identity_facts import DAY, PEPPER, Row, after, facts, ids, people

from pipelines.contracts.identity import OUTPUTS
from pipelines.identity.evidence import account_names
from pipelines.identity.golden import CLAIMS
from pipelines.identity.overrides import override
from pipelines.identity.unify import Facts, no_past, unify

FAMILY: list[Row] = [
    ("web/a", "email", "e1"), ("crm/a", "email", "e1"), ("crm/a", "phone", "p1"), ("crm/b", "phone", "p1"),
    ("web/c", "email", "e3"), ("pos/d", "phone", ""),
]  # fmt: skip
NAMES = {"web/a": "anna smith", "crm/a": "anna smith", "crm/b": "ben smith", "web/c": "carla jones"}


def test_a_family_telephone_makes_a_household_and_not_a_person() -> None:
    found = unify(facts(FAMILY, NAMES), no_past(), PEPPER, DAY)
    assert people(found) == [["crm/a", "web/a"], ["crm/b"], ["pos/d"], ["web/c"]]
    group = found.tables["identity_group"]
    now = ids(found)
    assert set(group["customer_id"]) == {now["crm/a"], now["crm/b"]}
    assert group["household_id"].n_unique() == 1
    assert group["household_id"][0].startswith("h_")
    counted = found.tables["identity_value_verdict"]
    assert ("phone", "split_by_name", 1, 2) in counted.select("id_type", "verdict", "value_n", "account_n").rows()
    for table in OUTPUTS.values():
        assert set(table.names) <= set(found.tables[table.name].columns), table.name


def test_statements_tie_accounts_and_are_no_accounts_themselves() -> None:
    rows: list[Row] = [
        ("crm/m", "member_no", "n1"), ("pos/k", "pos:account", "k1"), ("crm/link1", "member_no", "n1"),
        ("crm/link1", "pos:account", "k1"), ("tmall/t", "tmall:account", "k1"), ("crm/link2", "email", "lonely"),
    ]  # fmt: skip
    found = unify(facts(rows), no_past(), PEPPER, DAY)
    assert people(found) == [["crm/m", "pos/k"], ["tmall/t"]]


def test_a_statement_made_many_times_counts_once() -> None:
    rows: list[Row] = [("web/a", "email", "e"), ("app/a", "phone", "p")]
    for n in range(300):
        rows += [(f"app/link{n}", "email", "e"), (f"app/link{n}", "phone", "p")]
    found = unify(facts(rows, {"web/a": "anna smith"}), no_past(), PEPPER, DAY)
    assert people(found) == [["app/a", "web/a"]]


def test_devices_link_nobody_unless_the_seed_says_so_and_tell_rings() -> None:
    rows: list[Row] = [
        row for n in range(20) for row in ((f"app/{n:02}", "phone", f"p{n}"), (f"app/{n:02}", "device_id", "d"))
    ]
    found = unify(facts(rows, unlinking=("device_id",)), no_past(), PEPPER, DAY)
    assert len(people(found)) == 20
    assert found.tables["identity_group"]["ring_id"].n_unique() == 1
    assert len(people(unify(facts(rows), no_past(), PEPPER, DAY))) == 1


def _on_browser(*names: str | None) -> tuple[list[Row], dict[str, str]]:
    """Accounts with these names that logged in on one browser and share nothing else."""
    rows: list[Row] = [(f"web/{n:02}", "anonymous_id", "v") for n in range(len(names))]
    return rows, {f"web/{n:02}": name for n, name in enumerate(names) if name}


@pytest.mark.parametrize(
    ("names", "customers"),
    [
        (("ann lee", "ann lee"), 1),
        (("ann lee", "bob ray"), 2),
        (("ann lee", None), 2),
        ((None, None), 2),
        (("ann lee", "bob ray", "ann lee", None), 3),
        (("ann lee",) * 11, 11),
    ],
    ids=["one name", "two names", "one without", "no names", "one name among strangers", "a kiosk"],
)
def test_logins_on_one_browser_are_one_persons_by_their_name_alone(
    names: tuple[str | None, ...], customers: int
) -> None:
    rows, named = _on_browser(*names)
    told = facts(rows, named)
    found = unify(told, no_past(), PEPPER, DAY)
    assert len(people(found)) == customers
    turned = replace(told, evidence=told.evidence.reverse(), accounts=told.accounts.reverse())
    assert people(unify(turned, no_past(), PEPPER, DAY)) == people(found)


def test_a_browser_links_nobody_where_the_seed_says_so_and_devices_stay_as_they_are() -> None:
    rows, named = _on_browser("ann lee", "ann lee", None)
    assert len(people(unify(facts(rows, named, unlinking=("anonymous_id",)), no_past(), PEPPER, DAY))) == 3
    phones: list[Row] = [("app/x", "device_id", "d"), ("app/y", "device_id", "d")]
    both = {**named, "app/x": "eva may", "app/y": "eva may"}
    found = unify(facts(rows + phones, both, unlinking=("device_id",)), no_past(), PEPPER, DAY)
    assert people(found) == [["app/x"], ["app/y"], ["web/00", "web/01"], ["web/02"]]


def test_people_on_one_browser_are_a_household() -> None:
    rows, named = _on_browser("ann lee", "ann lee", "bob ray")
    groups = unify(facts(rows, named), no_past(), PEPPER, DAY).tables["identity_group"]
    assert groups["customer_id"].n_unique() == 2
    assert groups["household_id"].n_unique() == 1


def test_a_name_in_letters_fits_a_name_in_characters_by_its_surname() -> None:
    rows: list[Row] = [("web/a", "phone", "p"), ("crm/a", "phone", "p")]
    same = unify(facts(rows, {"web/a": "james wang", "crm/a": "王晓明"}), no_past(), PEPPER, DAY)
    other = unify(facts(rows, {"web/a": "james miller", "crm/a": "王晓明"}), no_past(), PEPPER, DAY)
    assert len(people(same)) == 1
    assert len(people(other)) == 2


def test_a_name_in_two_parts_is_put_together() -> None:
    keys = pl.DataFrame(
        {
            "account_key": ["web/a", "web/b", "crm/a"],
            "name_key": [None, None, "w"],
            "given_name_key": ["g", "cg", None],
            "family_name_key": ["f", "cf", None],
        }
    )
    clear = pl.DataFrame(
        {"value_key": ["g", "f", "w", "cg", "cf"], "normalised": ["anna", "smith", "anna smith", "晓明", "欧阳"]}
    )
    found = account_names(keys, clear).sort("account_key")
    assert found.rows() == [("crm/a", "anna smith"), ("web/a", "anna smith"), ("web/b", "欧阳晓明")]


def test_a_second_run_on_the_same_facts_adds_nothing() -> None:
    given = facts(FAMILY, NAMES)
    first = unify(given, no_past(), PEPPER, DAY)
    second = unify(given, after(no_past(), first), PEPPER, DAY)
    assert second.tables["identity_history"].is_empty()
    for name in set(OUTPUTS) - {"identity_history"}:
        assert second.tables[name].equals(first.tables[name]), name


def test_rows_in_another_order_give_the_same_tables() -> None:
    given = facts(FAMILY, NAMES)
    shuffled = Facts(
        given.evidence.sample(fraction=1, shuffle=True, seed=1),
        given.accounts.sample(fraction=1, shuffle=True, seed=2),
        given.names.sample(fraction=1, shuffle=True, seed=3),
        given.overrides,
    )
    one, other = (unify(some, no_past(), PEPPER, DAY) for some in (given, shuffled))
    for name in OUTPUTS:
        assert one.tables[name].equals(other.tables[name]), name


def test_a_merge_redirects_and_its_undoing_gives_the_ids_back() -> None:
    apart: list[Row] = [("web/a", "email", "e1"), ("crm/b", "email", "e2"), ("app/x", "email", "e1")]
    bridge: list[Row] = [*apart, ("app/y", "email", "e1"), ("app/y", "phone", "p"), ("crm/b", "phone", "p")]
    one = dict.fromkeys(("web/a", "crm/b", "app/x", "app/y"), "anna smith")
    first = unify(facts(apart, one), no_past(), PEPPER, DAY)
    past = after(no_past(), first)
    merged = unify(facts(bridge, one), past, PEPPER, DAY + timedelta(days=1))
    assert ids(merged)["crm/b"] == ids(merged)["web/a"] == ids(first)["web/a"]
    assert merged.tables["customer_redirect"].rows() == [(ids(first)["crm/b"], ids(first)["web/a"])]
    event = merged.tables["identity_event"].filter(pl.col("kind") == "absorbed").row(0, named=True)
    assert (event["from_id"], event["to_id"]) == (ids(first)["crm/b"], ids(first)["web/a"])
    assert event["cause_rule"] == "phone/link"
    past = after(past, merged)
    undone = unify(facts(apart, one), past, PEPPER, DAY + timedelta(days=2))
    assert ids(undone) == ids(first)
    table = undone.tables["identity_assignment"].filter(pl.col("account_key") == "crm/b").sort("recorded_from")
    assert table["customer_id"].to_list() == [ids(first)["crm/b"], ids(first)["web/a"], ids(first)["crm/b"]]
    assert table["recorded_to"].to_list() == [*table["recorded_from"].to_list()[1:], None]


def test_a_look_back_sees_what_was_believed_and_changes_nothing() -> None:
    apart: list[Row] = [("web/a", "email", "e1"), ("crm/b", "email", "e2")]
    bridge: list[Row] = [*apart, ("web/a", "phone", "p"), ("crm/b", "phone", "p")]
    first = unify(facts(apart), no_past(), PEPPER, DAY)
    past = after(no_past(), first)
    past = after(past, unify(facts(bridge), past, PEPPER, DAY + timedelta(days=30)))
    back = unify(facts(apart), past, PEPPER, DAY)
    assert back.tables["identity_history"].is_empty()
    assert back.tables["identity_assignment"].equals(first.tables["identity_assignment"])
    earlier = unify(facts(apart), past, PEPPER, DAY - timedelta(days=9))
    assert earlier.tables["identity_history"].is_empty()
    assert ids(earlier) == ids(first)


def test_manual_decisions_are_obeyed() -> None:
    link = override("must_link", "web/c", "pos/d", "ann", "same person at the till", DAY)
    cut = override("cannot_link", "web/a", "crm/a", "ann", "father and daughter", DAY)
    found = unify(facts(FAMILY, NAMES, pl.concat([link, cut])), no_past(), PEPPER, DAY)
    assert people(found) == [["crm/a"], ["crm/b"], ["pos/d", "web/c"], ["web/a"]]
    lifted = unify(facts(FAMILY, NAMES), no_past(), PEPPER, DAY)
    assert ["crm/a", "web/a"] in people(lifted)


def test_policies_differ_only_where_they_differ() -> None:
    rows: list[Row] = [
        ("web/a", "email", "e"),
        ("crm/b", "email", "e"),
        ("crm/m", "member_no", "n"),
        ("pos/m", "member_no", "n"),
    ]
    table = unify(facts(rows), no_past(), PEPPER, DAY).tables["identity_policy"]
    assert table.rows() == [("crm/b", "strict", "crm/b")]


def test_nothing_clear_is_in_any_table() -> None:
    found = unify(facts(FAMILY, NAMES), no_past(), PEPPER, DAY)
    words = {
        value for table in found.tables.values() for row in table.rows() for value in row if isinstance(value, str)
    }
    assert not any(part in word for word in words for name in NAMES.values() for part in name.split())
    assert not {"e1", "e3", "p1"} & words


def test_an_account_without_a_first_sign_is_refused() -> None:
    given = facts(FAMILY, NAMES)
    broken = Facts(
        given.evidence,
        given.accounts.with_columns(first_seen_at=pl.lit(None, pl.Datetime("us"))),
        given.names,
        given.overrides,
    )
    with pytest.raises(ValueError, match="first sign"):
        unify(broken, no_past(), PEPPER, DAY)


def test_contradicting_decisions_are_refused() -> None:
    decisions: list[Any] = [
        override("must_link", "web/a", "crm/b", "ann", "x", DAY),
        override("must_link", "crm/b", "web/c", "ann", "x", DAY),
        override("cannot_link", "web/a", "web/c", "ann", "x", DAY),
    ]
    with pytest.raises(ValueError, match="cannot_link"):
        unify(facts(FAMILY, NAMES, pl.concat(decisions)), no_past(), PEPPER, DAY)


def test_golden_record_tells_where_a_field_comes_from_and_shows_no_identifier() -> None:
    said = [
        ("web/a", "city", "York", "web", False, DAY), ("crm/a", "city", "Leeds", "crm", False, DAY - timedelta(9)),
        ("web/a", "email", "e1", "web", False, DAY), ("crm/a", "email", "e2", "crm", True, DAY),
    ]  # fmt: skip
    told = replace(facts(FAMILY, NAMES), claims=pl.DataFrame(said, CLAIMS, orient="row"), source_priority={"crm": 1})
    unified = unify(told, no_past(), PEPPER, DAY)
    table = unified.tables["customer_field_provenance"].sort("field")
    assert dict(zip(table.columns, table.row(0), strict=True)) == {
        "customer_id": ids(unified)["web/a"], "field": "city", "value": "Leeds", "strategy": "source_priority",
        "source_system": "crm", "account_key": "crm/a", "observed_at": DAY - timedelta(9), "n_conflicts": 1,
    }  # fmt: skip
    assert table.select("field", "value", "strategy").row(1) == ("email", None, "verified")


def test_past_belief_over_todays_facts_changes_no_history() -> None:
    """Two people until a later run learnt that they are one; as of before they are two, and a newcomer is as now."""
    apart = facts([("web/a", "email", "e1"), ("crm/b", "phone", "p2")])
    first = unify(apart, no_past(), PEPPER, DAY)
    past = after(no_past(), first)
    rows = [("web/a", "email", "e1"), ("crm/b", "phone", "p2"), ("crm/b", "email", "e1"), ("pos/n", "phone", "p2")]
    merged = unify(facts(rows), past, PEPPER, DAY + timedelta(30))
    past = after(past, merged)
    assert people(merged) == [["crm/b", "pos/n", "web/a"]]
    asked = unify(facts(rows), past, PEPPER, DAY + timedelta(60), believed_at=DAY)
    kept = ids(merged)["web/a"]
    assert ids(asked) == {**ids(first), "pos/n": kept}
    assert asked.tables["identity_history"].is_empty()
    assert asked.tables["customer_redirect"].is_empty()  # the id that was absorbed later is in use again
    assert asked.tables["identity_event"].equals(first.tables["identity_event"])
    again = unify(facts(rows), past, PEPPER, DAY + timedelta(60))
    assert ids(again) == ids(merged)


def test_belief_of_today_is_todays_assignment() -> None:
    first = unify(facts(FAMILY, NAMES), no_past(), PEPPER, DAY)
    asked = unify(facts(FAMILY, NAMES), after(no_past(), first), PEPPER, DAY + timedelta(1), believed_at=DAY)
    assert ids(asked) == ids(first)
    for name in ("identity_policy", "identity_group", "customer_redirect"):
        assert asked.tables[name].equals(first.tables[name])


def sightings(people_n: int, names: dict[str, str]) -> Facts:
    """Accounts with an address each, and a source's statements that it saw every address on one device."""
    rows: list[Row] = [(f"app/{n:02}", "email", f"e{n}") for n in range(people_n)]
    for n in range(people_n):
        rows += [(f"app/link{n}", "email", f"e{n}"), (f"app/link{n}", "device_id", "d")]
    given = facts(rows, names)
    is_statement = pl.col("account_key").str.contains("link")
    return replace(given, evidence=given.evidence.with_columns(is_linking=~is_statement))


def test_tablet_on_which_people_of_a_name_are_seen_is_no_ring() -> None:
    named = {f"app/{n:02}": f"person{n} somebody" for n in range(20)}
    shop, ring = sightings(20, named), sightings(20, {})
    assert len(people(unify(shop, no_past(), PEPPER, DAY))) == 20
    assert unify(shop, no_past(), PEPPER, DAY).tables["identity_group"]["ring_id"].drop_nulls().is_empty()
    assert unify(ring, no_past(), PEPPER, DAY).tables["identity_group"]["ring_id"].drop_nulls().n_unique() == 1


def test_device_at_home_makes_a_household_of_its_people() -> None:
    named = {f"app/{n:02}": f"person{n} somebody" for n in range(3)}
    found = unify(sightings(3, named), no_past(), PEPPER, DAY)
    table = found.tables["identity_group"]
    assert len(people(found)) == 3
    assert table["household_id"].n_unique() == 1
    assert sorted(table["customer_id"]) == sorted(ids(found).values())
