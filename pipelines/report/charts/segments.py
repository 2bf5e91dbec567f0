"""Segment charts: tiles by size, the grid of recency and frequency, states with their money, cut points.

Lives here: the layout of tiles and the charts of groups of customers.
Stays out: how customers come into a group (`pipelines.marts`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from pipelines.report import theme
from pipelines.report.charts.base import Rows, bare_axis, chart, heat_colour, heat_text, layers, names_axis


@dataclass(frozen=True)
class Tile:
    """A rectangle of the tile map, in pixels."""

    x: float
    y: float
    width: float
    height: float


def squarify(sizes: Sequence[float], width: float, height: float) -> list[Tile]:
    """Tiles with areas proportional to `sizes` (positive, largest first), as near to squares as rows allow.

    The method of Bruls, Huizing and van Wijk: fill the shorter side row by row while the worst ratio improves.
    """
    total = math.fsum(sizes)
    areas = [size * width * height / total for size in sizes]
    tiles: list[Tile] = []
    x, y, at = 0.0, 0.0, 0
    while at < len(areas):
        side = min(width, height)
        end = at + 1
        while end < len(areas) and _worst(areas[at : end + 1], side) <= _worst(areas[at:end], side):
            end += 1
        row = areas[at:end]
        thick = math.fsum(row) / side
        along = 0.0
        for area in row:
            length = area / thick
            tiles.append(Tile(x, y + along, thick, length) if width >= height else Tile(x + along, y, length, thick))
            along += length
        if width >= height:
            x, width = x + thick, width - thick
        else:
            y, height = y + thick, height - thick
        at = end
    return tiles


def _worst(row: Sequence[float], side: float) -> float:
    total = math.fsum(row)
    return max(side * side * max(row) / total**2, total**2 / (side * side * min(row)))


def tiles(rows: Rows, width: int) -> alt.LayerChart:
    """Segments as tiles: area is customers, colour is value per customer.

    Rows, largest first: name, size, step, lines (up to three texts), hint.
    """
    narrow = width <= theme.NARROW
    height = 380 if narrow else 360
    placed = squarify([row["size"] for row in rows], width, height)
    data = [
        {**row, "x": tile.x + 1, "y": tile.y + 1, "x2": tile.x + tile.width - 1, "y2": tile.y + tile.height - 1}
        for row, tile in zip(rows, placed, strict=True)
    ]
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, height], reverse=True, nice=False), axis=None)
    color = heat_colour()
    boxes = (
        chart(data)
        .mark_rect(aria=True, cornerRadius=4)
        .encode(x=x, y=y, x2="x2:Q", y2="y2:Q", color=color, description="hint:N")
    )
    labels = [label for row in data for label in _tile_labels(row)]
    text = (
        chart(labels)
        .mark_text(align="left", baseline="top")
        .encode(
            x=x,
            y=y,
            text="text:N",
            color=alt.Color("ink:N", scale=None),
            size=alt.Size("size:Q", scale=None),
        )
    )
    return layers(boxes, text, height=height)


def _tile_labels(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of text that fit into a tile, the name first, in two lines if need be; none where none fits."""
    room_x, room_y = row["x2"] - row["x"] - 14, row["y2"] - row["y"] - 12
    ink = theme.heat_ink(row["step"])
    name, *rest = row["lines"]
    tries = [(size, lines) for size in (13, 11) for lines in ([name], name.split(" ", 1))]
    fitting = ((size, lines) for size, lines in tries if all(_fits(line, size, room_x) for line in lines))
    big, head = next(fitting, (0, []))
    labels, used = [], 0.0
    for at, line in enumerate([*head, *rest] if head else []):
        size = big if at < len(head) else min(big, 12)
        if not _fits(line, size, room_x) or used + size > room_y:
            break
        labels.append({"x": row["x"] + 8, "y": row["y"] + 8 + used, "text": line, "ink": ink, "size": size})
        used += size + (2 if at < len(head) - 1 else 5)
    return labels


def _fits(line: str, size: int, room: float) -> bool:
    return len(line) * size * 0.56 <= room


def grid(rows: Rows) -> alt.LayerChart:
    """Recency across, frequency up: customers in each cell, the stronger the more.

    Rows: r, f (scores), step, shown, hint.
    """
    scores_r = sorted({row["r"] for row in rows})
    scores_f = sorted({row["f"] for row in rows}, reverse=True)
    x = alt.X(
        "r:O",
        sort=scores_r,
        axis=alt.Axis(title="Recency score (right: bought lately)", grid=False, labelAngle=0),
        scale=alt.Scale(padding=0.03),
    )
    y = alt.Y("f:O", sort=scores_f, axis=alt.Axis(title="Frequency score", grid=False), scale=alt.Scale(padding=0.03))
    color = heat_colour()
    cells = chart(rows).mark_rect(aria=True, cornerRadius=3).encode(x=x, y=y, color=color, description="hint:N")
    text = chart(rows).mark_text(fontSize=12).encode(x=x, y=y, text="shown:N", color=heat_text())
    return layers(cells, text, height=230)


def two_bars(rows: Rows, width: int, left: str, right: str) -> alt.HConcatChart:
    """Two bars side by side for every group: how many customers, and how much money.

    Rows: name, customers, customers_shown, amount, amount_shown, colour, hint.
    """
    order = [row["name"] for row in rows]
    label_room, gap = 86, 18
    each = (width - label_room - gap - 8) / 2
    color = alt.Color("colour:N", scale=None)

    def side(field: str, shown: str, heading: str, with_names: bool) -> alt.LayerChart:
        values = [float(row[field]) for row in rows]
        room = (max([*values, 0.0]) - min([*values, 0.0]) or 1.0) * 0.4
        scale = alt.Scale(domain=[min([*values, 0.0]), max([*values, 0.0]) + room], nice=False)
        y = alt.Y(
            "name:N",
            sort=order,
            axis=names_axis(label_room - 12, minExtent=label_room) if with_names else None,
            scale=alt.Scale(paddingInner=0.34),
        )
        x = alt.X(f"{field}:Q", axis=bare_axis(), scale=scale)
        bars = chart(rows).mark_bar(aria=True, cornerRadius=2).encode(y=y, x=x, color=color, description="hint:N")
        text = chart([{**row, "edge": max(row[field], 0)} for row in rows])
        labels = text.mark_text(align="left", dx=6).encode(y=y, x="edge:Q", text=f"{shown}:N")
        title = alt.TitleParams(heading, fontSize=12, color=theme.INK_SOFT, fontWeight="normal", offset=8)
        return layers(bars, labels, width=each, height=alt.Step(34), title=title)

    return alt.hconcat(
        side("customers", "customers_shown", left, with_names=True),
        side("amount", "amount_shown", right, with_names=False),
        spacing=gap,
    )


def cut_points(rows: Rows, names: list[str]) -> alt.Chart:
    """Bands of days since the last order for every segment: where each state begins and ends.

    Rows: segment, state, start, end, hint.
    """
    segments = list(dict.fromkeys(row["segment"] for row in rows))
    palette = (theme.GAIN, theme.GOLD, theme.CATEGORIES[3], theme.UNKNOWN)
    scale = alt.Scale(domain=names, range=[palette[at % len(palette)] for at in range(len(names))])
    return (
        chart(rows)
        .mark_bar(aria=True, stroke=theme.CARD, strokeWidth=1)
        .encode(
            y=alt.Y("segment:N", sort=segments, axis=names_axis(120)),
            x=alt.X(
                "start:Q",
                axis=alt.Axis(title="Days since the last kept order", tickCount=5),
                scale=alt.Scale(nice=False),
            ),
            x2="end:Q",
            color=alt.Color("state:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
            description="hint:N",
        )
        .properties(height=alt.Step(30))
    )
