"""Policies side by side: what is taken over from one to the next changes nothing."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.identity.policy import Policy, default_policy, loose_policy, strict_policy
from pipelines.identity.records import case_from_records
from pipelines.identity.resolve import resolve_case
from pipelines.simulate.identity_world import identity_world


@pytest.mark.parametrize(
    "policy", [strict_policy(), loose_policy(), default_policy(link_posterior=0.99)], ids=["strict", "loose", "sure"]
)
def test_a_policy_after_another_is_as_by_itself(policy: Policy) -> None:
    records, _ = identity_world(17, 400)
    case = case_from_records(records, default_policy())
    first = resolve_case(case)
    alone, after = resolve_case(case, policy), resolve_case(case, policy, like=first)
    for table in ("clusters", "edges", "refused", "profile", "calibration"):
        assert getattr(after, table).equals(getattr(alone, table)), table
    again = resolve_case(case, like=after)  # and what came after has not touched what it took
    assert again.clusters.equals(first.clusters)
    assert not after.clusters.equals(first.clusters)


def test_policies_that_differ_late_start_alike() -> None:
    assert strict_policy().starts_like(default_policy())
    assert not loose_policy().starts_like(default_policy())
    assert loose_policy().codes_like(default_policy())
    assert not default_policy(support=()).codes_like(default_policy())


def test_profile_counts_follow_from_the_facts() -> None:
    """Names and ids per value as a plain count over the records' own attributes."""
    records, _ = identity_world(18, 200)
    case = case_from_records(records, default_policy())
    found = resolve_case(case, loose_policy(uses_support=True)).profile.filter(pl.col("id_type") == "member_no")
    own = case.evidence.filter(pl.col("id_type") == "member_no").select("account_key", "value", "scope_key")
    names = own.join(case.attributes.filter(pl.col("attribute") == "name"), on="account_key", suffix="_name")
    plain = names.group_by("value", "scope_key").agg(n=pl.col("value_name").n_unique())
    shared = found.filter(pl.col("n_accounts") > 1).join(plain, on=["value", "scope_key"], how="left")
    assert shared.height > 10
    assert (shared["n_names"] == shared["n"].fill_null(0)).all()
