"""The plain model world: parameters recovered, and the orders of the next year met by the valuation.

    python tests/benchmarks/science_bgnbd_world.py [customers] [seeds]

Bars, for every one of 5 seeds of 100,000 customers: each parameter within 3 standard errors of the truth, and the
orders of the customers known at the end of month 24, over the following 365 days, within 5 %.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.contracts.marts import MartParams
from pipelines.science.bgnbd import BGNBD
from pipelines.science.histories import order_days, summarise_days
from pipelines.science.valuation import value_customers
from pipelines.science.valuation_model import Choice
from pipelines.simulate import simulate

START, END = date(2023, 1, 1), date(2024, 12, 31)


def one(size: int, seed: int) -> bool:
    """One world; prints a line and says whether it holds the bars."""
    with tempfile.TemporaryDirectory() as folder:
        world = simulate(Path(folder), customers=size, months=36, seed=seed, start=START, world="bgnbd")
        truth = pl.read_parquet(world.truth / "parameters.parquet").row(0, named=True)
        orders = pl.read_parquet(world.truth / "orders.parquet")
    orders = orders.select(
        pl.col("person_id").cast(pl.String).alias("customer_id"), "ordered_on", is_kept=True, amount=pl.lit(1_000_000)
    )
    began = time.process_time()
    days = order_days(orders)
    rows = summarise_days(days, END)
    model = BGNBD().fit(rows["x"].to_numpy(), rows["t_x"].to_numpy() / 7.0, rows["age"].to_numpy() / 7.0)
    scores = value_customers(orders, END, MartParams(END), choices={None: Choice("bgnbd")}, with_interval=False)
    spent = time.process_time() - began
    after = days.filter(pl.col("ordered_on").is_between(END + timedelta(days=1), END + timedelta(days=365)))
    came = after.join(rows, on="customer_id", how="semi").height
    off = {
        name: (model.parameters_[name] - truth[name]) / model.standard_errors_[name]
        for name in ("r", "alpha", "a", "b")
    }
    error = float(scores["expected_orders"].sum()) / came - 1
    holds = all(abs(value) <= 3 for value in off.values()) and abs(error) <= 0.05
    apart = "  ".join(f"{name} {value:+.2f} se" for name, value in off.items())
    print(
        f"seed {seed}: {rows.height:,} customers  {apart}  orders {error:+.2%}  {spent:.1f} CPU-s  {holds}", flush=True
    )
    return holds


if __name__ == "__main__":
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    held = [one(customers, seed) for seed in range(1, seeds + 1)]
    print(f"{sum(held)} of {len(held)} worlds hold the bars")
    sys.exit(0 if all(held) else 1)
