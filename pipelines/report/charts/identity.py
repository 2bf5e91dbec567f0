"""Identity charts: how many accounts customers have.

Lives here: the distribution of sizes. Stays out: the figures and what follows from them.
"""

from __future__ import annotations

import altair as alt

from pipelines.report import theme
from pipelines.report.charts.base import Rows, bare_axis, chart, layers, names_axis


def sizes(rows: Rows) -> alt.LayerChart:
    """One bar per number of accounts; bars grow with the root of the count, so that the few large ones stay visible.

    Rows: name, size (root of the count), shown, hint.
    """
    order = [row["name"] for row in rows]
    most = max((row["size"] for row in rows), default=0) or 1
    y = alt.Y("name:N", sort=order, axis=names_axis(), scale=alt.Scale(paddingInner=0.32))
    x = alt.X("size:Q", axis=bare_axis(), scale=alt.Scale(domain=[0, most * 1.45], nice=False))
    bars = chart(rows).mark_bar(aria=True, cornerRadius=2, fill=theme.ACCENT).encode(y=y, x=x, description="hint:N")
    labels = chart(rows).mark_text(align="left", dx=6, fill=theme.INK).encode(y=y, x=x, text="shown:N")
    return layers(bars, labels, height=alt.Step(24))
