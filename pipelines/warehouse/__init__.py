"""The warehouse: the build file, the gates' verdicts, published versions and how they are read.

Lives here: everything between a computed layer and a reader. Stays out: what is computed (dbt, `identity`, `marts`),
what is checked (`expectations`) and who calls it when (`orchestration`).
"""

from pipelines.warehouse.build import begin_build, mark_good, open_build
from pipelines.warehouse.context import mart_params, read_run_context, write_run_context
from pipelines.warehouse.digest import frame_digest, layer_digest, table_digest
from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.tables import write_table

__all__ = [
    "begin_build",
    "frame_digest",
    "layer_digest",
    "mark_good",
    "mart_params",
    "open_build",
    "read_run_context",
    "table_digest",
    "write_run_context",
    "write_table",
    "writer_lock",
]
