"""The asset graph under snapshot: a change of assets, groups, dependencies or checks shows in review.

Update on purpose with `CAW_UPDATE_SNAPSHOTS=1 python -m pytest tests/orchestration/test_graph_snapshot.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from orchestration.build import EVERYTHING, build_definitions
from pipelines.contracts.settings import Settings

SNAPSHOT = Path(__file__).parent / "graph_snapshot.json"


def _graph(settings: Settings) -> dict[str, object]:
    graph = build_definitions(settings).resolve_asset_graph()
    assets = {
        key.to_user_string(): {
            "group": graph.get(key).group_name,
            "depends_on": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            "checks": sorted(check.name for check in graph.get(key).check_keys),
        }
        for key in sorted(graph.materializable_asset_keys)
    }
    return {"assets": assets, "jobs": [EVERYTHING]}


def test_graph_is_the_one_reviewed(tmp_path: Path) -> None:
    graph = _graph(Settings(home=tmp_path))
    if os.environ.get("CAW_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(graph, indent=1, sort_keys=True) + "\n")
    assert graph == json.loads(SNAPSHOT.read_text())


def test_every_asset_lives_on_a_floor(tmp_path: Path) -> None:
    groups = {asset["group"] for asset in _graph(Settings(home=tmp_path))["assets"].values()}  # type: ignore[attr-defined]
    assert groups == {"raw", "context", "seeds", "staging", "canonical", "identity", "core", "marts", "publish"}
