"""Published figures of the BG/BB on donations to a public radio station (Fader, Hardie and Shang 2010).

Columns: donations in 1996-2001 after the first gift of 1995, year of the last one, number of donors.
"""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.science.bgbb import BGBB

DONATIONS = np.array(
    [
        (0, 0, 3464), (1, 1, 1091), (1, 2, 277), (1, 3, 129), (1, 4, 78), (1, 5, 119), (1, 6, 129), (2, 2, 613),
        (2, 3, 255), (2, 4, 155), (2, 5, 173), (2, 6, 234), (3, 3, 322), (3, 4, 181), (3, 5, 225), (3, 6, 357),
        (4, 4, 240), (4, 5, 284), (4, 6, 512), (5, 5, 335), (5, 6, 728), (6, 6, 1203),
    ],
    dtype=float,
)  # fmt: skip
X, T_X, SIZE = DONATIONS.T


def test_estimates() -> None:
    fitted = BGBB().fit(X, T_X, 6, SIZE)
    assert fitted.fit_status_ == "ok"
    published = {"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783}
    assert fitted.parameters_ == pytest.approx(published, rel=1e-3)
    assert fitted.log_likelihood_ == pytest.approx(-33225.58, abs=0.01)


def test_p_alive_total_and_cells() -> None:
    fitted = BGBB().fit(X, T_X, 6, SIZE)
    assert fitted.p_alive([0, 2, 6], [0, 4, 6], 6) == pytest.approx([0.11, 0.59, 0.93], abs=0.005)
    assert float(SIZE @ fitted.expected_purchases(5, X, T_X, 6)) == pytest.approx(12_884.2, rel=1e-3)
    cells = 11_104 * fitted.pmf([0, 6], 6)
    assert cells == pytest.approx([3454.9, 1253.1], rel=1e-3)
    assert fitted.pmf(np.arange(7), 6).sum() == pytest.approx(1.0, abs=1e-12)
    assert float(fitted.pmf(np.arange(7), 6) @ np.arange(7)) == pytest.approx(fitted.expected_total(6), rel=1e-12)
