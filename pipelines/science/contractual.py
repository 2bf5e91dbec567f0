"""Contractual retention: lifetimes in whole periods that differ between customers by a Beta.

Lives here: what sBG and BdW share: the likelihood of lost and censored customers, retention, DEL and DERL.
Stays out: non-contractual settings, where a customer leaves unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, psi

from pipelines.science.numerics import Array, as_floats
from pipelines.science.optimise import maximise

_LARGEST = 1e12
_MOST_TERMS = 200_000


class ContractualModel:
    """S(t) = B(alpha, beta + t**c) / B(alpha, beta): the share of a cohort still there after t renewals.

    Learned: `parameters_`, `standard_errors_`, `log_likelihood_`, `customers_`, `fit_status_` (`ok`, `at_bound`,
    `not_converged`, `no_customers`, `no_losses`). Without a single loss the hazard of the first period is the
    Jeffreys estimate, half a customer over the customer-periods seen.
    """

    name: ClassVar[str]
    parameter_names: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.parameters_: dict[str, float] = {}
        self.standard_errors_: dict[str, float] = {}
        self.log_likelihood_ = float("nan")
        self.customers_ = 0.0
        self.fit_status_ = "not_fitted"

    @classmethod
    def from_parameters(cls, **parameters: float) -> Self:
        """A model with given parameters, as if fitted; KeyError for a missing one."""
        model = cls()
        model.parameters_ = {name: float(parameters[name]) for name in cls.parameter_names}
        model.fit_status_ = "given"
        return model

    def fit_curve(self, alive: ArrayLike) -> Self:
        """`fit` of one cohort from the number alive after 0, 1, 2 ... periods; increases count as no loss."""
        counts = np.minimum.accumulate(np.maximum(as_floats(alive), 0.0))
        censored = np.zeros(len(counts))
        censored[-1] = counts[-1]
        return self.fit(np.append(0.0, -np.diff(counts)), censored)

    def fit(self, lost: ArrayLike, censored: ArrayLike) -> Self:
        """Maximum likelihood. `lost[t]` customers left at renewal t, `censored[t]` were seen alive after t renewals.

        Position 0 of `lost` is not used; cohorts of several ages simply add up.
        """
        gone, kept = as_floats(lost), as_floats(censored)
        length = max(len(gone), len(kept))
        gone = np.pad(np.maximum(gone, 0.0), (0, length - len(gone)))[1:]
        kept = np.pad(np.maximum(kept, 0.0), (0, length - len(kept)))
        self.customers_ = float(gone.sum() + kept.sum())
        kept = kept[1:]
        self.log_likelihood_ = 0.0
        self.standard_errors_ = dict.fromkeys(self.parameter_names, float("inf"))
        if gone.sum() <= 0:
            periods = float(kept @ np.arange(1.0, len(kept) + 1.0)) if len(kept) else 0.0
            self.parameters_ = dict.fromkeys(self.parameter_names, 1.0)
            self.parameters_.update(alpha=0.5, beta=max(periods, 0.5))
            self.fit_status_ = "no_losses" if self.customers_ > 0 else "no_customers"
            return self
        start = [1.0, max(1.0, float(self.customers_ / max(gone[0], 1.0)) - 1.0), 1.0][: len(self.parameter_names)]
        optimum = maximise(_likelihood(gone, kept, len(start)), start, self.customers_)
        self.parameters_ = dict(zip(self.parameter_names, map(float, optimum.parameters), strict=True))
        spread = np.sqrt(np.diag(optimum.covariance))
        self.standard_errors_ = dict(zip(self.parameter_names, map(float, spread), strict=True))
        self.log_likelihood_, self.fit_status_ = optimum.log_likelihood, optimum.status
        return self

    def survival(self, t: ArrayLike) -> Array:
        """S(t), the share still there after t renewals (t >= 0, any real)."""
        return np.exp(self._log_survival(np.maximum(as_floats(t), 0.0)))

    def retention(self, t: ArrayLike) -> Array:
        """S(t) / S(t-1), the share renewing at renewal t >= 1 of those who could."""
        at = np.maximum(as_floats(t), 1.0)
        return np.exp(self._log_survival(at) - self._log_survival(at - 1.0))

    def del_(self, rate: float) -> float:
        """Discounted expected lifetime of a new customer: sum over t >= 0 of S(t) / (1 + rate)**t, in periods."""
        return 1.0 + self._discounted(0.0, rate)

    def derl(self, n: int, rate: float) -> float:
        """Discounted expected residual lifetime just before renewal n, in periods: the n-th payment counts in full.

        Sum over t >= n of S(t)/S(n-1) (1+rate)**-(t-n), for a customer who has renewed n - 1 times.
        """
        before = max(int(n), 1) - 1.0
        return (1.0 + rate) * self._discounted(before, rate)

    def _discounted(self, since: float, rate: float) -> float:
        """Sum over k >= 1 of S(since+k)/S(since) (1+rate)**-k; at a rate of 0 cut after 200,000 periods."""
        terms = _MOST_TERMS if rate <= 0 else min(_MOST_TERMS, int(40.0 / np.log1p(rate)) + 2)
        ahead = np.arange(1.0, terms + 1.0)
        log_share = self._log_survival(since + ahead) - self._log_survival(np.array([since]))
        return float(np.exp(log_share - ahead * np.log1p(max(rate, 0.0))).sum())

    def _log_survival(self, t: Array) -> Array:
        alpha, beta = self.parameters_["alpha"], self.parameters_["beta"]
        stretched = _stretch(t, self.parameters_.get("c", 1.0))
        return betaln(alpha, beta + stretched) - betaln(alpha, beta)


def _stretch(t: Array, c: float) -> Array:
    with np.errstate(over="ignore"):
        return np.minimum(t**c, _LARGEST)


def _likelihood(gone: Array, kept: Array, size: int) -> Callable[[Array], tuple[float, Array]]:
    t = np.arange(0.0, len(gone) + 1.0)
    log_t = np.log(np.maximum(t, 1.0))

    def value(theta: Array) -> tuple[float, Array]:
        alpha, beta = np.exp(theta[:2])
        c = float(np.exp(theta[2])) if size == 3 else 1.0
        u = _stretch(t, c)
        log_s = betaln(alpha, beta + u) - betaln(alpha, beta)
        both = psi(alpha + beta) - psi(alpha + beta + u)
        fall = psi(beta + u) - psi(alpha + beta + u)
        slopes = [both * alpha, (psi(beta + u) - psi(beta) + both) * beta, fall * u * log_t * c][:size]
        drop = np.maximum(-np.expm1(np.minimum(log_s[1:] - log_s[:-1], 0.0)), 1e-300)
        log_p = log_s[:-1] + np.log(drop)
        likelihood = gone @ log_p + kept @ log_s[1:]
        gradient = []
        for slope in slopes:
            d_p = (slope[:-1] - np.exp(log_s[1:] - log_s[:-1]) * slope[1:]) / drop
            gradient.append(gone @ d_p + kept @ slope[1:])
        return float(likelihood), np.array(gradient)

    return value
