"""Mack (1993) on the triangle of Taylor and Ashe (1983): reserves and standard errors as published."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.science.chain_ladder import ChainLadder

INCREMENTS = (
    "357848 766940 610542 482940 527326 574398 146342 139950 227229 67948",
    "352118 884021 933894 1183289 445745 320996 527804 266172 425046",
    "290507 1001799 926219 1016654 750816 146923 495992 280405",
    "310608 1108250 776189 1562400 272482 352053 206286",
    "443160 693190 991983 769488 504851 470639",
    "396132 937085 847498 805037 705960",
    "440832 847631 1131398 1063269",
    "359480 1061648 1443370",
    "376686 986608",
    "344014",
)
RESERVES = [0, 94_634, 469_511, 709_638, 984_889, 1_419_459, 2_177_641, 3_920_301, 4_278_972, 4_625_811]
ERRORS = [0, 75_535, 121_699, 133_549, 261_406, 411_010, 558_317, 875_328, 971_258, 1_363_155]


def triangle() -> np.ndarray:
    cells = np.full((10, 10), np.nan)
    for place, line in enumerate(INCREMENTS):
        values = np.cumsum([float(value) for value in line.split()])
        cells[place, : len(values)] = values
    return cells


def test_mack() -> None:
    cells = triangle()
    fitted = ChainLadder().fit(cells)
    latest = np.array([row[np.isfinite(row)][-1] for row in cells])
    assert fitted.fit_status_ == "ok"
    assert fitted.ultimate_ - latest == pytest.approx(RESERVES, abs=0.6)
    assert fitted.se_[:, -1] == pytest.approx(ERRORS, abs=0.6)
    assert fitted.ultimate_.sum() - latest.sum() == pytest.approx(18_680_856, abs=1)
    assert fitted.total_se_ == pytest.approx(2_447_095, abs=1)
