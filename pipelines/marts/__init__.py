"""Marts: the tables that answer questions, each a pure function of core and of earlier marts.

Lives here: one module per mart in a folder per domain, the registry, the runner, the canonical digest.
Stays out: dbt's core, writing and publishing (`pipelines.warehouse`), estimators (`pipelines.science`).
"""

from pipelines.marts.digest import digest
from pipelines.marts.profit.mart_coverage import headline_basis
from pipelines.marts.reading import PartsOfBuild, read_previous, required_columns
from pipelines.marts.registry import MARTS
from pipelines.marts.rows import Rows
from pipelines.marts.runner import compute, compute_all
from pipelines.marts.schedule import compute_ready

__all__ = [
    "MARTS",
    "PartsOfBuild",
    "Rows",
    "compute",
    "compute_all",
    "compute_ready",
    "digest",
    "headline_basis",
    "read_previous",
    "required_columns",
]
