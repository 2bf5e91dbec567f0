"""The guards, each on a few records: what joins, what does not, and what is told about it."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from support.identity_records import groups, records, resolved

from pipelines.channels.identifier_types import parse_rules
from pipelines.identity.policy import default_policy, loose_policy, strict_policy
from pipelines.identity.resolve import resolve

PHONE, OTHER = "13812345678", "13912345678"


def test_one_number_written_twice_is_one_person() -> None:
    assert resolved({"id": "a", "phone_raw": "+86 138 1234 5678"}, {"id": "b", "phone_raw": PHONE}) == [["a", "b"]]


def test_a_hashed_number_joins_the_clear_one() -> None:
    from pipelines.channels.identifiers import sha256_hex

    digest = sha256_hex(pl.Series(["+8613812345678"]))[0]
    assert resolved(
        {"id": "a", "phone_raw": PHONE},
        {"id": "b", "phone_sha256": digest.upper()},
        {"id": "c", "phone_sha256": "f" * 64},
    ) == [["a", "b"], ["c"]]


def test_placeholders_masks_and_virtual_numbers_join_nobody_and_stand_in_the_profile() -> None:
    values = ["13800138000", "138****1234", "17105260225-5326"]
    made = records(*({"id": f"{v}{n}", "phone_raw": v} for v in values for n in range(2)))
    resolution = resolve(made)
    assert all(len(group) == 1 for group in groups(resolution))
    verdicts = dict(resolution.profile.filter(pl.col("id_type") == "phone").select("value", "verdict").iter_rows())
    assert verdicts == dict(zip(values, ["blocked", "masked", "virtual"], strict=True))


def test_a_family_on_one_number_is_split_by_name_and_the_nameless_stays_alone() -> None:
    rows = [
        {"id": "a1", "phone_raw": PHONE, "name_raw": "张伟", "day": 0},
        {"id": "a2", "phone_raw": PHONE, "name_raw": "張偉", "day": 40},
        {"id": "b1", "phone_raw": PHONE, "name_raw": "李娜", "day": 20},
        {"id": "x", "phone_raw": PHONE, "day": 30},
    ]
    resolution = resolve(records(*rows))
    assert groups(resolution) == [["a1", "a2"], ["b1"], ["x"]]
    assert resolution.refused.select("account_key", "reason").rows() == [("x", "different names")]
    verdict = resolution.profile.filter(pl.col("value") == "+8613812345678").row(0, named=True)
    assert (verdict["verdict"], verdict["n_accounts"], verdict["n_names"]) == ("split_by_name", 4, 2)


def test_a_member_number_carries_the_name_to_the_nameless_before_its_number_is_judged() -> None:
    assert resolved(
        {"id": "a1", "phone_raw": PHONE, "name_raw": "张伟"},
        {"id": "a2", "phone_raw": PHONE, "member_id": "M1"},
        {"id": "a3", "name_raw": "张伟", "member_id": "M1"},
        {"id": "b", "phone_raw": PHONE, "name_raw": "李娜"},
    ) == [["a1", "a2", "a3"], ["b"]]


def test_two_members_never_become_one() -> None:
    assert resolved(
        {"id": "a", "phone_raw": PHONE, "member_id": "M1"}, {"id": "b", "phone_raw": PHONE, "member_id": "M2"}
    ) == [["a"], ["b"]]
    assert resolved(
        {"id": "a", "phone_raw": PHONE, "member_id": "M1", "name_raw": "张伟"},
        {"id": "b", "phone_raw": PHONE, "member_id": "M2", "name_raw": "张伟"},
    ) == [["a"], ["b"]]


def test_a_chain_over_two_values_is_cut_where_it_would_join_two_members() -> None:
    rows = [
        {"id": "a", "phone_raw": PHONE, "member_id": "M1", "day": 0},
        {"id": "b", "phone_raw": PHONE, "email_raw": "b@x.org", "day": 1},
        {"id": "c", "email_raw": "b@x.org", "member_id": "M2", "day": 2},
    ]
    resolution = resolve(records(*rows))
    assert groups(resolution) == [["a"], ["b", "c"]]
    assert resolution.profile.filter(pl.col("value") == "+8613812345678")["verdict"].to_list() == ["split_by_id"]


def test_a_chain_inside_one_tier_is_cut_and_logged() -> None:
    rows = [
        {"id": "a", "phone_raw": PHONE, "member_id": "M1", "day": 0},
        {"id": "b", "phone_raw": PHONE, "day": 1},
        {"id": "b", "phone_raw": OTHER, "day": 2},
        {"id": "c", "phone_raw": OTHER, "member_id": "M2", "day": 3},
    ]
    resolution = resolve(records(*rows))
    assert groups(resolution) == [["a", "b"], ["c"]]
    assert resolution.refused["reason"].str.starts_with("limit: 2 member_no").to_list() == [True]


def test_twins_and_namesakes_stay_apart() -> None:
    twins = {"phone_raw": PHONE, "birth_date": date(2001, 5, 5), "city": "上海"}
    assert resolved({"id": "a", "name_raw": "王子轩", **twins}, {"id": "b", "name_raw": "王子涵", **twins}) == [
        ["a"],
        ["b"],
    ]
    same = {"name_raw": "王子轩", "birth_date": twins["birth_date"], "city": "上海"}
    assert resolved({"id": "a", "phone_raw": PHONE, **same}, {"id": "b", "phone_raw": OTHER, **same}) == [["a"], ["b"]]


def test_a_recycled_number_gives_each_period_its_owner() -> None:
    rows = [
        {"id": "a1", "phone_raw": PHONE, "name_raw": "张伟", "city": "上海", "day": 0, "until": 30},
        {"id": "a2", "phone_raw": PHONE, "city": "上海", "source": "pos", "day": 40},
        {"id": "a3", "phone_raw": PHONE, "name_raw": "张伟", "city": "上海", "source": "web", "day": 50},
        {"id": "b1", "phone_raw": PHONE, "name_raw": "李娜", "city": "北京", "day": 300, "until": 310},
        {"id": "b2", "phone_raw": PHONE, "name_raw": "李娜", "city": "北京", "source": "web", "day": 330},
        {"id": "b3", "phone_raw": PHONE, "city": "北京", "source": "pos", "day": 340},
    ]
    policy = default_policy(epoch_posterior=0.7)
    resolution = resolve(records(*rows), policy)
    assert groups(resolution) == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]
    assert resolution.profile.filter(pl.col("n_accounts") == 6)["verdict"].to_list() == ["split_by_epoch"]


def test_a_hub_joins_nobody() -> None:
    made = records(*({"id": f"r{n:03}", "phone_raw": PHONE} for n in range(201)))
    resolution = resolve(made)
    assert len(groups(resolution)) == 201
    assert resolution.profile.filter(pl.col("n_accounts") == 201)["verdict"].to_list() == ["hub"]


def test_a_number_that_fills_blanks_does_not_make_one_customer() -> None:
    made = records(*({"id": f"r{n:02}", "phone_raw": PHONE, "source": "pos"} for n in range(40)))
    resolution = resolve(made)
    assert len(groups(resolution)) == 40
    assert resolution.profile.filter(pl.col("n_accounts") == 40)["verdict"].to_list() == ["ambiguous"]


def test_a_device_joins_its_nameless_accounts_but_never_two_names() -> None:
    ring = [{"id": f"r{n:02}", "device_id": "d1", "phone_raw": f"138123400{n:02}", "source": "app"} for n in range(30)]
    assert len(resolved(*ring)) == 1
    shared = [{"id": str(n), "device_id": "d1", "name_raw": name} for n, name in enumerate(["张伟", "李娜", "张伟"])]
    assert resolved(*shared, {"id": "x", "device_id": "d1"}) == [["0", "2"], ["1"], ["x"]]


def test_a_member_card_survives_a_new_surname_but_not_three_names() -> None:
    card = {"member_id": "M1"}
    assert resolved({"id": "a", "name_raw": "emma dubois", **card}, {"id": "b", "name_raw": "emma smith", **card}) == [
        ["a", "b"]
    ]
    house = [{"id": str(n), "name_raw": name, **card} for n, name in enumerate(["张伟", "李娜", "王芳"])]
    assert resolved(*house) == [["0"], ["1"], ["2"]]


def test_ids_mean_the_same_only_within_their_scope() -> None:
    uid = {"shop_buyer_uid": "u1", "phone_raw": None}
    assert resolved({"id": "a", "source": "tmall", **uid}, {"id": "b", "source": "jd", **uid}) == [["a"], ["b"]]
    assert resolved({"id": "a", "source": "tmall", **uid}, {"id": "b", "source": "tmall", **uid}) == [["a", "b"]]


def test_limits_come_from_the_seed() -> None:
    seed = """
    types:
      phone: {{scope: global, strength: personal, priority: 1}}
      email: {{scope: global, strength: personal, priority: 3, limit: {limit}, window_days: {days}}}
    """
    rows = [
        {"id": "a", "phone_raw": PHONE, "email_raw": "a@x.org", "day": 0},
        {"id": "b", "phone_raw": PHONE, "email_raw": "b@x.org", "day": 10},
        {"id": "c", "phone_raw": PHONE, "email_raw": "c@x.org", "day": 400},
    ]
    pinned = {"support": (), "uses_support": False}
    for limit, days, expected in (
        (1, 365, [["a", "c"], ["b"]]),
        (2, 365, [["a", "b", "c"]]),
        (1, 5, [["a", "b", "c"]]),
    ):
        rules = parse_rules(seed.format(limit=limit, days=days))
        assert resolved(*rows, policy=default_policy(rules=rules, **pinned)) == expected, (limit, days)


def test_policies_differ_in_what_they_dare() -> None:
    rows = [
        {"id": "a", "phone_raw": PHONE, "name_raw": "张伟"},
        {"id": "b", "phone_raw": PHONE, "name_raw": "张伟"},
        {"id": "c", "phone_raw": PHONE},
        {"id": "d", "device_id": "d1"},
        {"id": "e", "device_id": "d1"},
    ]
    assert resolved(*rows, policy=strict_policy()) == [["a", "b"], ["c"], ["d"], ["e"]]
    assert resolved(*rows, policy=default_policy()) == [["a", "b", "c"], ["d", "e"]]
    assert resolved(*rows, policy=loose_policy()) == [["a", "b", "c"], ["d", "e"]]
    family = [*rows, {"id": "f", "phone_raw": PHONE, "name_raw": "李娜", "member_id": "M1"}]
    family += [{"id": "g", "phone_raw": PHONE, "name_raw": "李娜", "member_id": "M2"}]
    assert ["a", "b"] in resolved(*family, policy=default_policy())
    loose = resolved(*family, policy=loose_policy())
    assert len(loose) == 3, "names do not count, member numbers do"


@pytest.mark.parametrize("columns", [["record_id"], ["record_id", "phone_raw"], ["record_id", "source", "name_raw"]])
def test_absent_columns_are_allowed(columns: list[str]) -> None:
    made = records({"id": "a", "phone_raw": PHONE, "name_raw": "张伟"}, {"id": "b", "phone_raw": PHONE})
    expected = [["a", "b"]] if "phone_raw" in columns else [["a"], ["b"]]
    assert groups(resolve(made.select(columns))) == expected
    assert len(groups(resolve(made.clear()))) == 0


def test_records_need_ids() -> None:
    with pytest.raises(ValueError, match="record_id"):
        resolve(pl.DataFrame({"phone_raw": [PHONE]}))
    with pytest.raises(ValueError, match="1 records have no record_id"):
        resolve(pl.DataFrame({"record_id": ["a", None]}))
