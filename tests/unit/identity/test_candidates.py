"""Candidates: links that a guard refused and that somebody may want to look at."""

from __future__ import annotations

import polars as pl
from support.identity_records import records

from pipelines.identity.candidates import refused_links
from pipelines.identity.policy import SupportingAttribute, default_policy
from pipelines.identity.resolve import resolve

PHONE = "13812345678"
CITIES = SupportingAttribute("city", same_rate=0.9, other_rate=0.1, is_pinned=True)
POLICY = default_policy(support=(CITIES,), possible_floor=0.0)


def test_a_nameless_account_is_a_candidate_of_those_who_use_the_value() -> None:
    found = resolve(
        records(
            {"id": "a", "phone_raw": PHONE, "name_raw": "张伟", "city": "北京"},
            {"id": "b", "phone_raw": PHONE, "name_raw": "李娜", "city": "北京"},
            {"id": "c", "phone_raw": PHONE},
        ),
        POLICY,
    )
    links = refused_links(found)
    assert links.select("account_key", "candidate_cluster").rows() == [("c", "a"), ("c", "b")]
    assert links["posterior"].n_unique() == 1
    assert links["posterior"].sum() < 1


def test_agreement_makes_a_candidate_likelier() -> None:
    found = resolve(
        records(
            {"id": "a", "phone_raw": PHONE, "name_raw": "张伟", "city": "北京"},
            {"id": "b", "phone_raw": PHONE, "name_raw": "李娜", "city": "上海"},
            {"id": "c", "phone_raw": PHONE, "city": "上海"},
        ),
        default_policy(support=(CITIES,), possible_floor=0.0, attach_posterior=0.999),
    )
    chance = dict(refused_links(found).select("candidate_cluster", "posterior").iter_rows())
    assert chance["b"] > 5 * chance["a"]


def test_what_excludes_each_other_and_crowds_are_no_candidates() -> None:
    family = [{"id": "a", "phone_raw": PHONE, "name_raw": "张伟"}, {"id": "b", "phone_raw": PHONE, "name_raw": "李娜"}]
    assert refused_links(resolve(records(*family), POLICY)).is_empty()
    crowd = [{"id": f"x{n}", "phone_raw": PHONE} for n in range(50)]
    assert refused_links(resolve(records(*crowd), POLICY)).is_empty()


def test_the_order_of_rows_does_not_matter() -> None:
    rows = records(
        {"id": "a", "phone_raw": PHONE, "name_raw": "张伟"},
        {"id": "b", "phone_raw": PHONE, "name_raw": "李娜"},
        {"id": "c", "phone_raw": PHONE},
        {"id": "d", "phone_raw": PHONE},
    )
    shuffled = rows.sample(fraction=1, shuffle=True, seed=5)
    assert refused_links(resolve(rows, POLICY)).equals(refused_links(resolve(shuffled, POLICY)))
    assert refused_links(resolve(rows, POLICY)).filter(pl.col("account_key") == pl.col("candidate_cluster")).is_empty()
