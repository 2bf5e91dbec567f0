"""Retention charts: cohorts by age as a heat map, the pooled curve with its interval, value by age and cohort.

Lives here: charts over age. Stays out: what a mature cell is (`pipelines.marts`, `queries/`).
"""

from __future__ import annotations

import altair as alt

from pipelines.report import theme
from pipelines.report.charts.base import Rows, chart, heat_colour, heat_text, layers, money_axis, names_axis, rate_axis


def heatmap(rows: Rows, width: int) -> alt.LayerChart:
    """Cohorts down, age across; the stronger the colour the more came back.

    Rows: cohort (label), age, step (of the colour scale), shown (text in the cell), hint. Newest cohort last.
    """
    cohorts = list(dict.fromkeys(row["cohort"] for row in rows))
    ages = sorted({row["age"] for row in rows})
    x = alt.X(
        "age:O",
        sort=ages,
        axis=alt.Axis(
            title="30-day periods since the first order",
            titleAnchor="start",
            orient="top",
            grid=False,
            labelAngle=0,
            labelOverlap="greedy",
        ),
        scale=alt.Scale(padding=0.03),
    )
    y = alt.Y(
        "cohort:N",
        sort=cohorts,
        axis=alt.Axis(title=None, grid=False, labelColor=theme.INK),
        scale=alt.Scale(padding=0.04),
    )
    step = heat_colour()
    cells = chart(rows).mark_rect(aria=True, cornerRadius=2).encode(x=x, y=y, color=step, description="hint:N")
    size = 11 if len(ages) <= 26 else 10
    text = chart(rows).mark_text(fontSize=size).encode(x=x, y=y, text="shown:N", color=heat_text())
    wide = min(width - 90, max(len(ages) * 62, 320))
    return layers(cells, text, width=wide, height=alt.Step(23))


def curve(rows: Rows) -> alt.LayerChart:
    """The rate by age with its interval, one line per kind of retention.

    Rows: age, rate, lo, hi, kind, hint.
    """
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    color = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=list(theme.CATEGORIES[: len(kinds)])),
        legend=alt.Legend(title=None, orient="top", symbolType="circle", columns=2) if len(kinds) > 1 else None,
    )
    x = alt.X(
        "age:Q",
        axis=alt.Axis(
            title="30-day periods since the first order",
            grid=False,
            tickMinStep=1,
            format="d",
            tickCount=8,
        ),
        scale=alt.Scale(nice=False),
    )
    y_axis = rate_axis(tickCount=5)
    band = chart(rows).mark_area(opacity=0.18).encode(x=x, y=alt.Y("lo:Q", axis=y_axis), y2="hi:Q", color=color)
    line = chart(rows).mark_line(strokeWidth=2.2).encode(x=x, y=alt.Y("rate:Q", axis=y_axis), color=color)
    points = (
        chart(rows)
        .mark_point(aria=True, filled=True, size=34, opacity=1)
        .encode(x=x, y=alt.Y("rate:Q"), color=color, description="hint:N")
    )
    return layers(band, line, points, height=230)


def dots(rows: Rows) -> alt.LayerChart:
    """Rates with their intervals, one group per name, one dot per age.

    Rows: name, age (label), rate, lo, hi, hint.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    ages = sorted({row["age"] for row in rows}, key=lambda age: int(age.split()[0]))
    palette = theme.HEAT[3 : 3 + len(ages)] if len(ages) <= theme.HEAT_STEPS - 3 else theme.CATEGORIES
    color = alt.Color(
        "age:N",
        sort=ages,
        scale=alt.Scale(domain=ages, range=list(palette)),
        legend=alt.Legend(title=None, orient="top", symbolType="circle", columns=4),
    )
    y = alt.Y("name:N", sort=names, axis=names_axis(110), scale=alt.Scale(paddingInner=0.35))
    shift = alt.YOffset("age:N", sort=ages)
    x = alt.X("lo:Q", axis=rate_axis(tickCount=5), scale=alt.Scale(nice=True, zero=True))
    bars = chart(rows).mark_rule(strokeWidth=4, opacity=0.45).encode(y=y, yOffset=shift, x=x, x2="hi:Q", color=color)
    points = (
        chart(rows)
        .mark_point(aria=True, filled=True, size=70, opacity=1)
        .encode(y=y, yOffset=shift, x=alt.X("rate:Q"), color=color, description="hint:N")
    )
    return layers(bars, points, height=alt.Step(12, **{"for": "offset"}))


def value_by_age(rows: Rows, currency: str, width: int) -> alt.LayerChart:
    """Mean value per customer at fixed ages, one line per cohort; the newer the cohort the stronger the line.

    Rows: cohort, age_days, amount, hint; cohorts in order of time.
    """
    narrow = width <= theme.NARROW
    ages = sorted({row["age_days"] for row in rows})
    cohorts = list(dict.fromkeys(row["cohort"] for row in rows))
    color = alt.Color(
        "cohort:N",
        scale=alt.Scale(domain=cohorts, range=[theme.CATEGORIES[at % 10] for at, _ in enumerate(cohorts)]),
        legend=alt.Legend(title=None, orient="top", symbolType="circle", columns=2 if narrow else len(cohorts)),
    )
    x = alt.X(
        "age_days:Q",
        axis=alt.Axis(title="Days since the first order", grid=False, values=ages, labelOverlap="greedy"),
        scale=alt.Scale(nice=False, domain=[0, max(ages, default=1)]),
    )
    y = alt.Y("amount:Q", axis=money_axis(currency, tickCount=5), scale=alt.Scale(zero=True))
    line = chart(rows).mark_line(strokeWidth=2, opacity=0.85).encode(x=x, y=y, color=color)
    points = (
        chart(rows)
        .mark_point(aria=True, filled=True, size=42, opacity=1)
        .encode(x=x, y=y, color=color, description="hint:N")
    )
    return layers(line, points, height=250 if narrow else 320)


def projection(rows: Rows, currency: str, width: int) -> alt.LayerChart:
    """Mean value per customer by age, one line per cohort: solid where observed, dashed with a band where projected.

    Rows: cohort, age_days, part (observed or projected), amount, lo, hi, hint; cohorts in order of time.
    """
    narrow = width <= theme.NARROW
    cohorts = list(dict.fromkeys(row["cohort"] for row in rows))
    color = alt.Color(
        "cohort:N",
        scale=alt.Scale(domain=cohorts, range=[theme.CATEGORIES[at % 10] for at, _ in enumerate(cohorts)]),
        legend=alt.Legend(title=None, orient="top", symbolType="circle", columns=3 if narrow else len(cohorts)),
    )
    top = max((row["age_days"] for row in rows), default=1)
    x = alt.X(
        "age_days:Q",
        axis=alt.Axis(title="Days since the first order", grid=False, tickCount=6),
        scale=alt.Scale(nice=False, domain=[0, top]),
    )
    y_axis, zero = money_axis(currency, tickCount=5), alt.Scale(zero=True)
    dash = alt.StrokeDash(
        "part:N", scale=alt.Scale(domain=["observed", "projected"], range=[[1, 0], [5, 4]]), legend=None
    )
    coming = [row for row in rows if row["part"] == "projected"]
    band = (
        chart(coming)
        .mark_area(opacity=0.12)
        .encode(x=x, y=alt.Y("lo:Q", axis=y_axis, scale=zero), y2="hi:Q", color=color)
    )
    line = (
        chart(rows)
        .mark_line(strokeWidth=2)
        .encode(x=x, y=alt.Y("amount:Q", axis=y_axis, scale=zero), color=color, strokeDash=dash)
    )
    points = (
        chart([row for row in rows if not row.get("is_joint")])
        .mark_point(aria=True, filled=True, size=26, opacity=1)
        .encode(x=x, y=alt.Y("amount:Q"), color=color, description="hint:N")
    )
    return layers(band, line, points, height=250 if narrow else 320)
