"""Drawing: from a chart to the inline SVG of a page.

Lives here: the call of the chart engine (offline, in this process) and drawing a chart in both widths.
Stays out: what the charts show (`charts/`).
"""

from __future__ import annotations

from collections.abc import Callable
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


def draw(key: str, description: str, build: Builder, width: int = theme.WIDE, *, scrolls: bool = False) -> Drawing:
    """Draw a chart; one across the page also for a telephone, unless it `scrolls` there."""
    twice = width > theme.HALF and not scrolls
    with debug_mode(False):  # charts are checked against the schema by a test, not on every page
        page = _svg(build(width), f"{key}-w", description, width, least=0.8 if scrolls else 0.0)
        narrow = _svg(build(theme.NARROW), f"{key}-n", description, theme.NARROW) if twice else None
    return Drawing(page, narrow, scrolls)


def specification(chart: AnyChart, width: int, *, validate: bool = False) -> dict[str, Any]:
    """The Vega-Lite specification of a chart, axes and legends included in `width` unless it sets its own."""
    spec: dict[str, Any] = chart.configure(**theme.config()).to_dict(validate=validate)
    if "width" not in spec and not spec.keys() & {"hconcat", "vconcat"}:
        spec["width"] = width
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec


def _svg(chart: AnyChart, prefix: str, description: str, width: int, least: float = 0.0) -> Markup:
    return Markup(clean(vl_convert.vegalite_to_svg(specification(chart, width)), prefix, description, least))
