"""Metrics by hand, against scikit-learn, and indifferent to the order of tied customers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from pipelines.science.lorenz import gini, lorenz, normalised_gini
from pipelines.science.metrics import calibration_table, churn_metrics, forecast_metrics, spearman

RNG = np.random.default_rng(5)


def test_forecast_metrics_by_hand() -> None:
    found = forecast_metrics([0, 2, 4], [1, 2, 6])
    assert found["mae"] == pytest.approx(1.0)
    assert found["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert found["bias_rate"] == pytest.approx(0.5)
    assert found["ngini"] == pytest.approx(1.0)
    assert found["spearman"] == pytest.approx(1.0)
    assert found["decile_error"] == pytest.approx(0.5)


def test_gini_by_hand() -> None:
    assert gini([1, 1, 1, 1]) == pytest.approx(0.0)
    assert gini([0, 0, 0, 1]) == pytest.approx(0.75)
    assert normalised_gini([0, 0, 0, 1], [0, 0, 0, 1]) == pytest.approx(1.0)
    assert normalised_gini([0, 0, 0, 1], [1, 1, 1, 0]) == pytest.approx(-1.0)
    assert normalised_gini([0, 0, 0, 1], [5, 5, 5, 5]) == pytest.approx(0.0)
    share, curve = lorenz([1, 3], points=3)
    assert share == pytest.approx([0, 0.5, 1])
    assert curve == pytest.approx([0, 0.25, 1])


def test_churn_metrics_agree_with_scikit_learn() -> None:
    truth = RNG.random(500) < 0.3
    guess = np.round(np.clip(RNG.random(500) * 0.6 + 0.3 * truth, 0, 1), 1)  # many ties
    found = churn_metrics(truth, guess)
    assert found["auc"] == pytest.approx(roc_auc_score(truth, guess))
    assert found["pr_auc"] == pytest.approx(average_precision_score(truth, guess))
    assert found["brier"] == pytest.approx(brier_score_loss(truth, guess))
    assert found["base_rate"] == pytest.approx(truth.mean())
    parts = found["reliability"] - found["resolution"] + found["uncertainty"]
    assert parts == pytest.approx(found["brier"], abs=0.01)


def test_perfect_and_useless_probabilities() -> None:
    truth = np.repeat([0.0, 1.0], 50)
    assert churn_metrics(truth, truth)["brier"] == 0.0
    assert churn_metrics(truth, truth)["ece"] == 0.0
    assert churn_metrics(truth, truth)["lift_10"] == pytest.approx(2.0)
    flat = churn_metrics(truth, np.full(100, 0.5))
    assert [flat["auc"], flat["ece"], flat["lift_10"], flat["brier"]] == pytest.approx([0.5, 0.0, 1.0, 0.25])


def test_row_order_does_not_matter_under_ties() -> None:
    actual, predicted = RNG.poisson(1.0, 300).astype(float), RNG.integers(0, 4, 300).astype(float)
    order = RNG.permutation(300)
    assert forecast_metrics(actual, predicted) == pytest.approx(forecast_metrics(actual[order], predicted[order]))
    silent = (actual == 0).astype(float)
    assert churn_metrics(silent, predicted / 4) == pytest.approx(churn_metrics(silent[order], predicted[order] / 4))


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [-1.0, 1.0], [3.0, 3.0], [-5.0, -1.0]])
def test_degenerate_input_is_finite(values: list[float]) -> None:
    for guess in (values, [1.0] * len(values)):
        assert np.isfinite(list(forecast_metrics(values, guess).values())).all()
        assert np.isfinite(list(churn_metrics(values, guess).values())).all()
    assert np.isfinite([gini(values), normalised_gini(values, values), spearman(values, values)]).all()


def test_calibration_table_is_in_descending_bins() -> None:
    table = calibration_table(np.arange(100.0), np.arange(100.0) + 1)
    assert table["bin"].to_list() == list(range(1, 11))
    assert (table["predicted"] - table["actual"]).to_list() == pytest.approx([1.0] * 10)
    assert table["predicted"].is_sorted(descending=True)
