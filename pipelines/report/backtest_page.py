"""The page of a backtest: can these forecasts be trusted on one's own data, as charts and tables.

Lives here: the blocks of the page that `caw backtest --html` writes. Stays out: every figure on it
(`pipelines.science.backtest`), and pages about a warehouse (`registry`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, Card, Cards, DataTable, Figure, Note, Page, Section, headings
from pipelines.report.charts import calibration as charts
from pipelines.report.drawing import draw
from pipelines.report.render import Built, write_page

TARGETS = {"transactions": "orders", "value": "value", "churn": "silence"}
AMOUNT_COLUMNS = ("mae", "rmse", "bias_rate", "ngini", "decile_error")
CHURN_COLUMNS = ("auc", "pr_auc", "brier", "ece", "lift_10")
MEANS = {
    "mae": "Mean error", "rmse": "RMSE", "bias_rate": "Total, forecast against actual", "ngini": "Normalised Gini",
    "decile_error": "Decile error", "auc": "AUC", "pr_auc": "PR-AUC", "brier": "Brier", "ece": "ECE",
    "lift_10": "Lift at 10%",
}  # fmt: skip
ORIGIN = "Every figure was computed from the transaction log named above"


def render_backtest(
    result: dict[str, Any], calibration: pl.DataFrame, tracking: pl.DataFrame, source: str, out_path: Path
) -> Path:
    """Write the self-contained page of a backtest (`Backtest.result`, with `rows`) and return its path."""
    sections = [
        Built(Section("glance", "At a glance", "", ()), tuple(_glance(result))),
        Built(
            Section("calibration", "Forecast and truth", "Did groups of customers do what was forecast of them?", ()),
            tuple(_figures(result, calibration, tracking)),
        ),
        Built(
            Section("models", "Every model, measured", "How good was each, next to what anyone would guess?", ()),
            tuple(_table(result, target) for target in TARGETS),
        ),
        Built(Section("rows", "What was read", "", ()), tuple(_rows(result))),
    ]
    page = Page("backtest", "Backtest of customer forecasts", _lede(result), (), ORIGIN)
    stamps = [
        ("Log", source),
        ("Calibrated to", fmt.day(date.fromisoformat(result["calibration_end"]))),
        ("Horizon", fmt.days(result["horizon_days"])),
    ]
    return write_page(page, sections, stamps, out_path)


def _lede(result: dict[str, Any]) -> str:
    return (
        f"Forecasts made for {fmt.count(result['customers'])} customers at the end of calibration, with nothing known "
        f"of what came later, beside what they did in the {fmt.days(result['horizon_days'])} after. The champion was "
        "chosen on earlier days only."
    )


def _glance(result: dict[str, Any]) -> list[Block]:
    interval, measured, champion = result["interval"], result["champion_metrics"], result["champion"]
    inside = interval["lo"] <= interval["actual"] <= interval["hi"]
    cards = (
        Card(
            "Orders forecast",
            fmt.decimal(interval["forecast"]),
            f"{fmt.percent(interval['level'], 0)} interval {fmt.decimal(interval['lo'])} to "
            f"{fmt.decimal(interval['hi'])}, by {fmt.words(champion['transactions'])}",
        ),
        Card(
            "Orders that came",
            fmt.decimal(interval["actual"]),
            f"{'inside' if inside else 'outside'} the interval",
            tone="good" if inside else "watch",
        ),
        Card(
            "Value, forecast against actual",
            fmt.percent(measured["value"]["bias_rate"]),
            f"by {fmt.words(champion['value'])}; 0% is exact",
        ),
        Card(
            "Who stays silent",
            fmt.decimal(measured["churn"]["auc"], 3),
            f"AUC, by {fmt.words(champion['churn'])}; calibration error {fmt.decimal(measured['churn']['ece'], 3)}",
        ),
    )
    blocks: list[Block] = [Cards(cards)]
    if not result["holdout_complete"]:
        blocks.append(Note("The log ends before the horizon does, so every forecast looks too high here.", "watch"))
    return blocks


def _figures(result: dict[str, Any], calibration: pl.DataFrame, tracking: pl.DataFrame) -> list[Block]:
    blocks: list[Block] = []
    titles = {
        "transactions": ("Orders", "number", "orders per customer"),
        "value": ("Value", "number", "net value per customer"),
        "churn": ("Silence", "rate", "share without any order"),
    }
    for target, (title, kind, unit) in titles.items():
        frame = calibration.filter((pl.col("target") == target) & pl.col("model").is_in(["champion", "bgnbd"]))
        blocks.append(_calibration_figure(target, title, kind, unit, frame, result["champion"][target]))
    blocks.append(_tracking_figure(result, tracking))
    return blocks


def _calibration_figure(target: str, title: str, kind: str, unit: str, frame: pl.DataFrame, champion: str) -> Figure:
    names = {"champion": f"champion ({fmt.words(champion)})", "bgnbd": "bgnbd"}

    def shown(value: float) -> str:
        return fmt.percent(value) if kind == "rate" else fmt.decimal(value, 3)

    rows = [
        {
            "name": names[row["model"]],
            "predicted": row["predicted"],
            "actual": row["actual"],
            "hint": f"{names[row['model']]}, group {row['bin']} of {fmt.count(row['n'])} customers: forecast "
            f"{shown(row['predicted'])}, happened {shown(row['actual'])}",
        }
        for row in frame.iter_rows(named=True)
    ]
    drawing = draw(
        f"cal-{target}", f"{title}: forecast beside outcome by decile.", lambda _: charts.calibration(rows, kind),
        width=theme.HALF,
    )  # fmt: skip
    table = DataTable(
        f"{title} by decile of the forecast",
        headings("Forecast by", right=("Group", "Customers", "Forecast", "Happened")),
        tuple(
            (names[row["model"]], str(row["bin"]), fmt.count(row["n"]), shown(row["predicted"]), shown(row["actual"]))
            for row in frame.iter_rows(named=True)
        ),
    )
    caption = f"Ten groups of equal size, ranked by the forecast: mean {unit}. On the dashed line forecasts hold."
    return Figure(f"calibration-{target}", title, caption, drawing, table, is_half=True)


def _tracking_figure(result: dict[str, Any], tracking: pl.DataFrame) -> Figure:
    rows = [
        {"on": row["on"].isoformat(), "kind": name, "orders": row[column]}
        for row in tracking.iter_rows(named=True)
        for name, column in (("happened", "actual"), ("expected", "expected"))
    ]
    drawing = draw(
        "tracking", "Cumulative repeat orders, happened and expected.",
        lambda _: charts.tracking(rows, result["calibration_end"]), width=theme.HALF,
    )  # fmt: skip
    table = DataTable(
        "Cumulative repeat orders",
        headings("Week to", right=("Happened", "Expected")),
        tuple(
            (row["on"].isoformat(), fmt.count(row["actual"]), fmt.decimal(row["expected"]))
            for row in tracking.iter_rows(named=True)
        ),
    )
    caption = (
        "Repeat orders of the customers of the calibration, added up; the rule is the day of the forecast. The "
        "expectation is that of the single model that counted most, from first orders alone."
    )
    return Figure("tracking", "Orders over time", caption, drawing, table, is_half=True)


def _table(result: dict[str, Any], target: str) -> DataTable:
    columns = CHURN_COLUMNS if target == "churn" else AMOUNT_COLUMNS
    rows, tones = [], []
    named = [(name, model, "model") for name, model in result["models"].items()]
    named += [(name, found, "baseline") for name, found in result["baselines"].items() if target in found]
    for name, found, kind in named:
        is_champion = result["champion"][target] == name
        cells = tuple(_metric(column, found[target][column]) for column in columns)
        rows.append((f"{fmt.words(name)}{' (champion)' if is_champion else ''}", kind, *cells))
        tones.append("good" if is_champion else "")
    caption = f"{TARGETS[target].capitalize()} in the {fmt.days(result['horizon_days'])} after calibration"
    names = headings("Forecast by", "Kind", right=tuple(MEANS[column] for column in columns))
    return DataTable(caption, names, tuple(rows), tones=tuple(tones))


def _metric(name: str, value: float | None) -> str:
    return fmt.percent(value) if name == "bias_rate" else fmt.decimal(value, 3)


def _rows(result: dict[str, Any]) -> list[Block]:
    counts = result.get("rows", {})
    table = DataTable(
        "Rows of the file",
        headings("Rows", right=("Number",)),
        tuple((fmt.words(name).capitalize(), fmt.count(value)) for name, value in counts.items()),
        is_half=True,
        note="Read = used + without customer + without date + without amount. Returns are among those used.",
    )
    return [table]
