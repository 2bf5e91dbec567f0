"""Verdicts: what is said of the values of a tier, and the part of each core on them.

Lives here: the verdicts that counts alone allow (hubs, crowds, devices that link nobody), which values leave a doubt,
and what has been said so far.
Stays out: the judgement of a doubtful value (`partition`) and joining along what is accepted (`stage`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipelines.channels.identifier_types import IdentifierType
from pipelines.identity.codes import marked
from pipelines.identity.core import UNATTACHED, Split
from pipelines.identity.policy import Policy
from pipelines.identity.profile import Profile
from pipelines.identity.uses import Uses

STRONG = ("exclusive", "account")


class Verdicts:
    """What has been said of the values of a tier: at first that each is one person's.

    `part` tells, per row of the uses, the person on the value that the core is part of, UNATTACHED where it is none.
    """

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self.part = np.zeros(len(uses.val), dtype=np.int32)
        self._reason = np.zeros(len(uses.val), dtype=np.int32)
        self._reasons: list[str | None] = [None]
        self._told: dict[str, list] = {"val": [], "verdict": [], "reason": []}

    def settle(self, values: np.ndarray, rows: np.ndarray, splits: Sequence[Split]) -> None:
        """Say how the values at some positions split; `rows` are those of their cores, in the order of the splits."""
        uses = self._uses
        codes = {reason: len(self._reasons) + n for n, reason in enumerate(dict.fromkeys(s.reason for s in splits))}
        self._reasons += codes
        self.part[rows] = np.array([part for split in splits for part in split.parts], dtype=np.int32)
        reasons = np.repeat(np.array([codes[split.reason] for split in splits], dtype=np.int32), uses.core_n[values])
        self._reason[rows] = np.where(self.part[rows] == UNATTACHED, reasons, 0)
        self._told["val"] += uses.val[uses.starts[values]].tolist()
        self._told["verdict"] += [split.verdict for split in splits]
        self._told["reason"] += [split.reason for split in splits]

    def refuse(self, row: int, reason: str) -> None:
        """Leave one core out of a value."""
        self.part[row] = UNATTACHED
        self._reason[row] = len(self._reasons)
        self._reasons.append(reason)

    @property
    def parts(self) -> pl.DataFrame:
        """acc, val, part, reason (null: attached): one row per row of evidence."""
        rows = self._uses.row_of
        reasons = pl.Series(self._reasons, dtype=pl.String).gather(self._reason[rows])
        return pl.DataFrame(
            {"acc": self._uses.acc, "val": self._uses.val[rows], "part": self.part[rows], "reason": reasons}
        )

    @property
    def told(self) -> pl.DataFrame:
        """val, verdict, reason: one row per value on which anything was said."""
        return pl.DataFrame(self._told, schema={"val": pl.Int32, "verdict": pl.String, "reason": pl.String})


def cut_by_counts(
    verdicts: Verdicts, uses: Uses, profile: Profile, rules: Sequence[IdentifierType], policy: Policy
) -> None:
    """Say of hubs, crowds and devices that link nobody that no core is attached to them."""
    is_cut = {
        "hub": _is_hub(uses, profile, rules),
        "device": (profile.cores > 1) & _is_idle_device(uses, rules, policy),
        "crowd": policy.uses_names & _is_crowd(uses, profile, rules, policy),
    }
    taken = np.zeros(len(profile.val), dtype=bool)
    for kind, is_kind in is_cut.items():
        values = np.flatnonzero(is_kind & ~taken)
        taken |= is_kind
        verdict = "hub" if kind == "hub" else "ambiguous"
        splits = [
            Split([UNATTACHED] * cores, verdict, _cut_reason(kind, accounts, cores, known))
            for accounts, cores, known in zip(
                *(counts[values].tolist() for counts in (profile.accounts, profile.cores, profile.known)), strict=True
            )
        ]
        verdicts.settle(values, uses.rows_of(values), splits)


def doubtful(
    verdicts: Verdicts, uses: Uses, profile: Profile, rules: Sequence[IdentifierType], policy: Policy, least: float
) -> np.ndarray:
    """Positions of the values of which counts leave open that all cores are one person; `least`: log odds to reach."""
    if not policy.uses_names:
        return np.empty(0, dtype=np.int64)
    is_weak = ~_is_of(STRONG, uses, rules)
    # Nameless cores may be anybody's: a mask, or attributes that differ, speak only where one name is not on all.
    is_one_name = (profile.names == 1) & (profile.named == profile.cores)
    is_unsure = (profile.hints > 0) | (profile.least_bits < least)
    doubt = (profile.names > 1) | (profile.births > 1)
    doubt |= is_weak & ((profile.exclusive > 1) | (is_unsure & ~is_one_name))
    # Where only names link, a core without one is a doubt.
    only_names = _needs_names(uses, rules) if policy.links_nameless else is_weak
    doubt |= only_names & (profile.named < profile.cores)
    is_attached = verdicts.part[uses.starts] != UNATTACHED
    return np.flatnonzero(doubt & (profile.cores > 1) & is_attached)


def _is_of(strengths: tuple[str, ...], uses: Uses, rules: Sequence[IdentifierType]) -> np.ndarray:
    """Which values are of a type of some strength."""
    return marked([code for code, rule in enumerate(rules) if rule.strength in strengths], len(rules))[uses.type]


def _needs_names(uses: Uses, rules: Sequence[IdentifierType]) -> np.ndarray:
    return marked([code for code, rule in enumerate(rules) if rule.needs_names], len(rules))[uses.type]


def _is_idle_device(uses: Uses, rules: Sequence[IdentifierType], policy: Policy) -> np.ndarray:
    """Which values are of a device that links nobody: none does under the policy, or its type does not."""
    idle = [
        c for c, rule in enumerate(rules) if rule.strength == "device" and not (rule.links and policy.links_devices)
    ]
    return marked(idle, len(rules))[uses.type]


def _is_hub(uses: Uses, profile: Profile, rules: Sequence[IdentifierType]) -> np.ndarray:
    limits = np.array([rule.hub_limit for rule in rules])
    return (profile.cores > 1) & (profile.accounts > limits[uses.type])


def _is_crowd(uses: Uses, profile: Profile, rules: Sequence[IdentifierType], policy: Policy) -> np.ndarray:
    """Which personal values are on so many unknown cores that they are rather a shop's own number than anybody's."""
    is_anonymous = (profile.cores > policy.anonymous_limit) & (profile.known * 2 < profile.cores)
    return is_anonymous & (profile.cores > 1) & (profile.names <= 1) & _is_of(("personal",), uses, rules)


def _cut_reason(kind: str, accounts: int, cores: int, known: int) -> str:
    if kind == "hub":
        return f"on {accounts} accounts, more than the type's hub limit"
    if kind == "device":
        return "devices link nobody under this policy"
    return f"on {cores} cores, of which only {known} have a name or an exclusive id"
