"""Calibration charts: what was forecast beside what happened.

Lives here: groups of customers ranked by the forecast, and cumulative orders over time.
Stays out: the forecasts (`pipelines.science`, `pipelines.marts`) and the words (`sections/`).
"""

from __future__ import annotations

import altair as alt

from pipelines.report import theme
from pipelines.report.charts.base import Rows, chart, colours, layers, money_axis, rate_axis


def calibration(rows: Rows, kind: str, currency: str = "") -> alt.LayerChart:
    """Mean forecast across, mean outcome up, one dot per group of customers; a good forecast lies on the diagonal.

    Rows: name (of the forecast), predicted, actual, hint. `kind` of the axes: `rate`, `money` (with a currency) or
    `number`.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    top = max((max(row["predicted"], row["actual"]) for row in rows), default=1.0) or 1.0
    low = min((min(row["predicted"], row["actual"]) for row in rows), default=0.0)
    scale = alt.Scale(domain=[min(low, 0.0), top * 1.03], nice=False)
    x = alt.X("predicted:Q", axis=_axis(kind, currency, "Forecast"), scale=scale)
    y = alt.Y("actual:Q", axis=_axis(kind, currency, "Happened"), scale=scale)
    color = alt.Color(
        "name:N",
        scale=colours(names),
        legend=alt.Legend(title=None, orient="top", symbolType="circle", columns=2) if len(names) > 1 else None,
    )
    ends = [{"predicted": end, "actual": end} for end in (min(low, 0.0), top * 1.03)]
    ideal = chart(ends).mark_line(strokeDash=[4, 4], color=theme.INK_FAINT, strokeWidth=1.2).encode(x=x, y=y)
    line = chart(rows).mark_line(strokeWidth=1.4, opacity=0.55).encode(x=x, y=y, color=color)
    points = (
        chart(rows)
        .mark_point(aria=True, filled=True, size=46, opacity=1)
        .encode(x=x, y=y, color=color, description="hint:N")
    )
    return layers(ideal, line, points, height=260)


def tracking(rows: Rows, split: str) -> alt.LayerChart:
    """Cumulative orders by week, happened and expected; a rule stands at the day the forecast was made.

    Rows: on (ISO date), kind, orders, hint. `split`: ISO date.
    """
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    color = alt.Color(
        "kind:N",
        scale=colours(kinds, (theme.INK_SOFT, theme.ACCENT)),
        legend=alt.Legend(title=None, orient="top", symbolType="circle", columns=2),
    )
    x = alt.X("on:T", axis=alt.Axis(title=None, grid=False, format="%b %Y", tickCount=6, labelOverlap="greedy"))
    y = alt.Y("orders:Q", axis=alt.Axis(title=None, format=",~d", tickCount=5))
    rule = chart([{"on": split}]).mark_rule(color=theme.INK_FAINT, strokeDash=[4, 4]).encode(x=x)
    line = chart(rows).mark_line(strokeWidth=2).encode(x=x, y=y, color=color)
    return layers(rule, line, height=260)


def _axis(kind: str, currency: str, title: str) -> alt.Axis:
    if kind == "rate":
        return rate_axis(title, tickCount=5)
    if kind == "money":
        return money_axis(currency, title, tickCount=5)
    return alt.Axis(title=title, format=",.3~f", tickCount=5)
