"""What a person sees about who is whom: tables and sentences on the console.

Lives here: the outcome of `caw resolve`, `why`, `review` and `identity`.
Stays out: everything that is computed (`pipelines.identity`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from rich.table import Column, Table

from orchestration.console import stderr, stdout
from orchestration.identity_desk import Desk
from orchestration.summary import print_frame
from pipelines.contracts.settings import Settings
from pipelines.identity.explain import why, why_not
from pipelines.identity.files import CUSTOMER, ResolvedFile
from pipelines.warehouse import current_version, list_versions, query_published

LARGEST_N = 5
SHOWN_KEY = 10
REVIEWED_N = 50

REPORT = (
    (
        "Match rate by channel",
        "select source_system, account_n, keyed_n, match_rate, order_match_rate "
        "from marts.identity_match_rate order by keyed_n desc, source_system",
    ),
    (
        "Largest customers",
        "select customer_id, account_n, household_id, ring_id from core.dim_customer "
        "order by account_n desc, customer_id limit 5",
    ),
    (
        "Customers by number of accounts",
        "select account_n, customer_n, identified_customer_n from marts.identity_cluster_size order by account_n",
    ),
    (
        "Values that were cut or split",
        "select id_type, verdict, reason, value_n, account_n, largest_n from core.identity_value_verdict "
        "where verdict <> 'link' order by account_n desc, id_type, verdict, reason",
    ),
    (
        "What the policy does",
        "select policy, basis, customer_n, repeat_rate, ltv_365 from marts.identity_policy_effect "
        "order by basis, customer_n desc, policy",
    ),
)
"""Headings and queries of `caw identity`."""


def print_resolved(done: ResolvedFile, out: Path, report: Path | None, links: Path | None = None) -> None:
    """Counts, what spoke against linking, scores where a truth was given, and where the result lies."""
    for remark in done.remarks:
        stderr.print(f"[yellow]note[/yellow] {remark}", soft_wrap=True)
    found = done.report
    sizes = done.clusters.group_by(CUSTOMER).len().get_column("len").sort(descending=True)
    largest = ", ".join(f"{size:,}" for size in sizes.head(LARGEST_N).to_list())
    stdout.print(
        f"{found['records']:,} records, {found['clusters']:,} customers in {found['seconds']} s; "
        f"{(sizes == 1).sum():,} customers of one record, the largest of {largest}",
        soft_wrap=True,
    )
    stdout.print(_verdicts(done.resolution.profile))
    if "pairwise" in found:
        stdout.print(_scores(found))
    if done.possible.height:
        kinds = done.possible.group_by("kind").len().sort("kind").rows()
        told = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in kinds)
        if "is_accepted" in done.possible.columns:
            stdout.print(f"possible links: {told}; {done.possible['is_accepted'].sum():,} accepted", soft_wrap=True)
        else:
            stdout.print(f"possible links: {told}; accept some with --accept 0.95", soft_wrap=True)
    stdout.print(f"clusters  {out}", soft_wrap=True)
    if links:
        stdout.print(f"possible  {links}", soft_wrap=True)
    if report:
        stdout.print(f"scores    {report}", soft_wrap=True)


def _verdicts(profile: pl.DataFrame) -> Table:
    """What was found of the values of each identifier type."""
    table = Table("identifier", "verdict", "values", "accounts", box=None, pad_edge=False)
    counted = profile.group_by("id_type", "verdict").agg(values=pl.len(), accounts=pl.col("n_accounts").sum())
    for id_type, verdict, values, accounts in counted.sort("id_type", "values", descending=[False, True]).iter_rows():
        table.add_row(id_type, verdict, f"{values:,}", f"{accounts:,}")
    return table


def _scores(found: dict[str, Any]) -> Table:
    table = Table("", "pairwise P", "R", "F1", "B-cubed P", "R", "F1", box=None, pad_edge=False)
    lines = {"all": found, **found["by_case"]}
    for name, scores in lines.items():
        cells = [scores[kind][score] for kind in ("pairwise", "bcubed") for score in ("precision", "recall", "f1")]
        table.add_row(name, *("-" if cell is None else f"{cell:.4f}" for cell in cells))
    return table


def print_why(desk: Desk, a: str, b: str) -> None:
    """The path of evidence between two accounts, or what they share without being joined by it."""
    one, other = desk.customer(a), desk.customer(b)
    stdout.print(f"{a}  {one}\n{b}  {other}", soft_wrap=True)
    known = set(desk.resolution.book.keys.to_list())
    alone = [key for key in (a, b) if key not in known]
    if a == b:
        stdout.print("Both name the same account.")
    elif alone:
        stdout.print(f"Different customers: {alone[0]} shares no identifier with any other account.")
    else:
        path = why(desk.resolution, a, b)
        if path.height:
            stdout.print(f"One customer, by {path.height} step{'s' if path.height > 1 else ''} of evidence:")
            stdout.print(_steps(path, desk))
        else:
            _print_why_not(desk, a, b)


def _steps(path: pl.DataFrame, desk: Desk) -> Table:
    accounts = set(desk.register.accounts["account_key"].to_list())
    decisions = {row["override_id"]: row for row in desk.facts.overrides.iter_rows(named=True)}
    table = Table("step", _key("from"), _key("to"), "by", "value", "rule", "since", box=None, pad_edge=False)
    for row in path.iter_rows(named=True):
        ends = [
            key if key in accounts else f"statement of {key.split('/')[0]}"
            for key in (row["from_account"], row["to_account"])
        ]
        decision = decisions.get(row["value"])
        value = f"{decision['author']}: {decision['reason']}" if decision else row["value"][:SHOWN_KEY] + "…"
        since = row["since"] or (decision["decided_at"] if decision else None)
        day = f"{since:%Y-%m-%d}" if since else ""
        by = f"{row['id_type']} {row['scope_key']}".strip()
        table.add_row(str(row["step"]), *ends, by, value, row["rule_id"], day)
    return table


def _print_why_not(desk: Desk, a: str, b: str) -> None:
    shared = why_not(desk.resolution, a, b)
    decided = desk.facts.overrides.filter(
        (pl.col("action") == "cannot_link") & pl.col("a").is_in([a, b]) & pl.col("b").is_in([a, b])
    )
    for row in decided.iter_rows(named=True):
        stdout.print(f"Different customers by decision of {row['author']}: {row['reason']}")
    if shared.is_empty():
        stdout.print("Different customers: they share no identifier.")
        return
    stdout.print("Different customers. What they share joins nobody:")
    table = Table("by", "value", "verdict", "reason", box=None, pad_edge=False)
    for row in shared.iter_rows(named=True):
        by = f"{row['id_type']} {row['scope_key']}".strip()
        table.add_row(by, row["value"][:SHOWN_KEY] + "…", row["verdict"], row["reason"])
    stdout.print(table)


def open_links(desk: Desk) -> pl.DataFrame:
    """Possible links that neither a person nor a setting has decided about, the likeliest first."""
    pairs = desk.facts.overrides.filter(pl.col("action") != "exclude").select(
        low=pl.min_horizontal("a", "b"), high=pl.max_horizontal("a", "b")
    )
    keyed = desk.possible.filter(~pl.col("is_accepted")).with_columns(
        low=pl.min_horizontal("account_key", "candidate_key"), high=pl.max_horizontal("account_key", "candidate_key")
    )
    rest = keyed.join(pairs, on=["low", "high"], how="anti").drop("low", "high")
    return rest.sort("posterior", "account_key", "candidate_key", descending=[True, False, False])


def print_review(links: pl.DataFrame, kind: str | None = None) -> None:
    """The links to look at, of one kind or all, numbered among all."""
    listed = links.with_row_index("no", offset=1)
    if kind:
        listed = listed.filter(pl.col("kind") == kind)
    if listed.is_empty() and not links.is_empty():
        stdout.print(f"No link of this kind is open; {links.height:,} of others are.")
        return
    if listed.is_empty():
        stdout.print(
            "No link is open: every account that shares a usable value, or shows one behind a mask, was joined or is "
            "plainly another person.",
            soft_wrap=True,
        )
        return
    keys = _key("account"), _key("candidate")
    table = Table("no", "found by", *keys, "probability", "why", box=None, pad_edge=False)
    for row in listed.head(REVIEWED_N).iter_rows(named=True):
        # Four digits, and never a certainty that nobody claims.
        chance = f"{min(row['posterior'], 0.9999):.4f}"
        found_by = row["kind"].replace("_", " ")
        table.add_row(str(row["no"]), found_by, row["account_key"], row["candidate_key"], chance, row["features"])
    stdout.print(table)
    stdout.print(
        f"{listed.height:,} open. Look closer with caw why ACCOUNT CANDIDATE; caw review --accept NO or --reject NO"
    )


def _key(title: str) -> Column:
    """A column of account keys, which stand whole on a narrow console: they are what the other verbs are given."""
    return Column(title, overflow="fold")


def print_identity(settings: Settings) -> None:
    """What the served version says of who is whom."""
    for title, sql in REPORT:
        stdout.print(f"\n[bold]{title}[/bold]")
        print_frame(query_published(settings, sql))
    stdout.print("\n[bold]Ids changed since the version before[/bold]")
    print_frame(changed_ids(settings))


def changed_ids(settings: Settings) -> pl.DataFrame:
    """Accounts of the served version against the version before it, by what became of their customer id."""
    served = current_version(settings)
    older = [version for version in list_versions(settings) if version.id < served.id]
    if not older:
        return pl.DataFrame({"outcome": ["the first version: nothing to compare with"], "accounts": [None]})
    sql = "select account_key, customer_id from core.dim_account"
    now = query_published(settings, sql)
    with duckdb.connect(str(older[0].path), read_only=True) as con:
        before = con.sql(sql).pl().rename({"customer_id": "before"})
    both = now.join(before, on="account_key", how="full", coalesce=True)
    outcome = (
        pl.when(pl.col("before").is_null())
        .then(pl.lit("new account"))
        .when(pl.col("customer_id").is_null())
        .then(pl.lit("left the data"))
        .when(pl.col("before") == pl.col("customer_id"))
        .then(pl.lit("same id"))
        .otherwise(pl.lit("another id"))
    )
    counted = both.group_by(outcome.alias("outcome")).agg(accounts=pl.len())
    return counted.sort("outcome")
