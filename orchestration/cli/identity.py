"""Verbs about who is whom: resolve, why, link, unlink, identity, review.

Wiring only; how accounts become customers is in `pipelines.identity`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import HomeOption, reading_settings, writing_settings
from orchestration.console import ConsoleProgress, stdout
from pipelines.contracts.errors import CawError

IDENTITY = "Who is whom"


class LinkKind(StrEnum):
    """How a possible link is found."""

    shared_value = "shared_value"
    masked_phone = "masked_phone"
    probabilistic = "probabilistic"


class PolicyName(StrEnum):
    """Named policies of `pipelines.identity.policy`."""

    strict = "strict"
    default = "default"
    loose = "loose"


First = Annotated[str, typer.Argument(help="An account: its key, a customer id, an order, an address or a number.")]
Second = Annotated[str, typer.Argument(help="The other account, named in any of these ways.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")]
Author = Annotated[str | None, typer.Option("--author", help="Who decides. Default: the user logged in.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the application."""
    app.command(rich_help_panel=IDENTITY)(resolve)
    app.command(rich_help_panel=IDENTITY)(why)
    app.command(rich_help_panel=IDENTITY)(link)
    app.command(rich_help_panel=IDENTITY)(unlink)
    app.command(rich_help_panel=IDENTITY)(review)
    app.command(rich_help_panel=IDENTITY)(identity)


def resolve(
    records: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="CSV or Parquet with a column record_id and any of those below; one row a record.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="File to write record_id, customer_id to: .csv or .parquet.")],
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", exists=True, dir_okay=False, help="record_id, person_id and optionally case: scores are shown."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File to write records, clusters, seconds and the scores to.")
    ] = None,
    policy: Annotated[
        PolicyName, typer.Option(help="What is enough proof; see the effect of all three with `caw identity`.")
    ] = PolicyName.default,
    accept: Annotated[
        float | None,
        typer.Option(min=0.5, max=1, help="Accept possible links from this probability on. Default: none."),
    ] = None,
    probabilistic: Annotated[
        bool,
        typer.Option(
            "--probabilistic",
            help="Also compare names, birth dates and places of records that nothing links. Needs the extra "
            "\\[probabilistic].",
        ),
    ] = False,
    possible: Annotated[
        Path | None,
        typer.Option(
            "--possible", help="File to write possible links to, each with its probability: .csv or .parquet."
        ),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of CSV files, such as gb18030.")] = "utf-8",
) -> None:
    """Find out which records of an extract are one customer.

    Needs no house and changes nothing: every record_id is written exactly once, with the customer it belongs to.

    Columns understood, all but record_id optional: phone_raw, phone_sha256, email_raw, email_sha256, name_raw,
    birth_date, city, device_id, wechat_openid, wechat_unionid, member_id, shop_buyer_uid, source, source_account_id,
    first_seen, last_seen. Values may be as dirty as they come: masked, virtual and placeholder values link nobody.

    Possible links (a masked telephone with surname and city; with --probabilistic also alike names, dates and places;
    that compares birth_year, given_name, family_name, postcode, birth_place and occupation, too) join nobody unless
    --accept says from which probability on, and never two different exclusive ids such as member numbers.

    Example: caw resolve records.csv --out clusters.csv --truth truth.csv --json scores.json
    """
    from orchestration.identity_summary import print_resolved  # noqa: PLC0415
    from pipelines.identity.files import resolve_file  # noqa: PLC0415
    from pipelines.identity.policy import POLICIES  # noqa: PLC0415

    progress, chosen = ConsoleProgress(), POLICIES[policy.value](possible_posterior=accept)
    with progress.live():
        done = resolve_file(records, out, truth, json_file, chosen, None, encoding, progress, probabilistic, possible)
    print_resolved(done, out, json_file, possible)


def why(a: First, b: Second, home: HomeOption = None) -> None:
    """Show why two accounts are one customer, or why they are not.

    The path of evidence between them, step by step with the rule of each; or what they share although it joins nobody.
    Addresses and numbers may be typed in clear: they are hashed here and neither kept nor shown.

    Example: caw why anna@example.com +1-212-555-0188
    """
    from orchestration.identity_desk import open_desk  # noqa: PLC0415
    from orchestration.identity_summary import print_why  # noqa: PLC0415

    desk = open_desk(reading_settings(home))
    print_why(desk, desk.account(a), desk.account(b))


def link(a: First, b: Second, reason: Reason, author: Author = None, home: HomeOption = None) -> None:
    """Decide that two accounts are one customer.

    Kept with author, reason and time; every run from the next one on obeys. Take it back with `caw unlink`.

    Example: caw link web/3f2a9c1e crm/77ab01c2 --reason "same person at the till"
    """
    _decide("must_link", a, b, reason, author, home)


def unlink(a: First, b: Second, reason: Reason, author: Author = None, home: HomeOption = None) -> None:
    """Decide that two accounts are different customers.

    Kept with author, reason and time; every run from the next one on obeys. Take it back with `caw link`.

    Example: caw unlink web/3f2a9c1e crm/77ab01c2 --reason "mother and daughter"
    """
    _decide("cannot_link", a, b, reason, author, home)


def review(
    accept: Annotated[int | None, typer.Option(min=1, help="Number of the link to accept: they become one.")] = None,
    reject: Annotated[int | None, typer.Option(min=1, help="Number of the link to reject: they stay apart.")] = None,
    kind: Annotated[LinkKind | None, typer.Option(help="List links of this kind only; numbers stay the same.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")] = "reviewed",
    author: Author = None,
    home: HomeOption = None,
) -> None:
    """List links between accounts that may be one customer, and accept or reject one.

    Two kinds are looked for in every run: accounts left alone by a guard although they share a value (shared value),
    and buyers whose telephone a marketplace masks, such as 138****5678, where number, surname and city fit a known
    customer (masked phone). `caw run --probabilistic` looks for a third: accounts that nothing links, alike in name,
    year of birth and city (probabilistic). Each has the probability that both are one person. None is joined by itself,
    unless CAW_POSSIBLE_POSTERIOR says from which probability on; and never where that would give a customer two member
    numbers or other ids of which a person has one.

    An accepted link is a decision like `caw link`, a rejected one like `caw unlink`; the next run obeys, and neither is
    asked again. Links that a run joined by itself are not listed: `caw why` shows them, `caw unlink` takes them apart.

    Example: caw review --accept 3 --reason "same signature"
    """
    from orchestration.identity_desk import decide, open_desk  # noqa: PLC0415
    from orchestration.identity_summary import open_links, print_review  # noqa: PLC0415

    if accept is not None and reject is not None:
        raise CawError("A link is accepted or rejected, not both.", "Leave out --accept or --reject.")
    number = accept if accept is not None else reject
    desk = open_desk(writing_settings(home) if number is not None else reading_settings(home))
    links = open_links(desk)
    if number is None:
        print_review(links, kind.value if kind else None)
        return
    if number > links.height:
        raise CawError(f"There is no link {number}; {links.height} are open.", "List them: caw review.")
    row = links.row(number - 1, named=True)
    action = "must_link" if accept is not None else "cannot_link"
    decide(desk, action, row["account_key"], row["candidate_key"], reason, author)
    stdout.print(f"{'accepted' if accept is not None else 'rejected'}; the next `caw run` obeys")


def identity(home: HomeOption = None) -> None:
    """Report on who is whom in the served version.

    Match rate by channel, largest customers, values that were cut or split and why, ids changed since the version
    before, and what the policy does to customers, repeat rate and LTV.

    Example: caw identity
    """
    from orchestration.identity_summary import print_identity  # noqa: PLC0415

    print_identity(reading_settings(home))


def _decide(action: str, a: str, b: str, reason: str, author: str | None, home: Path | None) -> None:
    from orchestration.identity_desk import decide, open_desk  # noqa: PLC0415

    desk = open_desk(writing_settings(home))
    first, second = desk.account(a), desk.account(b)
    decide(desk, action, first, second, reason, author)
    is_one = desk.customer(first) == desk.customer(second)
    stdout.print(f"{first} and {second} {'are' if is_one else 'are not'} one customer now; the next `caw run` obeys")
