"""Policy: what the guarded resolution accepts as proof that two accounts are one person.

Lives here: the frozen settings of the guards and the three named policies whose effect in money is compared.
Stays out: the identifier types themselves (`pipelines.channels.identifier_types`, an editable seed).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pipelines.channels.identifier_types import IdentifierRules, load_rules
from pipelines.channels.identifiers import HOME_REGION


@dataclass(frozen=True)
class SupportingAttribute:
    """An attribute that never links anybody but speaks for or against a link that an identifier suggests.

    It is a column of the records, `source` (people rarely keep two accounts in one source), or an identifier type:
    then only a difference speaks (who shares a value is joined, or refused, by itself). `same_rate` and `other_rate`
    are how often it agrees between two accounts of one person, and of two persons who share an identifier. They are
    defaults: where the data hold at least `Policy.calibration_pairs` pairs of both kinds the rates are measured there,
    unless `is_pinned`.
    """

    name: str
    same_rate: float = 0.9
    other_rate: float = 0.3
    is_pinned: bool = False


@dataclass(frozen=True)
class Policy:
    """Settings of the guards.

    `epoch_gap_days`: silence after which a recyclable value may have passed to somebody else (G4).
    `shared_names_n`: an exclusive id tolerates this many different names (marriage, transliteration); more make it a
    shared card, split by name (G3).
    `anonymous_limit`: a personal value on more cores than this links them only where at least half are named or hold
    an exclusive id; an export that fills blanks with the shop's own number would otherwise make one customer.
    `link_posterior`: least probability with which accounts that no name or id tells apart are linked by a value.
    `attach_posterior`: the same for giving a nameless account to one of several persons who use a value at one time;
    `epoch_posterior`: where silences leave one owner, or the owners before and after, to choose from. On generated sets
    of 66,000 records (`identity_world`, seeds 3001 to 3006) .75 instead of .8 makes twins less precise than .98 on one
    of them, and .85 finds less than .85 of the records of recycled numbers.
    `held_out_values`: at most how many disputed values are used to see how far nameless accounts can be given away.
    `prior_bits`, `device_bits`: log2 of the odds that two cores on one personal value, or one device, are one person,
    before any attribute is looked at; the first is measured where the data allow (`calibration_pairs` pairs).
    `links_nameless`: whether a personal value links accounts that have no name; `links_devices` the same for devices.
    `uses_support`, `uses_epochs`, `uses_names`: switches of the guards, for comparing policies; without names, equal
    values join whatever names and birth dates say, short of hubs and the limits of exclusive ids.
    `possible_posterior`: possible links at or above it are accepted; null accepts none (they stay in review).
    """

    rules: IdentifierRules = field(default_factory=load_rules)
    region: str = HOME_REGION
    epoch_gap_days: int = 90
    shared_names_n: int = 2
    anonymous_limit: int = 12
    typo_share: float = 0.2
    support: tuple[SupportingAttribute, ...] = (
        SupportingAttribute("city"),
        SupportingAttribute("source", same_rate=0.2, other_rate=0.2),
        SupportingAttribute("email", same_rate=0.7, other_rate=0.1),
        SupportingAttribute("device_id", same_rate=0.5, other_rate=0.1),
    )
    calibration_pairs: int = 50
    held_out_values: int = 2_000
    link_posterior: float = 0.8
    attach_posterior: float = 0.9
    epoch_posterior: float = 0.8
    prior_bits: float = 3.0
    device_bits: float = 4.0
    links_nameless: bool = True
    links_devices: bool = True
    uses_support: bool = True
    uses_epochs: bool = True
    uses_names: bool = True
    possible_posterior: float | None = None
    possible_floor: float = 0.2
    household_limit: int = 8
    ring_accounts_n: int = 15

    def codes_like(self, other: Policy) -> bool:
        """Whether a case has the same codes under both policies (see `book`)."""
        return self.rules == other.rules and self.support == other.support

    def starts_like(self, other: Policy) -> bool:
        """Whether the strongest tier and what is measured after it are the same under both policies.

        What is said of nameless accounts and devices is asked of later tiers alone.
        """
        later = {"links_nameless": True, "links_devices": True}
        return replace(self, **later) == replace(other, **later)  # type: ignore[arg-type]


def default_policy(**changes: object) -> Policy:
    """The policy of the warehouse, with any field changed."""
    return replace(Policy(), **changes)  # type: ignore[arg-type]


def strict_policy(**changes: object) -> Policy:
    """Only exclusive ids, native accounts, and personal values under one name; devices link nobody."""
    return replace(Policy(links_nameless=False, links_devices=False), **changes)  # type: ignore[arg-type]


def loose_policy(**changes: object) -> Policy:
    """Equal values join, whatever names and birth dates say: short of hubs, exclusive ids and manual decisions."""
    return replace(Policy(uses_support=False, uses_names=False), **changes)  # type: ignore[arg-type]


POLICIES = {"strict": strict_policy, "default": default_policy, "loose": loose_policy}
"""The named policies, for the side-by-side of customers, repeat rate and LTV."""
