"""Coverage of the 90 % interval of total orders, and of the parameters' standard errors, at array level.

    python tests/benchmarks/science_coverage.py [replicates] [customers]

Bar: 85 to 95 % over 200 replicates of 5,000 customers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.science.bgnbd import BGNBD
from pipelines.science.bootstrap import total_interval
from pipelines.science.count_model import CountRows
from tests.support.science_worlds import bgnbd_customers

TRUE = {"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 2.4}


def main(replicates: int, size: int) -> None:
    """Simulate, fit, forecast a year, and count."""
    covered, errors, within = [], [], []
    for seed in range(replicates):
        rng = np.random.default_rng([77, seed])
        x, t_x, age, future = bgnbd_customers(rng, size, TRUE, 730.0, 365.0)
        rows = CountRows.of(x, t_x, age)
        model = BGNBD().fit_rows(rows)
        interval = total_interval(model, rows, 365.0)
        covered.append(interval.lo <= future.sum() <= interval.hi)
        errors.append((interval.mean - future.sum()) / np.hypot(interval.sd_process, interval.sd_parameters))
        within.append(
            [abs(model.parameters_[name] - TRUE[name]) <= 1.96 * model.standard_errors_[name] for name in TRUE]
        )
    print(f"coverage of the 90 % interval: {np.mean(covered):.3f} over {replicates} replicates of {size} customers")
    print(f"standardised error: mean {np.mean(errors):+.2f}, sd {np.std(errors):.2f}")
    print(f"parameters within 1.96 standard errors: {dict(zip(TRUE, np.mean(within, axis=0).round(3), strict=True))}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 5000)
