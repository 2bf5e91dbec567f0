"""Gates as asset checks: one multi-check step per layer.

Lives here: the wiring of `expectations` into blocking asset checks. Stays out: suites, thresholds, verdicts.
"""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    multi_asset_check,
)

from expectations import LAYERS, gated_tables, run_layer
from orchestration.console import step
from orchestration.house import House

GATE = "gate"
"""Name of the check that every gated table carries."""


def gate_checks() -> list[AssetChecksDefinition]:
    """One multi-check definition per layer, blocking whatever lies downstream."""
    return [_layer_checks(layer) for layer in LAYERS]


def _layer_checks(layer: str) -> AssetChecksDefinition:
    keys = [AssetKey(list(table.split("."))) for table in gated_tables(layer)]
    specs = [
        AssetCheckSpec(
            GATE,
            asset=key,
            additional_deps=[other for other in keys if other != key],
            blocking=True,
            description=f"The {layer} suite of Great Expectations on this table.",
        )
        for key in keys
    ]

    @multi_asset_check(name=f"gate_{layer}", specs=specs, can_subset=True, required_resource_keys={"house"})
    def gate(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        house: House = context.resources.house
        with step(house.progress, f"gates {layer}") as rows:
            result = run_layer(house.settings, layer)
            rows.append(result.declared)
        for key in keys:
            if any(check.asset_key == key for check in context.selected_asset_check_keys):
                verdict = result.table(".".join(key.path))
                yield AssetCheckResult(
                    asset_key=key,
                    check_name=GATE,
                    passed=verdict.passed,
                    severity=AssetCheckSeverity.ERROR,
                    description=verdict.message,
                    metadata={
                        "passed": verdict.passed_n,
                        "failed": verdict.failed_n,
                        "errored": verdict.errored_n,
                        "endangered_marts": MetadataValue.text(", ".join(verdict.endangered) or "none"),
                    },
                )

    return gate
