"""dbt assets: the stretch before identity (staging, canonical, evidence) and the stretch after it (core).

Lives here: two dbt invocations as assets. Stays out: how dbt is run (`orchestration.dbt_run`).
"""

import json
from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, AssetsDefinition
from dagster_dbt import dbt_assets

from orchestration.console import step
from orchestration.dbt_manifest import manifest_file
from orchestration.dbt_run import build
from orchestration.house import House
from orchestration.translator import FloorTranslator
from pipelines.contracts.settings import Settings

STRETCHES = {"dbt_canonical": ("tag:pre_identity", "tag:post_identity"), "dbt_core": ("tag:post_identity", None)}
"""The two invocations, by op name: what is selected and what is left out. A data test that looks at both sides of the
identity step carries the tag of the later one."""


def dbt_stretches(settings: Settings) -> list[AssetsDefinition]:
    """One assets definition per stretch, from a manifest that matches the project on disk."""
    manifest = json.loads(manifest_file(settings).read_text())
    return [_stretch(name, select, exclude, manifest) for name, (select, exclude) in STRETCHES.items()]


def _stretch(name: str, select: str, exclude: str | None, manifest: dict[str, Any]) -> AssetsDefinition:
    translator = FloorTranslator()

    @dbt_assets(
        name=name,
        manifest=manifest,
        select=select,
        exclude=exclude,
        dagster_dbt_translator=translator,
        required_resource_keys={"house"},
    )
    def stretch(context: AssetExecutionContext) -> Iterator[Any]:
        house: House = context.resources.house
        label = f"dbt {select.removeprefix('tag:').replace('_', ' ')}"
        with step(house.progress, label, total=len(list(context.selected_asset_keys))):
            yield from build(
                context, house.settings, manifest, translator, select, exclude, lambda _: house.progress.advance(label)
            )

    return stretch
