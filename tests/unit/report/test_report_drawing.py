"""Drawings are valid, harmless, alike on every run, and legible in both colour schemes."""

from __future__ import annotations

import math
import re
from importlib import resources

import pytest

from pipelines.report import theme
from pipelines.report.blocks import Drawing
from pipelines.report.charts import money, quality, retention, segments
from pipelines.report.drawing import Builder, draw, specification
from pipelines.report.svg import clean

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'width="100" height="50">{}</svg>'
)
NAME = "<b>'it' & \"so\""


def _builders() -> dict[str, Builder]:
    """Every chart over a row or two, as a function of its width."""
    steps = [
        {"label": "List value", "start": 0.0, "end": 9.0, "kind": "total", "shown": "9", "brief": "9", "hint": NAME},
        {"label": NAME, "start": 9.0, "end": -1.0, "kind": "loss", "shown": "-10", "brief": "-10", "hint": NAME},
    ]
    bars = [{"channel": NAME, "part": "Markdown", "start": 0.0, "end": 0.4, "hint": NAME}]
    months = [{"month": "2025-01-01", "name": "Net revenue", "amount": 5.0, "hint": NAME, "is_partial": True}]
    cells = [{"cohort": "2025-01", "age": 1, "step": 8, "shown": "25", "hint": NAME}]
    rates = [{"age": 1, "rate": 0.2, "lo": 0.1, "hi": 0.3, "kind": NAME, "hint": NAME}]
    dots = [{"name": NAME, "age": "30 days", "rate": 0.2, "lo": 0.1, "hi": 0.3, "hint": NAME}]
    values = [{"cohort": NAME, "age_days": 0, "amount": 1.0, "hint": NAME}]
    tiles = [{"name": NAME, "size": 10, "step": 3, "lines": [NAME, "10"], "hint": NAME}]
    grid = [{"r": 1, "f": 5, "step": 0, "shown": "7", "hint": NAME}]
    states = [
        {
            "name": NAME,
            "customers": 5,
            "customers_shown": "5",
            "amount": -2.0,
            "amount_shown": "−2",
            "colour": theme.GAIN,
            "hint": NAME,
        }
    ]
    bands = [{"segment": NAME, "state": "active", "start": 0, "end": 30, "hint": NAME}]
    book = [{"name": NAME, "read_n": 5, "read_n_shown": "5", "hint": NAME}]
    known = [{"channel": NAME, "item": "Fees", "step": 4, "shown": "50%", "hint": NAME}]
    return {
        "waterfall": lambda width: money.waterfall(steps, "EUR", width),
        "channels": lambda width: money.channel_split(bars, [("Markdown", theme.LEAK)], width),
        "months": lambda width: money.monthly(months, "XX'X", ["Net revenue", "Contribution"], width),
        "heat": lambda width: retention.heatmap(cells, width),
        "curve": lambda width: retention.curve(rates),
        "dots": lambda width: retention.dots(dots),
        "value": lambda width: retention.value_by_age(values, "USD", width),
        "tiles": lambda width: segments.tiles(tiles, width),
        "grid": lambda width: segments.grid(grid),
        "states": lambda width: segments.two_bars(states, width, "Customers", "Money"),
        "cuts": lambda width: segments.cut_points(bands, ["active"]),
        "book": lambda width: quality.account_book(book, [("read_n", "Rows read", theme.TOTAL)], width),
        "coverage": lambda width: quality.coverage(known, width),
    }


@pytest.fixture(scope="module")
def drawings() -> dict[str, Drawing]:
    """Every chart, drawn in both widths."""
    return {name: draw(name, NAME, build) for name, build in _builders().items()}


@pytest.mark.parametrize("width", [theme.WIDE, theme.NARROW])
def test_every_chart_is_valid_by_the_schema_of_vega_lite(width: int) -> None:
    for build in _builders().values():
        specification(build(width), width, validate=True)


def test_every_chart_draws_with_hostile_names_as_text_and_tooltips(drawings: dict[str, Drawing]) -> None:
    for name, drawing in drawings.items():
        for svg in (drawing.wide, drawing.narrow or ""):
            assert "<b>" not in svg
            assert "//" not in svg
            assert "<title>&lt;b&gt;'it' &amp; \"so\"</title>" in svg
            assert 'role="img"' in svg
            assert re.search(r"NaN|undefined|Infinity", svg) is None, name


def test_colours_follow_the_scheme_of_the_reader(drawings: dict[str, Drawing]) -> None:
    """Whatever is painted takes its colour from a variable of the page, never a fixed one."""
    for name, drawing in drawings.items():
        svg = drawing.wide
        painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) - {"none", "transparent"}
        assert all(colour.startswith("var(--") for colour in painted), (name, painted)


def test_a_chart_is_as_wide_as_it_is_meant_to_be(drawings: dict[str, Drawing]) -> None:
    for name in ("waterfall", "channels", "months", "states", "book"):
        drawing = drawings[name]
        for svg, width in ((drawing.wide, theme.WIDE), (drawing.narrow or "", theme.NARROW)):
            drawn = float(re.search(r'viewBox="0 0 ([\d.]+)', svg).group(1))  # type: ignore[union-attr]
            assert abs(drawn - width) <= 12, (name, drawn, width)


def test_clean_drops_name_spaces_numbers_ids_and_keeps_labels_of_marks() -> None:
    raw = SVG.format(
        '<defs><clipPath id="clip7"><rect width="1" height="1"/></clipPath></defs>'
        '<g class="mark-group role-axis" role="graphics-symbol" aria-label="axis"><path d="M1.23456,2h0"/></g>'
        '<g clip-path="url(#clip7)"><path aria-label="A &amp; B" role="graphics-symbol" d="M0.333333,1"/></g>'
        '<g><path d="M0,0h0v0h0Z"/></g>'
    )
    svg = clean(raw, "chart", 'a "description"')
    assert "xmlns" not in svg
    assert "//" not in svg
    assert "<title>A &amp; B</title>" in svg
    assert svg.count("<title>") == 1
    assert 'id="chart-1"' in svg
    assert "url(#chart-1)" in svg
    assert "M0.33,1" in svg
    assert "M0,0h0v0h0Z" not in svg
    assert 'aria-label="a &quot;description&quot;"' in svg
    assert clean(raw, "chart", "x") == clean(raw.replace("clip7", "clip99"), "chart", "x")


@pytest.mark.parametrize(
    "inside",
    [
        '<a xlink:href="x"><path d="M1,1"/></a>',
        '<image width="1"/>',
        "<script>1</script>",
        "<foreignObject/>",
        "<style>@import 'x'</style>",
    ],
)
def test_clean_refuses_what_reaches_outside(inside: str) -> None:
    with pytest.raises(ValueError, match="must not hold"):
        clean(SVG.format(inside), "chart", "x")


def test_tiles_fill_the_map_in_proportion_without_overlap() -> None:
    sizes = [900.0, 400.0, 250.0, 120.0, 60.0, 5.0, 1.0]
    placed = segments.squarify(sizes, 640.0, 360.0)
    assert math.isclose(sum(tile.width * tile.height for tile in placed), 640 * 360)
    for size, tile in zip(sizes, placed, strict=True):
        assert math.isclose(tile.width * tile.height / (640 * 360), size / sum(sizes))
        assert tile.x + tile.width <= 640.0001
        assert tile.y + tile.height <= 360.0001
    for at, one in enumerate(placed):
        for other in placed[at + 1 :]:
            apart_x = one.x + one.width <= other.x + 1e-6 or other.x + other.width <= one.x + 1e-6
            apart_y = one.y + one.height <= other.y + 1e-6 or other.y + other.height <= one.y + 1e-6
            assert apart_x or apart_y


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _palettes() -> dict[str, dict[str, str]]:
    css = (resources.files("pipelines.report") / "templates" / "report.css").read_text(encoding="utf-8")
    light, rest = css.split("@media screen and (prefers-color-scheme: dark)", 1)
    pattern = r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})"
    base = dict(re.findall(pattern, light))
    return {"light": base, "dark": base | dict(re.findall(pattern, rest.split("* {", 1)[0]))}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_shapes_stand_out_from_what_they_lie_on(scheme: str) -> None:
    """WCAG 2 AA: 4.5 for text, 3 for shapes that carry meaning."""
    colours = _palettes()[scheme]
    texts = [(f"i{step}", f"h{step}") for step in range(theme.HEAT_STEPS)]
    texts += [(ink, ground) for ink in ("ink", "ink-2", "accent") for ground in ("card", "paper")]
    texts += [(tone, f"{tone}-soft") for tone in ("good", "watch", "bad")] + [("ink-2", "unknown-soft")]
    texts += [(tone, "card") for tone in ("good", "watch", "bad")]
    for ink, ground in texts:
        assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    shapes = ["total", "leak", "gain", "gold", "unknown", "accent", *(f"c{n}" for n in range(1, 11))]
    for shape in shapes:
        assert _contrast(colours[shape], colours["card"]) >= 3.0, shape


def test_heat_steps_cover_the_range_evenly() -> None:
    assert [theme.heat_step(value, 0.0, 9.0) for value in range(10)] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert theme.heat_step(5.0, 1.0, 1.0) == 4
    assert theme.heat_step(-5.0, 0.0, 1.0) == 0
