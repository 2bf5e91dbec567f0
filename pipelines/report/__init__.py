"""Report: one self-contained HTML page with charts from one published warehouse file.

Lives here: queries, charts, words and the template of the page. Stays out: how any figure is computed (`marts`, core).
"""

from pipelines.report.registry import PAGES, RUN_PAGE
from pipelines.report.render import render_report

__all__ = ["PAGES", "RUN_PAGE", "render_report"]
