"""Members and what is known about them: `landing/crm`.

Lives here: members, links between identifiers and consents as canonical CSV.
Stays out: campaigns (`outreach`), what is true (`world`) and how entities become files (`canonical`).

Quirks kept: the members' list has a byte order mark, some members have no address or number, a few the placeholder
00000000000, and one in ten does not say how it was acquired.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.simulate.canonical import Columns, constant, declare, flag, write_entity
from pipelines.simulate.cards import pick
from pipelines.simulate.clock import DAY, Ints, stream
from pipelines.simulate.names import CHANNELS
from pipelines.simulate.people import CN, POS, TMALL, WEB
from pipelines.simulate.terms import ACCOUNT, EMAIL
from pipelines.simulate.world import Company
from pipelines.simulate.writer import Landing, only


def members(company: Company) -> tuple[Ints, Ints]:
    """Persons on the members' list, and when they joined (UTC seconds)."""
    member = np.flatnonzero(company.people.is_member)
    joined = company.people.acquired_day[member] * DAY + 15 * 3600 + member % 3_600
    return member, joined


def _crm_customers(company: Company) -> Columns:
    people, (member, joined) = company.people, members(company)
    rng, cards, n = stream(company.seed, "crm"), company.cards[member], len(member)
    told = rng.random(n) < 0.9
    placeholder = rng.random(n) < 0.01
    placeholder[: min(n, 1)] = True
    channel = pick([name for name, _ in CHANNELS], people.channel[member])
    campaigns = [*(name for _, names in CHANNELS for name in names)]
    offset = np.cumsum([0, *(len(names) for _, names in CHANNELS[:-1])])
    campaign = pick(campaigns, offset[people.channel[member]] + people.campaign[member])
    dashed = "+" + cards["calling_code"] + "-" + cards["phone"].str.slice(0, 3) + "-" + cards["phone"].str.slice(3)
    phone = pl.DataFrame({"phone": dashed, "no": placeholder}).select(
        pl.when("no").then(pl.lit("00000000000")).otherwise("phone")
    )
    is_cn = people.country[member] == CN
    name = pl.DataFrame({"cn": is_cn, "a": cards["cn_name"], "b": cards["first"] + " " + cards["last"]})
    born = [np.datetime64(f"{y}-01-01") + int(d) for y, d in zip(cards["birth_year"], cards["birth_day"], strict=True)]
    return {
        "source_customer_id": "MB" + cards["member_no"].str.slice(1),
        "created_at": company.clock.utc_text(joined),
        "email": only(cards["email"], rng.random(n) < 0.9),
        "phone": only(phone.to_series(), rng.random(n) < 0.88),
        "member_no": cards["member_no"],
        "name": name.select(pl.when("cn").then("a").otherwise("b")).to_series(),
        "birth_date": only(pl.Series([str(b) for b in born]), rng.random(n) < 0.7),
        "gender": only(cards["gender"], rng.random(n) < 0.8),
        "city": cards["city"], "region": cards["region"], "country": cards["country"],
        "buyer_key_kind": constant("real", n),
        "acquisition_channel": only(channel, told),
        "acquisition_campaign": only(campaign, told & (campaign.to_numpy() != "")),
        "is_employee": flag(people.is_employee[member]),
        "is_test": flag(people.is_test[member]),
    }  # fmt: skip


def _links(company: Company) -> Columns:
    """Member cards shown in the shops, and members of the marketplace shop."""
    people, visits = company.people, company.orders.visits
    parts = []
    for source, kind, column, evidence in (
        (POS, "pos:account", "square_id", "card"),
        (TMALL, "tmall:account", "nick", "login"),
    ):
        keyed = (visits.source == source) & (company.orders.key == ACCOUNT) & people.is_member[visits.person]
        order = np.flatnonzero(keyed)
        person, first = np.unique(visits.person[order], return_index=True)
        seen = np.maximum(visits.utc[order][first], people.acquired_day[person] * DAY + 15 * 3600)
        cards = company.cards[person]
        parts.append(
            pl.DataFrame(
                {
                    "id_type_a": constant("member_no", len(person)),
                    "id_value_a": cards["member_no"],
                    "id_type_b": constant(kind, len(person)),
                    "id_value_b": cards[column],
                    "evidence": constant(evidence, len(person)),
                    "seen_at": company.clock.utc_text(np.minimum(seen, company.clock.end - 1)),
                }
            )
        )
    return pl.concat(parts).to_dict()


def _consents(company: Company) -> Columns:
    """Members decide when they join, some later withdraw; web accounts decide about e-mail at their first order."""
    member, joined = members(company)
    rng, clock = stream(company.seed, "consents"), company.clock
    agrees = rng.random(len(member)) < 0.7
    leaves = agrees & (rng.random(len(member)) < 0.15)
    later = np.minimum(joined[leaves] + 60 * DAY, clock.end - 1)
    visits, key = company.orders.visits, company.orders.key
    web = np.flatnonzero((visits.source == WEB) & (key == EMAIL))
    person, first = np.unique(visits.person[web], return_index=True)
    asked = person % 4 == 1
    person, at = person[asked], visits.utc[web][first][asked]
    ids = "MB" + company.cards[member]["member_no"].str.slice(1)
    n, k, m = len(member), int(leaves.sum()), len(person)
    granted = pick(("denied", "granted"), np.concatenate([agrees, person % 8 == 1]).astype(np.int64))
    return {
        "account_source": pl.concat([constant("crm", n + k), constant("web", m)]),
        "source_customer_id": pl.concat([ids, ids.filter(pl.Series(leaves)), company.cards[person]["customer_id"]]),
        "purpose": constant("marketing", n + k + m),
        "channel": pl.concat([pick(("email", "sms"), member % 2), pick(("email", "sms"), member[leaves] % 2),
                              constant("email", m)]),
        "status": pl.concat([granted[:n], constant("withdrawn", k), granted[n:]]),
        "at": clock.utc_text(np.concatenate([joined, later, at])),
        "proof": pl.concat([constant("joining form", n), constant("unsubscribe link", k), constant("checkout box", m)]),
    }  # fmt: skip


def write_crm(company: Company, landing: Landing) -> None:
    """Write the folder of the members' system."""
    declare(company, landing, "crm")
    write_entity(landing, "crm", "source_customer", _crm_customers(company), mark=True)
    write_entity(landing, "crm", "identity_link", _links(company))
    write_entity(landing, "crm", "consent", _consents(company))
