"""Money charts: the waterfall, where a hundred of list value go by channel, and the months.

Lives here: charts of amounts. Stays out: which amounts (`queries/`) and their captions (`sections/`).
"""

from __future__ import annotations

from itertools import pairwise

import altair as alt

from pipelines.report import theme
from pipelines.report.charts.base import Rows, chart, colours, layers, money_axis, names_axis, rate_axis

WATERFALL_COLOURS = {"total": theme.TOTAL, "loss": theme.LEAK, "gain": theme.GAIN}


def waterfall(rows: Rows, currency: str, width: int) -> alt.LayerChart:
    """Floating bars from list value to contribution.

    Rows: label, start, end (positions), kind (total, loss, gain), shown and brief (text beside the
    bar, on a page and on a telephone), hint (tooltip).
    """
    narrow = width <= theme.NARROW
    edge = max((max(row["start"], row["end"]) for row in rows), default=1.0) or 1.0
    low = min(0.0, *(min(row["start"], row["end"]) for row in rows))
    data = [{**row, "right": max(row["start"], row["end"]), "order": at} for at, row in enumerate(rows)]
    steps = [{"at": row["end"], "label": row["label"], "next": following["label"]} for row, following in pairwise(data)]
    order = [row["label"] for row in data]
    y = alt.Y("label:N", sort=order, axis=names_axis(130 if narrow else 190), scale=alt.Scale(paddingInner=0.28))
    room = (edge - low) * (0.36 if narrow else 0.14)
    x = alt.X(
        "start:Q",
        scale=alt.Scale(domain=[low, edge + room], nice=False),
        axis=money_axis(currency, tickCount=2 if narrow else 6, orient="top"),
    )
    bars = (
        chart(data)
        .mark_bar(aria=True, cornerRadius=2)
        .encode(
            y=y,
            x=x,
            x2="end:Q",
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=list(WATERFALL_COLOURS), range=list(WATERFALL_COLOURS.values())),
                legend=None,
            ),
            description="hint:N",
        )
    )
    links = chart(steps).mark_rule(stroke=theme.INK_FAINT, strokeWidth=1, opacity=0.7)
    joined = links.encode(x="at:Q", y=alt.Y("label:N", sort=order, bandPosition=0.5), y2=alt.Y2("next:N"))
    text = chart(data).mark_text(align="left", dx=6, fill=theme.INK, fontSize=12)
    labels = text.encode(y=y, x=alt.X("right:Q"), text="brief:N" if narrow else "shown:N")
    return layers(joined, bars, labels, height=alt.Step(25 if narrow else 27))


def channel_split(rows: Rows, parts: list[tuple[str, str]], width: int) -> alt.Chart:
    """For every channel, where a hundred of list value went, as one bar.

    Rows: channel, part, start, end (shares, 0 to 1), hint. `parts`: name and colour, in the order of the bar.
    """
    narrow = width <= theme.NARROW
    names = [name for name, _ in parts]
    legend = alt.Legend(
        title=None, orient="bottom", columns=2 if narrow else 6, columnPadding=18, rowPadding=5, symbolLimit=20
    )
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    return (
        chart(rows)
        .mark_bar(aria=True, stroke=theme.CARD, strokeWidth=1)
        .encode(
            y=alt.Y("channel:N", sort=channels, axis=names_axis(90 if narrow else 160)),
            x=alt.X("start:Q", axis=rate_axis(tickCount=4 if narrow else 10), scale=alt.Scale(nice=False)),
            x2="end:Q",
            color=alt.Color(
                "part:N", scale=alt.Scale(domain=names, range=[colour for _, colour in parts]), legend=legend
            ),
            description="hint:N",
        )
        .properties(height=alt.Step(38))
    )


def monthly(rows: Rows, currency: str, names: list[str], width: int) -> alt.LayerChart:
    """Bars of the first measure by month, the second as narrower bars in front of it.

    Rows: month (ISO day), name, amount (position), hint, is_partial.
    """
    narrow = width <= theme.NARROW
    months = list(dict.fromkeys(row["month"] for row in rows))
    every = max(1, -(-len(months) // (5 if narrow else 12)))
    ticks = months[::every]
    x = alt.X(
        "month:N",
        sort=months,
        scale=alt.Scale(paddingInner=0.22, paddingOuter=0.1),
        axis=alt.Axis(
            title=None,
            grid=False,
            values=ticks,
            labelAngle=0,
            labelExpr="timeFormat(toDate(datum.value), '%b ’%y')",
            labelOverlap="greedy",
        ),
    )
    y = alt.Y("amount:Q", axis=money_axis(currency, tickCount=5))
    scale = colours(names, (theme.REVENUE, theme.ACCENT))
    legend = alt.Legend(title=None, orient="top", symbolStrokeWidth=0)
    color = alt.Color("name:N", scale=scale, legend=legend)
    opacity = alt.Opacity("is_partial:N", scale=alt.Scale(domain=[True, False], range=[0.55, 1]), legend=None)
    bars = [
        chart([row for row in rows if row["name"] == name])
        .mark_bar(aria=True, cornerRadiusTopLeft=2, cornerRadiusTopRight=2, width={"band": band})
        .encode(x=x, y=y, color=color, opacity=opacity, description="hint:N")
        for name, band in zip(names, (1.0, 0.5), strict=False)
    ]
    return layers(*bars, height=220 if narrow else 280)
