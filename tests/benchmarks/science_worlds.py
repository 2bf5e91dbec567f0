"""Judge the champion on simulated companies of five kinds and on CDNOW, by the bars of the science.

    python tests/benchmarks/science_worlds.py [companies per kind] [first seed]

Prints one line per company and the medians: the champion's normalised Gini and Brier score against the best single
model in hindsight (count models and gradient boosting, each metric's own winner), and its total bias against plain
BG/NBD. The first seeds 0-3 were used while the method was made; judge by others (default: from 100).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.science.backtest import Backtest, backtest
from pipelines.science.transactions import day_log
from tests.support.science_worlds import KINDS, World, cdnow

SINGLES = ("nbd", "bgnbd", "mbgnbd", "pareto_nbd", "gradient_boosting")


def judge(world: World) -> tuple[dict[str, float], Backtest]:
    """Differences between the champion and the best single model (higher is better for `ngini` only)."""
    found = backtest(day_log(world.log, "customer", "date", "amount"), world.end, world.horizon)
    models, champion = found.result["models"], found.result["champion_metrics"]
    gap = {
        f"{target}_ngini": champion[target]["ngini"] - max(models[name][target]["ngini"] for name in SINGLES)
        for target in ("transactions", "value")
    }
    gap["brier"] = champion["churn"]["brier"] - min(models[name]["churn"]["brier"] for name in SINGLES)
    gap["auc"] = champion["churn"]["auc"] - max(models[name]["churn"]["auc"] for name in SINGLES)
    gap["bias"] = abs(champion["transactions"]["bias_rate"])
    gap["bias_bgnbd"] = abs(models["bgnbd"]["transactions"]["bias_rate"])
    gap["value_bias"] = abs(champion["value"]["bias_rate"])
    gap["value_bias_bgnbd"] = abs(models["bgnbd"]["value"]["bias_rate"])
    interval = found.result["interval"]
    gap["covered"] = float(interval["lo"] <= interval["actual"] <= interval["hi"])
    return gap, found


def show(name: str, gap: dict[str, float], found: Backtest, seconds: float) -> None:
    """One line per company."""
    parameters = found.result["models"]["combined"]["parameters"]
    strength = [parameters[f"correction_{part}"] for part in ("orders", "value", "silence")]
    print(
        f"{name:14s} ngini {gap['transactions_ngini']:+.4f} value {gap['value_ngini']:+.4f} "
        f"brier {gap['brier']:+.4f} auc {gap['auc']:+.3f} bias {gap['bias']:.3f} of {gap['bias_bgnbd']:.3f} "
        f"value {gap['value_bias']:.3f} of {gap['value_bias_bgnbd']:.3f} "
        f"covered {gap['covered']:.0f} season {found.result['season']['found']} corrections {strength} "
        f"champions {'/'.join(found.result['champion'].values())} {seconds:.1f} s",
        flush=True,
    )


def main(per_kind: int, first_seed: int) -> None:
    """Run all companies and print the medians."""
    rows, moving = [], []
    for kind, make in KINDS.items():
        for seed in range(first_seed, first_seed + per_kind):
            started = time.process_time()
            world = make(seed)
            gap, found = judge(world)
            show(f"{kind} {seed}", gap, found, time.process_time() - started)
            rows.append(gap)
            if world.has_season_or_growth:
                moving.append((gap["bias"] / gap["bias_bgnbd"], gap["value_bias"] / gap["value_bias_bgnbd"]))
    print(f"\nmedian over {len(rows)} companies:")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"  {name:20s} {np.median(values):+.4f}   mean {np.mean(values):+.4f}")
    print(f"bias / plain BG/NBD where seasons or growth exist: median {np.median(moving, axis=0).round(3)}")
    world = cdnow()
    gap, found = judge(world)
    show("cdnow", gap, found, 0.0)
    for target, metrics in found.result["champion_metrics"].items():
        print(f"  {target}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
    print(f"  interval {found.result['interval']}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, int(sys.argv[2]) if len(sys.argv) > 2 else 100)
