"""Drawing: from a chart to the inline SVG of a page.

Lives here: the call of the chart engine (offline, in this process) and drawing a chart in both widths.
Stays out: what the charts show (`charts/`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from pipelines.report import theme
from pipelines.report.blocks import Drawing
from pipelines.report.svg import clean

AnyChart = alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart
Builder = Callable[[int], AnyChart]
"""Makes the chart for a width in pixels."""


def draw(key: str, description: str, build: Builder, wide: int = theme.WIDE, *, scrolls: bool = False) -> Drawing:
    """Draw a chart across the page and for a telephone; with `scrolls` only the wide one, which then scrolls."""
    page = _svg(build(wide), f"{key}-w", description)
    return Drawing(page, None if scrolls else _svg(build(theme.NARROW), f"{key}-n", description))


def _svg(chart: AnyChart, prefix: str, description: str) -> Markup:
    spec: dict[str, Any] = chart.configure(**theme.config()).to_dict()
    # Rows stand in the drawing in the order given: names of data sets must not depend on the process.
    return Markup(clean(vl_convert.vegalite_to_svg(spec), prefix, description))
