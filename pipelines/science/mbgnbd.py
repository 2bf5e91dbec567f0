"""MBG/NBD: as BG/NBD, but a customer may also leave right after the first purchase.

Lives here: the model's name and place in its family.
Stays out: the formulas, which BG/NBD and MBG/NBD share (`attrition`).
"""

from __future__ import annotations

from typing import ClassVar

from pipelines.science.attrition import BetaAttrition


class MBGNBD(BetaAttrition):
    """Modified beta-geometric / NBD model (Batislam, Denizel and Filiztekin 2007; Hoppe and Wagner 2007).

    As BG/NBD with one more chance to leave, at the first purchase; so one-time buyers can be gone.
    P(alive) = 1 / (1 + a/(b+x) ((alpha+T)/(alpha+t_x))**(r+x)).

    Units: alpha in the unit of T; r, a, b pure numbers. Boundary: a near 0 is answered by the NBD.
    """

    name: ClassVar[str] = "mbgnbd"
    first_chance: ClassVar[float] = 1.0
