"""The web shop's tracker: `landing/site`.

Lives here: events as canonical CSV, and the true person behind each.
Stays out: what visitors do (`events`) and how entities become files (`canonical`).

Quirks kept: addresses of pages carry what the visitor was sent with, at the login even the e-mail address; typed-in
goods have no stock keeping unit; some visitors refuse to be tracked, of others the answer is not known.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.simulate.canonical import Columns, constant, declare, write_entity
from pipelines.simulate.cards import pick
from pipelines.simulate.events import CART, MEMBER, NOBODY, SECOND, STEPS, TABLET, VIEW
from pipelines.simulate.names import CATEGORIES, CHANNELS
from pipelines.simulate.world import Company
from pipelines.simulate.writer import Landing, cents, only

SHOP = "https://shop.example.com/"


def _event_ids(company: Company) -> pl.Series:
    return "E" + pl.Series(np.arange(company.events.n, dtype=np.int64) + 10_000_000).cast(str)


def _accounts(company: Company) -> pl.Series:
    """Native id of the account that is logged in."""
    events = company.events
    cards = company.cards[np.maximum(events.person, 0)].select("customer_id", "customer_id_2", "member_no")
    member = "MB" + pl.col("member_no").str.slice(1)
    return (
        cards.with_columns(login=events.login)
        .select(
            pl.when(pl.col("login") == MEMBER)
            .then(member)
            .when(pl.col("login") == SECOND)
            .then("customer_id_2")
            .when(pl.col("login") != NOBODY)
            .then("customer_id")
        )
        .to_series()
    )


def _campaigns(company: Company) -> tuple[pl.Series, pl.Series]:
    """Channel and campaign of the visits that follow a link: those of people, by what brought them."""
    who = company.events.person
    person = np.maximum(who, 0)
    channel, campaign = company.people.channel[person], company.people.campaign[person]
    offset = np.cumsum([0, *(len(names) for _, names in CHANNELS[:-1])])
    names = [name or None for _, campaigns in CHANNELS for name in campaigns]
    linked = (who >= 0) & (company.events.session % 3 == 0)
    named = pl.Series(names).gather(offset[channel] + campaign)
    return only(pick([name for name, _ in CHANNELS], channel), linked), only(named, linked)


def _urls(company: Company, sku: pl.Series, campaign: pl.Series) -> pl.Series:
    """Addresses of pages with what follows them."""
    events = company.events
    email = company.cards["email"].gather(np.maximum(events.person, 0))
    frame = pl.DataFrame({"step": pick(STEPS, events.step), "sku": sku, "campaign": campaign, "email": email})
    page = (
        pl.when(pl.col("step") == "login")
        .then(pl.lit("account/login?email=") + pl.col("email"))
        .when((pl.col("step") == "product_view") & pl.col("sku").is_not_null())
        .then(
            pl.lit("products/") + pl.col("sku").str.to_lowercase() + "?utm_campaign=" + pl.col("campaign").fill_null("")
        )
        .otherwise(pl.col("step").str.replace_all("_", "-"))
    )
    return frame.select(pl.lit(SHOP) + page).to_series()


def _columns(company: Company) -> Columns:
    events, total = company.events, company.orders.subtotal
    bought, mobile = events.order >= 0, (events.browser % 3 == 0) & (events.browser != TABLET)
    sku = only(pick(company.catalogue.skus, np.maximum(events.sku, 0)), events.sku >= 0)
    category = company.catalogue.category[np.maximum(events.sku, 0)]
    channel, campaign = _campaigns(company)
    answer = np.searchsorted([12, 20], events.browser * 7_919 % 100, side="right")
    return {
        "event_id": _event_ids(company),
        "account_source": only(pick(("web", "crm"), (events.login == MEMBER) * 1), events.login != NOBODY),
        "anonymous_id": "v" + pl.Series(events.browser * 104_729 + 7).cast(str),
        "source_customer_id": _accounts(company),
        "at": company.clock.utc_text(events.utc),
        "name": pick(STEPS, events.step),
        "sku": only(sku, (events.step == VIEW) | (events.step == CART)),
        "category": only(pick([str(c[2]) for c in CATEGORIES], category), events.sku >= 0),
        "value": only(cents(total[np.maximum(events.order, 0)]), bought),
        "currency": only(constant("USD", events.n), bought),
        "session_id": "s" + pl.Series(events.session).cast(str),
        "utm_source": channel,
        "utm_medium": only(pick(("link",), events.step * 0), channel.is_not_null().to_numpy()),
        "utm_campaign": campaign,
        "device": only("d" + pl.Series(events.browser * 15_485_863 + 11).cast(str), mobile),
        "url": _urls(company, sku, campaign),
        "consent_state": pick(("unknown", "denied", "granted"), answer),
    }  # fmt: skip


def true_events(company: Company) -> pl.DataFrame:
    """event_id, person_id (null for strangers), and whether several persons log in on the browser."""
    events = company.events
    person = company.cards["person_id"].gather(np.maximum(events.person, 0))
    known = pl.DataFrame({"browser": events.browser, "person": events.person, "login": events.login})
    shared = known.filter(pl.col("login") != NOBODY).group_by("browser").agg(n=pl.col("person").n_unique())
    both = known.join(shared, on="browser", how="left", maintain_order="left")
    return pl.DataFrame(
        {
            "event_id": _event_ids(company),
            "person_id": only(person, events.person >= 0),
            "is_login": events.login != NOBODY,
            "login_person_n": both["n"].fill_null(0),
        }
    )


def write_site(company: Company, landing: Landing) -> None:
    """Write the folder of the web shop's tracker."""
    declare(company, landing, "site")
    write_entity(landing, "site", "event", _columns(company))
