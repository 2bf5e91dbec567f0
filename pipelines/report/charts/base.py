"""Base: the few pieces that every chart is put together from.

Lives here: inline data, axes of money and rates, quiet labels.
Stays out: any particular chart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pipelines.report import theme
from pipelines.report.formatting import symbol

Row = Mapping[str, Any]
Rows = Sequence[Row]


def chart(rows: Rows, **size: Any) -> alt.Chart:
    """A chart over rows that stand in its specification, as one text: the library copies what it holds often."""
    values = [{**row, "ink": theme.heat_ink(row["step"])} if "step" in row else dict(row) for row in rows]
    data = alt.InlineData(values=json.dumps(values, ensure_ascii=False), format=alt.JsonDataFormat(type="json"))
    return alt.Chart(data, **size)


def heat_colour() -> alt.Color:
    """The colour of a row's `step`."""
    return alt.Color(
        "step:O", scale=alt.Scale(domain=list(range(theme.HEAT_STEPS)), range=list(theme.HEAT)), legend=None
    )


def heat_text() -> alt.Color:
    """The ink that can be read on a row's `step`."""
    return alt.Color("ink:N", scale=None)


def layers(*charts: alt.Chart, **size: Any) -> alt.LayerChart:
    """Charts on top of each other, the first at the bottom."""
    return alt.LayerChart(layer=list(charts), **size)


def money_axis(currency: str, title: str | None = None, **more: Any) -> alt.Axis:
    """An axis of amounts in thousands and millions with the currency's sign."""
    sign = symbol(currency).replace("'", "\\'")
    small, large = "format(abs(datum.value), ',.2~f')", "replace(format(abs(datum.value), '.3~s'), 'G', 'B')"
    size = f"(abs(datum.value) < 1000 ? {small} : {large})"  # the letter m would be thousandths
    return alt.Axis(title=title, labelExpr=f"(datum.value < 0 ? '\u2212' : '') + '{sign}' + {size}", **more)


def bare_axis() -> alt.Axis:
    """An axis that shows nothing: the figures stand beside the bars."""
    return alt.Axis(title=None, labels=False, grid=False)


def name_room(names: Sequence[str], most: int) -> int:
    """Pixels that the longest of `names` needs beside its bar, at most `most`."""
    return min(most, 16 + round(6.7 * max((len(name) for name in names), default=0)))


def rate_axis(title: str | None = None, **more: Any) -> alt.Axis:
    """An axis of rates from 0 to 1 as percentages."""
    return alt.Axis(title=title, format="~%", **more)


def names_axis(limit: int = 190, **more: Any) -> alt.Axis:
    """An axis of names without grid."""
    return alt.Axis(title=None, grid=False, labelLimit=limit, labelColor=theme.INK, **more)


def colours(names: Sequence[str], palette: Sequence[str] = theme.CATEGORIES) -> alt.Scale:
    """A scale that gives every name its colour, in the order given."""
    return alt.Scale(domain=list(names), range=[palette[at % len(palette)] for at in range(len(names))])
