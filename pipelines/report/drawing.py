"""Drawing: from a chart to the inline SVG of a page.

Lives here: the call of the chart engine (offline, in this process) and drawing a chart in both widths.
Stays out: what the charts show (`charts/`).

The engine draws in a thread of its own, without Python's lock, while the next chart is put together.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import altair as alt
import vl_convert
from altair.utils.schemapi import debug_mode
from markupsafe import Markup

from pipelines.report import theme
from pipelines.report.blocks import Drawing
from pipelines.report.svg import clean

AnyChart = alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart
Builder = Callable[[int], AnyChart]
"""Makes the chart for a width in pixels."""

_ENGINE = ThreadPoolExecutor(1, thread_name_prefix="charts")


def warm_up() -> None:
    """Let the engine begin to load, which takes it a second."""
    _ENGINE.submit(vl_convert.vegalite_to_svg, {"mark": "point", "data": {"values": []}})


def draw(key: str, description: str, build: Builder, width: int = theme.WIDE, *, scrolls: bool = False) -> Drawing:
    """Begin to draw a chart; one across the page also for a telephone, unless it `scrolls` there."""
    twice = width > theme.HALF and not scrolls
    with debug_mode(False):  # charts are checked against the schema by a test, not on every page
        page = _svg(build(width), f"{key}-w", description, width, least=0.8 if scrolls else 0.0)
        telephone = _svg(build(theme.NARROW), f"{key}-n", description, theme.NARROW) if twice else None
    return Drawing(page, telephone, scrolls)


def specification(chart: AnyChart, width: int, *, validate: bool = False) -> dict[str, Any]:
    """The Vega-Lite specification of a chart, axes and legends included in `width` unless it sets its own."""
    spec: dict[str, Any] = chart.configure(**theme.config()).to_dict(validate=validate)
    if "width" not in spec and not spec.keys() & {"hconcat", "vconcat"}:
        spec["width"] = width
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec


def _svg(chart: AnyChart, prefix: str, description: str, width: int, least: float = 0.0) -> Future[Markup]:
    spec = specification(chart, width)
    return _ENGINE.submit(lambda: Markup(clean(vl_convert.vegalite_to_svg(spec), prefix, description, least)))
