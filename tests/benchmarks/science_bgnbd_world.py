"""The plain model world: parameters recovered, and the orders of the next year met by the valuation.

    python tests/benchmarks/science_bgnbd_world.py [customers] [seeds]

Bars, for every one of 5 seeds of 100,000 customers: each parameter within 3 standard errors of the truth, fitted to the
days of orders as the warehouse counts them and to their moments as the model does; and the orders of the customers
known at the end of month 24, over the following 365 days, within 5 %.
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
    moments = orders.select(pl.col("person_id").alias("customer_id"), "day")
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
    apart = {"days": _apart(model, truth), "moments": _apart(_fitted_to_moments(moments), truth)}
    error = float(scores["expected_orders"].sum()) / came - 1
    holds = all(abs(value) <= 3 for off in apart.values() for value in off.values()) and abs(error) <= 0.05
    told = "  ".join(
        f"{unit}: " + " ".join(f"{name} {value:+.2f}" for name, value in off.items()) for unit, off in apart.items()
    )
    print(f"seed {seed}: se from truth, by {told}  orders {error:+.2%}  {spent:.1f} CPU-s  {holds}", flush=True)
    return holds


def _apart(model: BGNBD, truth: dict[str, float]) -> dict[str, float]:
    """Standard errors between the fit and the truth."""
    return {
        name: (model.parameters_[name] - truth[name]) / model.standard_errors_[name] for name in BGNBD.parameter_names
    }


def _fitted_to_moments(orders: pl.DataFrame) -> BGNBD:
    """The fit to the moments of orders, of which two on one day are two: what the standard errors are of."""
    end = float((END - START).days + 1)
    rows = (
        orders.filter(pl.col("day") < end)
        .group_by("customer_id")
        .agg(x=pl.len() - 1, t_x=(pl.col("day").max() - pl.col("day").min()) / 7, age=(end - pl.col("day").min()) / 7)
        .sort("customer_id")
    )
    return BGNBD().fit(rows["x"].to_numpy().astype("int64"), rows["t_x"].to_numpy(), rows["age"].to_numpy())


if __name__ == "__main__":
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    held = [one(customers, seed) for seed in range(1, seeds + 1)]
    print(f"{sum(held)} of {len(held)} worlds hold the bars")
    sys.exit(0 if all(held) else 1)
