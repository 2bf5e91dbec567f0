"""The desk: who is whom in the house as it was last built, for the verbs that explain, decide and review.

Lives here: reading build, vault and state for one question, and writing a decision. Stays out: the answers
(`pipelines.identity`) and how they are shown (`orchestration.identity_summary`).
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import duckdb
import polars as pl

from orchestration.identity_build import policy_in_force, read_facts
from pipelines.channels.identifiers import HOME_REGION
from pipelines.contracts.errors import CawError
from pipelines.contracts.keys import load_pepper
from pipelines.contracts.settings import Settings
from pipelines.identity import Facts
from pipelines.identity.lookup import Register, find_account
from pipelines.identity.overrides import override, read_overrides
from pipelines.identity.possible import POSSIBLE
from pipelines.identity.resolve import Resolution
from pipelines.identity.unify import resolve_facts, settle
from pipelines.warehouse import add_override, open_build, writer_lock
from pipelines.warehouse.errors import BuildMissingError


@dataclass(frozen=True)
class Desk:
    """What is known of accounts in the last build, the customers they belong to, and links to look at."""

    settings: Settings
    facts: Facts
    register: Register
    possible: pl.DataFrame

    @cached_property
    def resolution(self) -> Resolution:
        """The accounts under the policy in force, with every reason, and with the links that the last run accepted."""
        policy, accepted = policy_in_force(self.settings), self.possible.filter("is_accepted")
        if accepted.is_empty():
            return resolve_facts(self.facts, policy)
        links = accepted.rename({"candidate_key": "candidate_cluster"}).select(POSSIBLE.names())
        return settle(self.facts, policy, links, threshold=0.0)[0]

    def account(self, text: str) -> str:
        """The account that a person means by `text`; see `find_account`."""
        return find_account(self.register, text, load_pepper(self.settings), HOME_REGION)

    def customer(self, account_key: str) -> str:
        """The customer of an account, as of the last run."""
        row = self.register.accounts.filter(pl.col("account_key") == account_key)
        return str(row["customer_id"][0])


def open_desk(settings: Settings) -> Desk:
    """Read what the last build knows. Raises BuildMissingError when there is none."""
    with open_build(settings, read_only=True) as con:
        try:
            facts = read_facts(settings, con)
            accounts = con.sql("select account_key, customer_id, first_seen_at from core.dim_account").pl()
            orders = con.sql("select order_key, account_key from core.fct_order").pl()
            redirects = con.sql("select old_id, current_id from core.customer_redirect").pl()
            possible = con.sql("from identity.possible_link").pl()
        except duckdb.CatalogException as error:
            raise BuildMissingError("The last build has no identity in it.", "Run the path first: caw run.") from error
    return Desk(settings, facts, Register(accounts, facts.evidence, orders, redirects), possible)


def decide(desk: Desk, action: str, a: str, b: str, reason: str, author: str | None) -> None:
    """Write a manual decision about two accounts. Raises CawError where it contradicts earlier ones."""
    if a == b:
        raise CawError("Both name the same account.", "Name two accounts.")
    try:
        low, high = sorted((a, b))
        moment = datetime.now(UTC).replace(tzinfo=None)
        decision = override(action, low, high, author or getpass.getuser(), reason, moment)
        read_overrides(pl.concat([desk.facts.overrides, decision]), desk.register.accounts["account_key"].sort())
    except ValueError as error:
        raise CawError(
            f"That cannot be: {error}.", "Take the other decision back first: caw link or caw unlink."
        ) from error
    with writer_lock(desk.settings, f"identity {action}"):
        add_override(desk.settings, decision)
