"""What a person sees after a backtest: the models beside each other, the champion, the interval.

Lives here: tables and sentences on the console. Stays out: the figures (`pipelines.science.backtest`) and the HTML page
(`pipelines.report.backtest_page`).
"""

from __future__ import annotations

from typing import Any

from rich.table import Table

from orchestration.console import stdout
from pipelines.science.backtest_input import RowCount

AMOUNTS = {"mae": "MAE", "rmse": "RMSE", "bias_rate": "total", "ngini": "norm. Gini", "decile_error": "decile error"}
CHURN = {"auc": "AUC", "pr_auc": "PR-AUC", "brier": "Brier", "ece": "ECE", "lift_10": "lift 10 %"}
TITLES = {
    "transactions": "Orders",
    "value": "Value, net of returns",
    "churn": "Silence: no order in the horizon",
}
FEW = 100
"""Below so many orders the limits are shown with a decimal: rounded, they would seem to hold what they do not."""


def print_backtest(result: dict[str, Any], count: RowCount) -> None:
    """Rows read, a table per target (champion marked), and the total with its interval."""
    left_out = count.read - count.used
    stdout.print()
    stdout.print(
        f"{count.read:,} rows read = {count.used:,} used ({count.returns:,} of them returns) + {left_out:,} left out",
        soft_wrap=True,
    )
    for example in count.examples:
        stdout.print(f"  ! {example}", soft_wrap=True, markup=False)
    stdout.print(
        f"{result['customers']:,} customers calibrated up to {result['calibration_end']}, "
        f"{result['horizon_days']} days ahead"
    )
    for target, title in TITLES.items():
        stdout.print()
        stdout.print(_table(result, target, title))
    interval = result["interval"]
    inside = interval["lo"] <= interval["actual"] <= interval["hi"]
    digits = 0 if interval["hi"] >= FEW else 1
    stdout.print()
    stdout.print(
        f"orders in all: {interval['forecast']:,.{digits}f} forecast, {interval['level']:.0%} interval "
        f"{interval['lo']:,.{digits}f} to {interval['hi']:,.{digits}f}; {interval['actual']:,.0f} came "
        f"({'inside' if inside else 'outside'})"
    )
    origins = ", ".join(result["origins"]) or "none: the history is too short, so the combination stands"
    stdout.print(f"champion chosen on forecasts from {origins}; the holdout took no part", soft_wrap=True)


def _table(result: dict[str, Any], target: str, title: str) -> Table:
    columns = CHURN if target == "churn" else AMOUNTS
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2), pad_edge=False)
    table.add_column("forecast by")
    for heading in columns.values():
        table.add_column(heading, justify="right")
    rows = [(name, found[target], "") for name, found in result["models"].items()]
    rows += [(name, found[target], " (baseline)") for name, found in result["baselines"].items() if target in found]
    for name, measured, kind in rows:
        is_champion = result["champion"][target] == name
        label = f"{name}{kind}{' *champion' if is_champion else ''}"
        cells = [_cell(column, measured[column]) for column in columns]
        table.add_row(label, *cells, style="green" if is_champion else None)
    return table


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:+.1%}" if name == "bias_rate" else f"{value:,.3f}"
