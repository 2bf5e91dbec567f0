"""Report: one self-contained HTML page with charts from one published warehouse file.

Lives here: queries, charts, words and the template of the page. Stays out: how any figure is computed (`marts`, core).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from threading import Thread

__all__ = ["prepare_report", "render_report"]


def prepare_report() -> None:
    """Begin to load what draws a page, in another thread: it takes seconds, and a publish leaves a core idle."""
    Thread(target=_load, name="prepare report").start()


def _load() -> None:
    for module in ("registry", "render"):
        import_module(f"pipelines.report.{module}")
    import_module("pipelines.report.drawing").warm_up()


def render_report(db_path: Path, out_path: Path) -> Path:
    """Write the page about the warehouse file at `db_path` to `out_path` and return that path.

    See `pipelines.report.render.render_page`, which also draws other pages than that of the run.
    """
    from pipelines.report.registry import RUN_PAGE  # noqa: PLC0415  the chart library takes seconds to import
    from pipelines.report.render import render_page  # noqa: PLC0415

    return render_page(db_path, out_path, RUN_PAGE)
