"""Identity: how far accounts are joined into customers, what was kept apart and why, and what the policy is worth.

Lives here: the blocks of the section on who is whom. Stays out: the joining itself (`pipelines.identity`).
"""

from __future__ import annotations

import math

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, headings
from pipelines.report.charts import identity as charts
from pipelines.report.drawing import draw
from pipelines.report.published import Published
from pipelines.report.queries import identity
from pipelines.report.queries.run import run_facts

MOST_SIZES = 12
MEANINGS = {
    "link": "joins its accounts",
    "split_by_name": "several names at once: a household, a shared card",
    "split_by_id": "different member numbers or birth dates",
    "split_by_epoch": "handed on: one owner after the other",
    "split_by_support": "nothing but the value speaks for one person",
    "ambiguous": "too little is known of its accounts",
    "hub": "on too many accounts to be anybody's",
}


def size_figure(published: Published) -> list[Block]:
    """How many accounts identified customers have."""
    frame = identity.sizes(published)
    head = list(frame.head(MOST_SIZES).iter_rows())
    rest = frame.slice(MOST_SIZES)
    named = [(fmt.counted(n, "account"), customers) for n, customers in head]
    if rest.height:
        named.append((f"{rest['account_n'][0]:,} or more", int(rest["customer_n"].sum())))
    total, largest = int(frame["customer_n"].sum()), max(frame["account_n"].to_list())
    rows = [
        {
            "name": name,
            "size": math.sqrt(customers),
            "shown": f"{fmt.count(customers)} ({fmt.percent(fmt.share(customers, total))})",
            "hint": f"{name}: {fmt.count(customers)} customers",
        }
        for name, customers in named
    ]
    drawing = draw("sizes", "Customers by how many accounts they have.", lambda _: charts.sizes(rows), theme.HALF)
    table = DataTable(
        "Customers by number of accounts",
        headings("Accounts", right=("Customers", "Share")),
        tuple((name, fmt.count(n), fmt.percent(fmt.share(n, total))) for name, n in named),
    )
    caption = (
        f"{fmt.count(total)} identified customers; the largest has {fmt.counted(largest, 'account')}. "
        "Bars grow with the root of the count."
    )
    return [Figure("identity-sizes", "Accounts per customer", caption, drawing, table, is_half=True)]


def match_table(published: Published) -> list[Block]:
    """Match rates by source."""
    rows = tuple(
        (
            row["source_system"],
            fmt.count(row["account_n"]),
            fmt.count(row["keyed_n"]),
            fmt.percent(row["match_rate"]),
            fmt.percent(row["order_match_rate"]),
        )
        for row in identity.matches(published).iter_rows(named=True)
    )
    columns = ("Accounts", "Can be matched", "Known elsewhere", "Of their orders")
    note = (
        "An account can be matched when it has a key. Known elsewhere: its customer has an account in another source."
    )
    return [DataTable("Match rate by source", headings("Source", right=columns), rows, is_half=True, note=note)]


def policy_table(published: Published) -> list[Block]:
    """Customers, repeat rate and LTV under each policy."""
    facts = run_facts(published)
    rows = tuple(
        (
            fmt.title(row["policy"]),
            fmt.count(row["customer_n"]),
            fmt.percent(row["repeat_rate"]),
            fmt.money(row["ltv_365"], facts.currency, 2),
            fmt.count(row["mature_n"]),
        )
        for row in identity.policies(published, facts.basis).iter_rows(named=True)
    )
    columns = ("Customers", "Repeat rate", f"{fmt.title(facts.basis)}, 365 days", "Measured on")
    note = (
        "Strict joins on member numbers, native accounts and values under one name; default is in force; loose lets "
        "every equal value join, whatever the names say. Repeat rate and money are at equal age: of customers whose "
        "first kept order is 365 days ago or more."
    )
    return [DataTable("What the policy is worth", headings("Policy", right=columns), rows, note=note)]


def verdict_table(published: Published) -> list[Block]:
    """Values that several accounts carry, and what the guards said of them."""
    rows = tuple(
        (
            fmt.words(row["id_type"]),
            fmt.words(row["verdict"]),
            MEANINGS.get(row["verdict"], row["reason"]),
            row["reason"],
            *(fmt.count(row[name]) for name in ("value_n", "account_n", "largest_n")),
        )
        for row in identity.verdicts(published).iter_rows(named=True)
    )
    columns = ("Values", "Accounts", "Most on one")
    return [
        DataTable(
            "Shared values and what the guards said",
            headings("Identifier", "Verdict", "Which means", "Because", right=columns),
            rows,
            is_folded=True,
            note="Values of one account only are not listed; masked, virtual and blocked ones never get this far.",
        )
    ]


def change_table(published: Published) -> list[Block]:
    """What happened to customer ids in the last runs."""
    names = {
        "created": "New", "absorbed": "Absorbed", "split": "Split or moved", "revived": "Came back",
        "retired": "Retired",
    }  # fmt: skip
    rows = tuple(
        (fmt.day(row["as_of_on"]), *(fmt.count(row[f"{name}_n"]) for name in names))
        for row in identity.changes(published).iter_rows(named=True)
    )
    return [
        DataTable(
            "Customer ids that changed",
            headings("As of", right=tuple(names.values())),
            rows,
            is_folded=True,
            note="Runs that changed nothing are not listed. Absorbed ids are redirected in core.customer_redirect.",
        )
    ]
