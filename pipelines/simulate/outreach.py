"""Campaigns, whom they reached and how they are tested: also in `landing/crm`.

Lives here: acquisition campaigns, two mailings to members with their touches, and the experiment of one of them, as
canonical CSV. Stays out: members and their consents (`crm`).

The mailings change nothing that anyone buys: the true effect of both is zero, whatever orders follow them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.simulate.canonical import Columns, constant, flag, write_entity
from pipelines.simulate.cards import pick
from pipelines.simulate.clock import DAY, Flags, Ints, stream
from pipelines.simulate.crm import members
from pipelines.simulate.names import CHANNELS
from pipelines.simulate.world import Company
from pipelines.simulate.writer import Landing, only

CHANNELS_OF_CONTACT = ("email", "sms")
COSTS = ("0.0040", "0.0450")
"""What one touch costs, by channel of contact, in dollars."""
LASTS = 30 * DAY


@dataclass(frozen=True)
class Mailing:
    """A mailing to a share of the members, sent `before` days before the end of the world."""

    campaign: str
    before: int
    audience: float
    holdout: float
    hypothesis: str


MAILINGS = (
    Mailing("member-return", 150, 0.3, 0.25, "A reminder brings quiet members back"),
    Mailing("member-news", 60, 0.2, 0.0, ""),
)
"""One with a random holdout, one without: the effect of the second can never be told."""


@dataclass(frozen=True)
class _Audience:
    """The members of a mailing, when it was sent (UTC seconds), and who was held out."""

    mailing: Mailing
    at: int
    member: Ints
    is_held_out: Flags


def _audiences(company: Company) -> list[_Audience]:
    member, joined = members(company)
    audiences = []
    for mailing in MAILINGS:
        rng = stream(company.seed, f"mailing {mailing.campaign}")
        at = max(company.clock.end - mailing.before * DAY, 0)
        chosen = member[(joined < at) & (rng.random(len(member)) < mailing.audience)]
        audiences.append(_Audience(mailing, at, chosen, rng.random(len(chosen)) < mailing.holdout))
    return audiences


def _ids(company: Company, member: Ints) -> pl.Series:
    return "MB" + company.cards[member]["member_no"].str.slice(1)


def _campaigns(company: Company, audiences: list[_Audience]) -> Columns:
    names = [name for _, campaigns in CHANNELS for name in campaigns if name]
    kept = [audience.mailing for audience in audiences]
    starts = np.array([0] * len(names) + [audience.at for audience in audiences])
    ends = company.clock.utc_text(starts + LASTS)
    every = [*names, *(mailing.campaign for mailing in kept)]
    return {
        "campaign_id": pl.Series(every),
        "name": pl.Series([name.replace("-", " ").title() for name in every]),
        "kind": pl.concat([constant("acquisition", len(names)), constant("retention", len(kept))]),
        "starts_at": company.clock.utc_text(starts),
        "ends_at": only(ends, np.arange(len(every)) >= len(names)),
        "budget": pl.Series([f"{20_000 + 2_500 * k}.00" for k in range(len(every))]),
        "currency": constant("USD", len(every)),
        "owner": pl.concat([constant("growth", len(names)), constant("members", len(kept))]),
        "hypothesis": pl.Series([""] * len(names) + [mailing.hypothesis for mailing in kept]),
    }


def _touches(company: Company, audience: _Audience) -> Columns:
    sent = audience.member[~audience.is_held_out]
    rng, n = stream(company.seed, f"touches {audience.mailing.campaign}"), len(sent)
    bounced = rng.random(n) < 0.02
    opened = ~bounced & (rng.random(n) < 0.3)
    clicked = opened & (rng.random(n) < 0.25)
    leaves = opened & (rng.random(n) < 0.01)
    at = audience.at + rng.integers(0, 3_600, n)
    read_at = company.clock.utc_text(np.minimum(at + rng.integers(60, 3 * DAY, n), company.clock.end - 1))
    return {
        "touch_id": pl.Series([f"{audience.mailing.campaign}-{k}" for k in range(n)], dtype=pl.String),
        "campaign_id": constant(audience.mailing.campaign, n),
        "source_customer_id": _ids(company, sent),
        "channel": pick(CHANNELS_OF_CONTACT, sent % 2),
        "sent_at": company.clock.utc_text(at),
        "delivered": flag(~bounced),
        "opened_at": only(read_at, opened),
        "clicked_at": only(read_at, clicked),
        "unsubscribed_at": only(read_at, leaves),
        "bounced": flag(bounced),
        "complaint": flag(leaves & (sent % 5 == 0)),
        "cost": pick(COSTS, sent % 2),
        "currency": constant("USD", n),
        "content_category": constant("reminder" if audience.mailing.holdout else "news", n),
    }


def _assignments(company: Company, audience: _Audience) -> Columns:
    n = len(audience.member)
    return {
        "experiment_id": constant(f"{audience.mailing.campaign}-test", n),
        "campaign_id": constant(audience.mailing.campaign, n),
        "source_customer_id": _ids(company, audience.member),
        "arm": pick(("treatment", "control"), audience.is_held_out.astype(np.int64)),
        "assigned_at": company.clock.utc_text(np.full(n, max(audience.at - DAY, 0))),
        "salt": constant(audience.mailing.campaign, n),
    }


def write_outreach(company: Company, landing: Landing) -> None:
    """Write the campaigns into the folder of the members' system, which `crm` declares."""
    audiences = _audiences(company)
    write_entity(landing, "crm", "campaign", _campaigns(company, audiences))
    touches = [pl.DataFrame(_touches(company, audience)) for audience in audiences]
    write_entity(landing, "crm", "touch", pl.concat(touches).to_dict())
    tested = [pl.DataFrame(_assignments(company, a)) for a in audiences if a.mailing.holdout]
    write_entity(landing, "crm", "assignment", pl.concat(tested).to_dict())
