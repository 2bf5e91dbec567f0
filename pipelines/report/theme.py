"""Theme: the colours and settings that every chart shares.

Lives here: names of the page's colour variables (defined in `templates/report.css`, once for light and once for
dark), the chart configuration, and the two widths in which a chart is drawn.
Stays out: the charts themselves.
"""

from __future__ import annotations

from typing import Any

WIDE, HALF, NARROW = 920, 400, 350
"""Widths in pixels of a drawing across the page, of one in half of it (which fits a telephone too), and of a drawing
across the page made for a telephone."""

INK, INK_SOFT, INK_FAINT, GRID, CARD = "var(--ink)", "var(--ink-2)", "var(--ink-3)", "var(--grid)", "var(--card)"
TOTAL, LEAK, GAIN, UNKNOWN = "var(--total)", "var(--leak)", "var(--gain)", "var(--unknown)"
ACCENT, REVENUE, GOLD = "var(--accent)", "var(--rev)", "var(--gold)"

CATEGORIES = tuple(f"var(--c{n})" for n in range(1, 11))
"""Ten colours told apart by hue and lightness, for channels and segments."""

HEAT_STEPS = 9
HEAT = tuple(f"var(--h{n})" for n in range(HEAT_STEPS))
"""Nine steps from almost the page's colour to the strongest accent."""


def heat_step(value: float, low: float, high: float) -> int:
    """Which of the steps `value` falls in between `low` and `high`; the edges belong to the outer steps."""
    if high <= low:
        return HEAT_STEPS // 2
    return min(HEAT_STEPS - 1, max(0, int((value - low) / (high - low) * HEAT_STEPS)))


def heat_ink(step: int) -> str:
    """The ink that can be read on step `step`, in both colour schemes."""
    return f"var(--i{step})"


def config() -> dict[str, Any]:
    """The chart configuration: no frame, quiet axes, twelve-pixel type, no labels for machines by default."""
    text = {"labelColor": INK_SOFT, "titleColor": INK_SOFT, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "background": "transparent",
        "font": "Arial, Liberation Sans, sans-serif",
        "padding": {"left": 2, "right": 2, "top": 4, "bottom": 2},
        "view": {"stroke": None},
        "mark": {"aria": False},
        "axis": {
            **text,
            "titleFontWeight": "normal",
            "gridColor": GRID,
            "domain": False,
            "ticks": False,
            "labelPadding": 8,
            "titlePadding": 12,
        },
        "legend": {
            **text,
            "titleFontWeight": "bold",
            "symbolType": "square",
            "symbolSize": 110,
            "symbolOpacity": 1,
            "labelLimit": 220,
        },
        "header": {**text, "titleFontWeight": "bold"},
        "title": {"color": INK, "subtitleColor": INK_SOFT, "fontSize": 13, "anchor": "start"},
        "text": {"color": INK, "fontSize": 12},
    }
