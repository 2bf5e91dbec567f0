"""Identity: who is whom, as counts: match rates, sizes of customers, values cut or split, ids that moved, policies.

Lives here: reading the identity marts and the identity tables of core. Stays out: the guards (`pipelines.identity`).
"""

from __future__ import annotations

import polars as pl

from pipelines.report.published import Published

MATCHES, SIZES, POLICIES = (f"marts.identity_{name}" for name in ("match_rate", "cluster_size", "policy_effect"))
VERDICTS, EVENTS = "core.identity_value_verdict", "core.identity_event"
MOST_RUNS = 6


def matches(published: Published) -> pl.DataFrame:
    """Sources by the number of accounts that can be matched."""
    return published.frame(
        "select source_system, account_n, keyed_n, joined_n, matched_n, match_rate, order_match_rate "
        f"from {MATCHES} order by keyed_n desc, source_system",
        MATCHES,
        empty="There is no account yet.",
    )


def sizes(published: Published) -> pl.DataFrame:
    """Identified customers by how many accounts they have."""
    return published.frame(
        f"select account_n, identified_customer_n as customer_n from {SIZES} where identified_customer_n > 0 "
        "order by account_n",
        SIZES,
        empty="There is no identified customer yet.",
    )


def verdicts(published: Published) -> pl.DataFrame:
    """Values that several accounts carry, by type and verdict, those that link first."""
    return published.frame(
        "select id_type, verdict, reason, value_n, account_n, largest_n "
        f"from {VERDICTS} order by verdict <> 'link', account_n desc, id_type, verdict, reason",
        VERDICTS,
    )


def changes(published: Published) -> pl.DataFrame:
    """What happened to customer ids in the last runs that changed any, the latest first."""
    return published.frame(
        "select run_n, cast(min(recorded_at) - interval 1 day as date) as as_of_on, "
        "count(*) filter (where kind = 'created') as created_n, "
        "count(*) filter (where kind = 'absorbed') as absorbed_n, "
        "count(*) filter (where kind in ('split', 'moved')) as split_n, "
        "count(*) filter (where kind = 'revived') as revived_n, "
        "count(*) filter (where kind = 'retired') as retired_n "
        f"from {EVENTS} group by run_n order by run_n desc limit {MOST_RUNS}",
        EVENTS,
    )


def policies(published: Published, basis: str) -> pl.DataFrame:
    """The figures of every policy on a basis, the strictest first."""
    return published.frame(
        "select policy, customer_n, mature_n, repeat_rate, valued_n, ltv_365 "
        f"from {POLICIES} where basis = '{basis}' order by array_position(['strict', 'default', 'loose'], policy)",
        POLICIES,
    )
