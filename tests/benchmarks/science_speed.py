"""Speed of the science, as ratios in one run.

    python tests/benchmarks/science_speed.py [customers] [--no-lifetimes] [--many 10000000]

Simulates BG/NBD customers with whole-day histories, fits BG/NBD here (grouping included) and with `lifetimes`, then
fits and scores everything: P(0), orders by 12 periods, value, DERT. Each step in a process of its own for the memory.
With `--many` also fits and scores so many customers, scores by chunks of a million so that memory stays bounded.

Bars: 15 times faster than `lifetimes` in CPU seconds; a million scored in 8 s and 2 GiB; ten million in 60 s.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

CHUNK = 1_000_000
TRUE = {"r": 0.243, "alpha": 30.9, "a": 0.793, "b": 2.426}


def customers(size: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, t_x, T in whole days of BG/NBD customers born over two years."""
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 730, size)
    rate = rng.gamma(TRUE["r"], 1.0 / TRUE["alpha"], size)
    leave = rng.beta(TRUE["a"], TRUE["b"], size)
    x, last, now = np.zeros(size, np.int64), np.zeros(size), np.zeros(size)
    alive = np.arange(size)
    while len(alive):
        now[alive] += rng.exponential(1.0, len(alive)) / np.maximum(rate[alive], 1e-12)
        alive = alive[now[alive] <= age[alive]]
        day = np.ceil(now[alive])
        x[alive] += day > last[alive]
        last[alive] = np.maximum(last[alive], np.minimum(day, age[alive]))
        alive = alive[rng.random(len(alive)) >= leave[alive]]
    return x, last.astype(np.int64), age


def with_values(x: np.ndarray, t_x: np.ndarray, age: np.ndarray) -> pl.DataFrame:
    """The customers as `score` takes them, with gamma-gamma mean values."""
    rng, size = np.random.default_rng(2), len(x)
    mean = rng.gamma(6.0, 1.0, size) / rng.gamma(4.0, 1 / 90.0, size)
    return pl.DataFrame({"x": x, "t_x": t_x, "age": age, "orders_n": x + 1, "mean_value": mean})


def measure_many(size: int) -> dict:
    """Fit and score `size` customers, a chunk after another; drawing them is not timed."""
    from pipelines.science.bgnbd import BGNBD
    from pipelines.science.gamma_gamma import GammaGamma
    from pipelines.science.scoring import ScoringParams, score

    parts = [with_values(*customers(CHUNK, seed)).with_columns(pl.col(pl.Int64).cast(pl.Int32))
             for seed in range(size // CHUNK)]  # fmt: skip
    frame = pl.concat(parts)
    del parts
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.perf_counter(), time.process_time()
    model = BGNBD().fit(*(frame[name].to_numpy() for name in ("x", "t_x", "age")))
    spend = GammaGamma().fit(frame["orders_n"].to_numpy(), frame["mean_value"].to_numpy())
    fitted, value, is_finite = time.perf_counter() - started, 0.0, True
    for chunk in frame.iter_slices(CHUNK):
        scored = score(model, spend, chunk, ScoringParams())
        value += float(scored["expected_value"].sum())
        is_finite &= bool(np.isfinite(scored.select(pl.col(pl.Float64)).to_numpy()).all())
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "fit_seconds": fitted,
        "rows": frame.height,
        "expected_value": value,
        "mb_before": before / 1024,
        "mb_peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "finite": is_finite,
    }


def measure(step: str, size: int) -> dict:
    """One step, timed, in this process."""
    from pipelines.science.bgnbd import BGNBD
    from pipelines.science.gamma_gamma import GammaGamma
    from pipelines.science.pareto_nbd import ParetoNBD
    from pipelines.science.scoring import ScoringParams, score

    x, t_x, age = customers(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if step == "lifetimes":
        from lifetimes import BetaGeoFitter

        started, cpu = time.perf_counter(), time.process_time()
        fitter = BetaGeoFitter().fit(x, t_x, age)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        return {"seconds": seconds, "cpu": cpu, "parameters": dict(fitter.params_)}
    if step in ("bgnbd", "pareto_nbd"):
        model = (BGNBD if step == "bgnbd" else ParetoNBD)()
        started, cpu = time.perf_counter(), time.process_time()
        model.fit(x, t_x, age)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        return {"seconds": seconds, "cpu": cpu, "parameters": model.parameters_, "status": model.fit_status_}
    frame = with_values(x, t_x, age)
    model = BGNBD().fit(x, t_x, age)
    started, cpu = time.perf_counter(), time.process_time()
    spend = GammaGamma().fit(frame["orders_n"].to_numpy(), frame["mean_value"].to_numpy())
    fitted = time.perf_counter() - started
    scored = score(model, spend, frame, ScoringParams())
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "gamma_gamma_fit_seconds": fitted,
        "rows": scored.height,
        "mb_before": before / 1024,
        "mb_peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "finite": bool(np.isfinite(scored.select(pl.col(pl.Float64)).to_numpy()).all()),
    }


def main() -> None:
    """Run the steps and print times and ratios."""
    if len(sys.argv) > 2 and sys.argv[1] == "--step":
        step, size = sys.argv[2], int(sys.argv[3])
        print(json.dumps(measure_many(size) if step == "many" else measure(step, size)))
        return
    size = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 1_000_000
    steps = ["bgnbd", "pareto_nbd", "score"] + ([] if "--no-lifetimes" in sys.argv else ["lifetimes"])
    sizes = dict.fromkeys(steps, size)
    if "--many" in sys.argv:
        sizes["many"] = int(sys.argv[sys.argv.index("--many") + 1])
    found = {}
    for step, count in sizes.items():
        command = [sys.executable, __file__, "--step", step, str(count)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[step] = json.loads(output.splitlines()[-1])
        print(step, json.dumps(found[step]), flush=True)
    if "lifetimes" in found:
        ratios = [found["lifetimes"][of] / found["bgnbd"][of] for of in ("cpu", "seconds")]
        print(
            "BG/NBD on {:,} customers: {:.1f} times faster than lifetimes by CPU, {:.1f} by the clock".format(
                size, *ratios
            )
        )
    for step in ("score", "many"):
        if step in found:
            row = found[step]
            print(f"{row['rows']:,} customers: {row['seconds']:.1f} s, {row['cpu']:.1f} CPU-s, {row['mb_peak']:.0f} MB")


if __name__ == "__main__":
    main()
