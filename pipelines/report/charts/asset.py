"""Asset charts: what came and what went month by month, and the way between segments.

Lives here: charts of the ledger and of migration. Stays out: which figures (`queries/asset`) and captions.
"""

from __future__ import annotations

import altair as alt

from pipelines.report import theme
from pipelines.report.charts.base import Rows, chart, colours, heat_colour, heat_text, layers, money_axis


def movements(rows: Rows, closings: Rows, currency: str, names: list[str], width: int) -> alt.VConcatChart:
    """The value at every close, and below it what was added and what was lost, by line.

    Rows: month (ISO day), name, amount (position), hint. `closings`: month, amount, hint. `names` in legend order.
    """
    narrow = width <= theme.NARROW
    every = sorted({row["month"] for row in closings})
    ticks = every[:: max(1, -(-len(every) // (4 if narrow else 12)))]
    axis = alt.Axis(
        title=None,
        grid=False,
        values=ticks,
        labelAngle=0,
        labelExpr="timeFormat(toDate(datum.value), '%b ’%y')",
        labelOverlap="greedy",
    )
    scale = alt.Scale(paddingInner=0.22, paddingOuter=0.1)
    plot = width - 70
    top = (
        chart(closings, width=plot, height=110 if narrow else 140)
        .mark_bar(aria=True, cornerRadiusTopLeft=2, cornerRadiusTopRight=2, fill=theme.TOTAL)
        .encode(
            x=alt.X("month:N", sort=every, scale=scale, axis=None),
            y=alt.Y("amount:Q", axis=money_axis(currency, "Value at the close", tickCount=4)),
            description="hint:N",
        )
    )
    legend = alt.Legend(title=None, orient="bottom", columns=2 if narrow else 5, symbolLimit=20, columnPadding=16)
    bars = (
        chart(rows)
        .mark_bar(aria=True, stroke=theme.CARD, strokeWidth=0.5)
        .encode(
            x=alt.X("month:N", sort=every, scale=scale, axis=axis),
            y=alt.Y("amount:Q", axis=money_axis(currency, "Added and lost", tickCount=5), stack="zero"),
            color=alt.Color("name:N", sort=names, scale=colours(names), legend=legend),
            order=alt.Order("place:Q"),
            description="hint:N",
        )
    )
    zero = chart([{"zero": 0}]).mark_rule(stroke=theme.INK_FAINT).encode(y="zero:Q")
    below = layers(bars, zero, width=plot, height=200 if narrow else 260)
    return alt.VConcatChart(vconcat=[top, below], spacing=10).resolve_scale(color="independent")


def migration(rows: Rows, names: list[str], width: int) -> alt.LayerChart:
    """A matrix: from down, to across; the stronger the colour the larger the share that went there.

    Rows: start, end, step (of the colour scale), shown (text in the cell), hint. `names`: segments in order.
    """
    narrow = width <= theme.NARROW
    x = alt.X(
        "end:N",
        sort=names,
        axis=alt.Axis(title="to", titleAnchor="start", orient="top", grid=False, labelAngle=-30 if narrow else 0),
        scale=alt.Scale(padding=0.03),
    )
    y = alt.Y(
        "start:N",
        sort=names,
        axis=alt.Axis(title=None, grid=False, labelColor=theme.INK, labelLimit=120),
        scale=alt.Scale(padding=0.04),
    )
    cells = chart(rows).mark_rect(aria=True, cornerRadius=2).encode(x=x, y=y, color=heat_colour(), description="hint:N")
    text = chart(rows).mark_text(fontSize=11).encode(x=x, y=y, text="shown:N", color=heat_text())
    return layers(cells, text, width=min(width - 130, 700), height=alt.Step(28))
