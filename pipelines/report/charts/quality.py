"""Quality charts: the account book and how much of the money is covered.

Lives here: charts of rows read and of coverage. Stays out: the figures and what follows from them.
"""

from __future__ import annotations

import altair as alt

from pipelines.report import theme
from pipelines.report.charts.base import Rows, bare_axis, chart, heat_colour, heat_text, layers, name_room, names_axis


def account_book(rows: Rows, panels: list[tuple[str, str, str]], width: int) -> alt.HConcatChart | alt.VConcatChart:
    """One panel per outcome, each on its own scale, one bar per raw table: small refusals must stay visible.

    Rows: name, and for every panel its field (count) and `<field>_shown`, hint. Panels: field, heading, colour.
    """
    narrow = width <= theme.NARROW
    order = [row["name"] for row in rows]
    room = name_room(order, 150 if narrow else 250)
    rooms = 1 if narrow else len(panels)
    each = (width - room - 8 - 24 * (rooms - 1)) / rooms

    def panel(at: int, field: str, heading: str, colour: str) -> alt.LayerChart:
        most = max((row[field] for row in rows), default=0) or 1
        named = narrow or at == 0
        y = alt.Y(
            "name:N",
            sort=order,
            axis=names_axis(room - 12, minExtent=room) if named else None,
            scale=alt.Scale(paddingInner=0.32),
        )
        x = alt.X(
            f"{field}:Q",
            axis=bare_axis(),
            scale=alt.Scale(domain=[0, most * 1.42], nice=False),
        )
        bars = chart(rows).mark_bar(aria=True, cornerRadius=2, fill=colour).encode(y=y, x=x, description="hint:N")
        labels = chart(rows).mark_text(align="left", dx=6).encode(y=y, x=x, text=f"{field}_shown:N")
        title = alt.TitleParams(heading, fontSize=12, color=theme.INK_SOFT, fontWeight="normal", offset=6)
        return layers(bars, labels, width=each, height=alt.Step(24), title=title)

    drawn = [panel(at, *parts) for at, parts in enumerate(panels)]
    return alt.vconcat(*drawn, spacing=20) if narrow else alt.hconcat(*drawn, spacing=24)


def coverage(rows: Rows, width: int) -> alt.LayerChart:
    """A matrix of channel by item: the share of net revenue whose item is known.

    Rows: channel, item, step, shown, hint.
    """
    narrow = width <= theme.NARROW
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    items = list(dict.fromkeys(row["item"] for row in rows))
    x = alt.X(
        "item:N",
        sort=items,
        axis=alt.Axis(
            title=None, orient="top", grid=False, labelAngle=-40 if narrow else 0, labelLimit=150, labelColor=theme.INK
        ),
        scale=alt.Scale(padding=0.03),
    )
    y = alt.Y("channel:N", sort=channels, axis=names_axis(90 if narrow else 160), scale=alt.Scale(padding=0.06))
    color = heat_colour()
    cells = chart(rows).mark_rect(aria=True, cornerRadius=3).encode(x=x, y=y, color=color, description="hint:N")
    text = chart(rows).mark_text(fontSize=11 if narrow else 12).encode(x=x, y=y, text="shown:N", color=heat_text())
    return layers(cells, text, height=alt.Step(32))
