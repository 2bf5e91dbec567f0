"""BdW: contractual retention whose propensity to leave may rise or fall with tenure.

Lives here: the model's name and parameters.
Stays out: the likelihood and sums it shares with sBG (`contractual`).
"""

from __future__ import annotations

from typing import ClassVar

from pipelines.science.contractual import ContractualModel


class BdW(ContractualModel):
    """Beta-discrete-Weibull model (Fader, Hardie, Liu, Davin and Steenburgh 2018, Journal of Interactive Marketing 43).

    S(t) = B(alpha, beta + t**c)/B(alpha, beta): a customer's own hazard rises with tenure for c > 1 and falls for
    c < 1; c = 1 is the sBG. Time in renewals; parameters are pure numbers. With few periods it extrapolates far
    better than the sBG. Boundary: no losses, see `ContractualModel`.
    """

    name: ClassVar[str] = "bdw"
    parameter_names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "c")
