"""What customers will be worth, and whether such forecasts can be trusted.

Lives here: the blocks of the two sections on forecasts. Stays out: the forecasts and their tests (the marts).
"""

from __future__ import annotations

from typing import Any

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, headings
from pipelines.report.charts import calibration as charts
from pipelines.report.charts.retention import projection
from pipelines.report.drawing import draw
from pipelines.report.published import Published
from pipelines.report.queries import forecast
from pipelines.report.queries.run import run_facts

MOST_COHORTS = 7
FORECASTERS = {
    "champion": "champion (published)", "calibrated": "calibrated (published)", "model": "count models alone",
    "recency_only": "recency only", "base_rate": "base rate",
}  # fmt: skip


def cohort_figure(published: Published) -> list[Block]:
    """Money per customer by age and cohort, observed and projected."""
    facts = run_facts(published)
    frame = forecast.cohort_curves(published, facts.basis, MOST_COHORTS)
    labels = {row: f"{fmt.month(row)}" for row in frame["cohort_on"].unique(maintain_order=True).to_list()}
    rows: list[dict[str, Any]] = []
    for row in frame.iter_rows(named=True):
        part = "observed" if row["is_observed"] else "projected"
        hint = (
            f"First order in {labels[row['cohort_on']]}, day {row['age_days']}, {part}: "
            f"{fmt.money(row['est'], facts.currency, 2)} per customer"
        )
        found = {"cohort": labels[row["cohort_on"]], "age_days": row["age_days"], "amount": row["est"], "hint": hint}
        rows.append(found | {"part": part, "lo": row["lo"], "hi": row["hi"]})
        if row["is_observed"]:
            rows.append(found | {"part": "projected", "lo": row["est"], "hi": row["est"], "is_joint": True})
    rows = _joined(rows)
    drawing = draw(
        "projection",
        f"Cumulative {fmt.words(facts.basis)} per customer by age and cohort, observed and projected.",
        lambda width: projection(rows, facts.currency, width),
    )
    table = DataTable(
        "Money per customer by cohort and age",
        headings("Cohort", "Seen", right=("Customers", "Day", "Per customer", "From", "To")),
        tuple(
            (
                labels[row["cohort_on"]],
                "observed" if row["is_observed"] else "projected",
                fmt.count(row["customer_n"]),
                fmt.count(row["age_days"]),
                *(fmt.money(row[name], facts.currency, 2) for name in ("est", "lo", "hi")),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    caption = (
        f"Cumulative {fmt.words(facts.basis)} per acquired customer, gone or not, from the first order on. Lines are "
        "solid as far as every customer of the cohort has lived, dashed where older cohorts show the way, with 95% "
        "intervals."
    )
    return [Figure("value-projection", "What a cohort will have brought in", caption, drawing, table)]


def _joined(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the points that join the projected line to the observed one, only the last of each cohort."""
    last = {row["cohort"]: row["age_days"] for row in rows if row.get("is_joint")}
    return [row for row in rows if not row.get("is_joint") or row["age_days"] == last[row["cohort"]]]


def segment_table(published: Published) -> list[Block]:
    """Expected money of each segment, and what was said a horizon ago."""
    facts = run_facts(published)
    frame = forecast.segments(published, facts.basis)

    def amount(value: object) -> str:
        return "" if value is None else fmt.compact_money(value, facts.currency)  # type: ignore[arg-type]

    rows = tuple(
        (
            "All customers" if row["segment"] == "(all)" else fmt.words(row["segment"]),
            row["value_source"],
            fmt.count(row["customer_n"]),
            amount(row["predictive"]),
            f"{amount(row['predictive_lo'])} to {amount(row['predictive_hi'])}",
            amount(row["cohort"]),
            fmt.change(row["past_predictive"], row["past_realised"]) or "",
        )
        for row in frame.iter_rows(named=True)
    )
    names = headings(
        "Acquired by", "Published",
        right=("Customers", "Expected, model", "95% interval", "Expected, cohorts", "Model off when last tested"),
    )  # fmt: skip
    horizon = fmt.days(frame["horizon_days"][0])
    note = (
        "Where model and cohorts disagree beyond their joint interval, the cohorts' figure is published. The last "
        "column compares what the model would have said at the last tested day with what came."
    )
    return [DataTable(f"Expected {fmt.words(facts.basis)} of the next {horizon}, discounted", names, rows, note=note)]


def value_calibration_figure(published: Published) -> list[Block]:
    """Tenths of customers by forecast money, and what they brought."""
    facts = run_facts(published)
    frame = forecast.value_deciles(published, facts.basis)
    rows = [
        {
            "name": "champion",
            "predicted": row["forecast"],
            "actual": row["actual"],
            "hint": f"Tenth {row['decile']}: forecast {fmt.money(row['forecast'], facts.currency, 2)}, came "
            f"{fmt.money(row['actual'], facts.currency, 2)} per customer",
        }
        for row in frame.iter_rows(named=True)
    ]
    drawing = draw(
        "value-cal", "Forecast and actual money per customer by tenth of the forecast.",
        lambda _: charts.calibration(rows, "money", facts.currency), width=theme.HALF,
    )  # fmt: skip
    table = DataTable(
        "Forecast and actual by tenth",
        headings("Tenth", right=("Customers", "Forecast", "Came")),
        tuple(
            (
                str(row["decile"]),
                fmt.count(row["customer_n"]),
                fmt.money(row["forecast"], facts.currency, 2),
                fmt.money(row["actual"], facts.currency, 2),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    caption = (
        f"Customers in tenths by what was forecast on {fmt.day(frame['origin_on'][0])} for the "
        f"{fmt.days(frame['horizon_days'][0])} after, with nothing known of them; on the dashed line forecasts hold."
    )
    return [Figure("value-calibration", "Value: forecast and truth", caption, drawing, table, is_half=True)]


def silence_calibration_figure(published: Published) -> list[Block]:
    """Tenths of customers by risk, and how many stayed silent."""
    frame = forecast.silence_deciles(published)
    rows = [
        {
            "name": FORECASTERS[row["model"]],
            "predicted": row["forecast"],
            "actual": row["actual"],
            "hint": f"{FORECASTERS[row['model']]}, tenth {row['place']}: risk {fmt.percent(row['forecast'])}, silent "
            f"{fmt.percent(row['actual'])}",
        }
        for row in frame.iter_rows(named=True)
    ]
    drawing = draw(
        "silence-cal", "Risk and share silent by tenth of the risk.",
        lambda _: charts.calibration(rows, "rate"), width=theme.HALF,
    )  # fmt: skip
    table = DataTable(
        "Risk and share silent by tenth",
        headings("Forecast by", right=("Tenth", "Customers", "Risk", "Silent")),
        tuple(
            (
                FORECASTERS[row["model"]],
                str(row["place"]),
                fmt.count(row["customer_n"]),
                fmt.percent(row["forecast"]),
                fmt.percent(row["actual"]),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    caption = (
        "The chance of no order in 90 days as it would have been told on past days, and how many had none; customers "
        "in tenths by the risk."
    )
    return [Figure("silence-calibration", "Churn: risk and truth", caption, drawing, table, is_half=True)]


def forecaster_tables(published: Published) -> list[Block]:
    """Measures of every forecaster of money, and of silence."""
    facts = run_facts(published)
    value, silence = forecast.forecasters(published, facts.basis), forecast.silence_measures(published)
    money_rows = tuple(
        (
            FORECASTERS["champion"] if row["kind"] == "champion" else fmt.words(row["model"]),
            row["kind"] if row["kind"] != "baseline" else "no model",
            _signed(row["bias"]),
            fmt.money(row["mae"], facts.currency, 2),
            fmt.money(row["rmse"], facts.currency, 2),
            fmt.decimal(row["ngini"], 3),
            "" if row["coverage_95"] is None else fmt.percent(row["coverage_95"]),
        )
        for row in value.iter_rows(named=True)
    )
    silence_rows = tuple(
        (FORECASTERS[row["model"]], *(fmt.decimal(row[name], 3) for name in ("auc", "pr_auc", "brier", "ece")),
         *(fmt.decimal(row[name], 2) for name in ("lift_10", "lift_20")))
        for row in silence.iter_rows(named=True)
    )  # fmt: skip
    tone = ("good", *[""] * 20)
    return [
        DataTable(
            f"Forecasts of money made on {fmt.day(value['origin_on'][0])}, measured",
            headings(
                "Forecast by", "Kind",
                right=("Total off by", "Mean error", "RMSE", "Normalised Gini", "Inside 95% interval"),
            ),
            money_rows, tones=tone[: len(money_rows)],
        ),
        DataTable(
            "Forecasts of 90 days without an order, all tested days together",
            headings("Forecast by", right=("AUC", "PR-AUC", "Brier", "ECE", "Lift at 10%", "Lift at 20%")),
            silence_rows, tones=tone[: len(silence_rows)],
        ),
    ]  # fmt: skip


def _signed(value: float | None) -> str:
    if value is None:
        return ""
    text = fmt.percent(value)
    return f"+{text}" if value > 0 else text
