"""The code location that `workspace.yaml` names: the graph of the house that `CAW_HOME` points to."""

from __future__ import annotations

from orchestration.build import build_definitions
from pipelines.contracts.settings import Settings

defs = build_definitions(Settings())
