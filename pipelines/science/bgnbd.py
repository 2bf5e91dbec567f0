"""BG/NBD: Poisson purchases, attrition with a Beta-distributed probability after each repeat purchase.

Lives here: the model's name and place in its family.
Stays out: the formulas, which BG/NBD and MBG/NBD share (`attrition`).
"""

from __future__ import annotations

from typing import ClassVar

from pipelines.science.attrition import BetaAttrition


class BGNBD(BetaAttrition):
    """Beta-geometric / NBD model (Fader, Hardie and Lee 2005, Marketing Science 24).

    lambda ~ Gamma(r, alpha); after every repeat purchase the customer leaves with probability p ~ Beta(a, b).
    P(alive) = 1 / (1 + [x > 0] a/(b+x-1) ((alpha+T)/(alpha+t_x))**(r+x)): always 1 for one-time buyers, so it is
    not a churn score; `p_no_purchase` is.

    Units: alpha in the unit of T; r, a, b pure numbers. Boundary: a near 0 (nobody leaves) is answered by the NBD,
    status `boundary_nbd`.
    """

    name: ClassVar[str] = "bgnbd"
    first_chance: ClassVar[float] = 0.0
