"""sBG: contractual retention with a constant but differing propensity to leave.

Lives here: the model's name, parameters and closed form.
Stays out: the likelihood and sums it shares with BdW (`contractual`).
"""

from __future__ import annotations

from typing import ClassVar

from scipy.special import hyp2f1

from pipelines.science.contractual import ContractualModel


class SBG(ContractualModel):
    """Shifted beta-geometric model (Fader and Hardie 2007, Journal of Interactive Marketing 21).

    At every renewal a customer leaves with probability theta ~ Beta(alpha, beta): S(t) = B(alpha, beta+t)/B(alpha,
    beta), retention (beta+t-1)/(alpha+beta+t-1). Time in renewals; parameters are pure numbers. Boundary: no losses,
    see `ContractualModel`.
    """

    name: ClassVar[str] = "sbg"
    parameter_names: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def del_closed(self, rate: float) -> float:
        """DEL in closed form, 2F1(1, beta; alpha+beta; 1/(1+rate)) (Fader and Hardie 2010), for rate > 0."""
        alpha, beta = self.parameters_["alpha"], self.parameters_["beta"]
        return float(hyp2f1(1.0, beta, alpha + beta, 1.0 / (1.0 + rate)))
