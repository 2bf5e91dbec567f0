"""The warehouse: the build file, the gates' verdicts, published versions and how they are read.

Lives here: everything between a computed layer and a reader. Stays out: what is computed (dbt, `identity`, `marts`),
what is checked (`expectations`) and who calls it when (`orchestration`).
"""

from pipelines.warehouse.build import begin_build, mark_good, open_build
from pipelines.warehouse.context import end_of_day, mart_params, read_run_context, reporting_currency, write_run_context
from pipelines.warehouse.digest import layer_digest, table_digest
from pipelines.warehouse.identity_state import add_override, model_table, read_model, read_overrides, read_past
from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.publish import Published, publish
from pipelines.warehouse.query import headline, query_published
from pipelines.warehouse.state import read as state_log
from pipelines.warehouse.state import record_failed_run
from pipelines.warehouse.tables import ROWS_AT_ONCE, write_table
from pipelines.warehouse.versions import Version, current_version, list_versions, repair, rollback, served_path, verify

__all__ = [
    "ROWS_AT_ONCE",
    "Published",
    "Version",
    "add_override",
    "begin_build",
    "current_version",
    "end_of_day",
    "headline",
    "layer_digest",
    "list_versions",
    "mark_good",
    "mart_params",
    "model_table",
    "open_build",
    "publish",
    "query_published",
    "read_model",
    "read_overrides",
    "read_past",
    "read_run_context",
    "record_failed_run",
    "repair",
    "reporting_currency",
    "rollback",
    "served_path",
    "state_log",
    "table_digest",
    "verify",
    "write_run_context",
    "write_table",
    "writer_lock",
]
