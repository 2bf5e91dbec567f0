"""What holds for identity whatever the data: order, splits, limits, paths, decisions, and what it must not see."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from support.identity_records import groups

from pipelines.identity.carry_over import carry_over, empty_history
from pipelines.identity.components import connected_components
from pipelines.identity.contraction import contracted_components
from pipelines.identity.explain import causes, why
from pipelines.identity.overrides import no_overrides, override
from pipelines.identity.policy import POLICIES
from pipelines.identity.possible import accept_links, masked_links
from pipelines.identity.resolve import Resolution, resolve
from pipelines.simulate.identity_world import identity_world

DAY = datetime(2025, 7, 1)  # noqa: DTZ001
PEPPER = b"p" * 32


@pytest.fixture(scope="module")
def world() -> tuple[pl.DataFrame, pl.DataFrame]:
    return identity_world(42, 700)


@pytest.fixture(scope="module")
def resolution(world: tuple[pl.DataFrame, pl.DataFrame]) -> Resolution:
    return resolve(world[0])


def test_order_of_rows_columns_and_files_changes_nothing(
    world: tuple[pl.DataFrame, pl.DataFrame], resolution: Resolution
) -> None:
    records = world[0].sample(fraction=1.0, shuffle=True, seed=9)
    files = [records[:100], records[100:101], records[101:]]
    again = resolve(pl.concat(reversed(files)).select(sorted(records.columns)).lazy())
    assert again.clusters.equals(resolution.clusters)
    assert again.edges.equals(resolution.edges)
    assert again.refused.equals(resolution.refused)
    assert again.profile.equals(resolution.profile)
    assert again.customer_ids().equals(resolution.customer_ids())


def test_every_account_is_in_one_cluster(world: tuple[pl.DataFrame, pl.DataFrame], resolution: Resolution) -> None:
    assert resolution.clusters["account_key"].to_list() == sorted(world[0]["record_id"])


def test_clusters_are_exactly_the_components_of_the_stored_edges(resolution: Resolution) -> None:
    node = pl.concat_str(
        pl.lit("\x1f"), "id_type", "scope_key", "value", pl.col("part").cast(pl.String), separator="\x1f"
    )
    edges = pl.concat(
        [
            resolution.edges.select(a="account_key", b=node),
            resolution.clusters.select(a="account_key", b="account_key"),
        ]
    )
    labels = connected_components(edges)
    assert contracted_components(edges).equals(labels)
    both = labels.join(resolution.clusters, left_on="node", right_on="account_key")
    assert both.height == resolution.clusters.height
    per_component = both.group_by("component").agg(pl.col("cluster").n_unique())
    per_cluster = both.group_by("cluster").agg(pl.col("component").n_unique())
    assert per_component["cluster"].max() == 1
    assert per_cluster["component"].max() == 1


def test_every_merged_pair_has_a_path_of_evidence(resolution: Resolution) -> None:
    members = resolution.clusters.filter(pl.len().over("cluster") > 1)
    rng = np.random.default_rng(1)
    for row in rng.choice(members.height, 40, replace=False):
        key, cluster = members.row(int(row))
        others = members.filter((pl.col("cluster") == cluster) & (pl.col("account_key") != key))["account_key"]
        path = why(resolution, key, others[0])
        assert path["from_account"][0] == key
        assert path["to_account"][-1] == others[0]
        assert path["to_account"].to_list()[:-1] == path["from_account"].to_list()[1:]
        assert path["rule_id"].null_count() == 0


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", list(POLICIES))
def test_no_cluster_ever_exceeds_a_limit(seed: int, name: str) -> None:
    records = identity_world(seed, 500)[0]
    found = resolve(records, POLICIES[name]())
    accepted, _ = accept_links(found, masked_links(found), 0.5)
    for resolution in (found, accepted):
        exclusive = resolution.case.evidence.join(resolution.clusters, on="account_key")
        for id_type in ("member_no", "wechat_unionid", "wechat_openid", "shop_buyer_uid"):
            held = exclusive.filter(pl.col("id_type") == id_type).group_by("cluster", "scope_key")
            assert held.agg(pl.col("value").n_unique())["value"].max() == 1


def test_random_evidence_keeps_every_limit_and_every_path() -> None:
    rng = np.random.default_rng(11)
    for _ in range(6):
        n = 60

        def pick(pool: int, chance: float, mark: str, n: int = n) -> list[str | None]:
            return [f"{mark}{rng.integers(pool)}" if rng.random() < chance else None for _ in range(n)]

        records = pl.DataFrame(
            {
                "record_id": [f"r{i:02}" for i in range(n)],
                "phone_raw": [v and f"138000012{int(v[1:]):02}" for v in pick(25, 0.8, "p")],
                "email_raw": [v and f"{v}@example.org" for v in pick(25, 0.5, "kim")],
                "member_id": pick(20, 0.4, "M"),
                "wechat_unionid": pick(20, 0.3, "u"),
                "device_id": pick(15, 0.3, "d"),
                "name_raw": [v and "张李王赵"[int(v[1:])] + "小明" for v in pick(4, 0.5, "n")],
            }
        )
        resolution = resolve(records)
        exclusive = resolution.case.evidence.join(resolution.clusters, on="account_key")
        held = exclusive.filter(pl.col("id_type").is_in(["member_no", "wechat_unionid"]))
        assert held.group_by("cluster", "id_type").agg(pl.col("value").n_unique())["value"].max() == 1
        shuffled = resolve(records.sample(fraction=1, shuffle=True, seed=1))
        assert shuffled.clusters.equals(resolution.clusters)
        test_clusters_are_exactly_the_components_of_the_stored_edges(resolution)


def test_decisions_are_obeyed(world: tuple[pl.DataFrame, pl.DataFrame], resolution: Resolution) -> None:
    big = resolution.clusters.filter(pl.len().over("cluster") >= 3).sort("cluster", "account_key")
    apart = (
        big.group_by("cluster", maintain_order=True).agg(pl.col("account_key").head(2))["account_key"].to_list()[:15]
    )
    lone = resolution.clusters.filter(pl.len().over("cluster") == 1)["account_key"].to_list()
    together = list(zip(lone[:20:2], lone[1:20:2], strict=True))
    decisions = [override("cannot_link", a, b, "kim", "test", DAY) for a, b in apart]
    decisions += [override("must_link", a, b, "kim", "test", DAY) for a, b in together]
    decided = resolve(world[0], overrides=pl.concat([no_overrides(), *decisions]))
    label = dict(decided.clusters.iter_rows())
    assert all(label[a] != label[b] for a, b in apart)
    assert all(label[a] == label[b] for a, b in together)


def test_neither_truth_nor_case_nor_batch_is_looked_at(
    world: tuple[pl.DataFrame, pl.DataFrame], resolution: Resolution
) -> None:
    records, truth = world
    told = records.join(truth, on="record_id").with_columns(batch=pl.lit(9))
    assert resolve(told).clusters.equals(resolution.clusters)


def test_strangers_change_nobody(world: tuple[pl.DataFrame, pl.DataFrame], resolution: Resolution) -> None:
    stranger = pl.DataFrame({"record_id": ["stranger"], "phone_raw": ["+44 20 7946 0018"]})
    more = resolve(pl.concat([world[0], stranger], how="diagonal"))
    assert more.clusters.filter(pl.col("account_key") != "stranger").equals(resolution.clusters)


def test_ids_survive_rebuilds_late_batches_and_rolling_back(
    world: tuple[pl.DataFrame, pl.DataFrame], resolution: Resolution
) -> None:
    records = world[0]
    first = resolve(records.filter(pl.col("batch") == 1))
    history, runs = empty_history(), []
    for number, found in enumerate((first, first, resolution, first, resolution)):
        done = carry_over(
            found.clusters, history, PEPPER, DAY.replace(day=1 + number), lambda found=found: causes(found)
        )
        history = pl.concat([history, done.appended])
        runs.append(done)
    assert runs[1].appended.is_empty()
    assert runs[3].assignment.equals(runs[0].assignment)
    assert runs[4].assignment.equals(runs[2].assignment)
    merges = runs[2].events.filter(pl.col("kind") == "absorbed")
    assert merges.height > 0
    assert merges["cause_rule"].null_count() == 0
    live = set(runs[2].assignment["customer_id"])
    moved = dict(runs[2].redirects.iter_rows())
    assert set(moved.values()) <= live
    assert not set(moved) & live
    assert len(groups(resolution)) == len(live)
