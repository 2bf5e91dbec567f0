"""Expectations: the gates that a build passes before it is published.

Lives here: suites and thresholds in YAML, the metrics they look at, and the runner that judges a layer with Great
Expectations. Stays out: keys, types and rules of single models (dbt), file shapes (`pipelines.ingest`), publishing.
"""

from expectations.judge import prepare_gates
from expectations.results import LayerResult, TableVerdict
from expectations.runner import gated_tables, run_layer
from pipelines.warehouse.gates import LAYERS

__all__ = ["LAYERS", "LayerResult", "TableVerdict", "gated_tables", "prepare_gates", "run_layer"]
