"""Identity: which accounts are one person, and how that stays so from run to run.

Lives here: the guarded resolution of accounts into people (`unify` for the warehouse, `files` for an extract), with
reasons, manual decisions, ids carried over and the comparison of policies. Stays out: normal forms of identifiers
(`pipelines.channels`), reading and writing the house (`orchestration`, `pipelines.warehouse`).
"""

from pipelines.contracts.identity import ASSIGNMENT, OUTPUTS
from pipelines.identity.assignment import assign, customer_id
from pipelines.identity.evidence import account_names
from pipelines.identity.masks import account_contacts
from pipelines.identity.unify import Facts, Past, Unified, no_past, unify

__all__ = [
    "ASSIGNMENT",
    "OUTPUTS",
    "Facts",
    "Past",
    "Unified",
    "account_contacts",
    "account_names",
    "assign",
    "customer_id",
    "no_past",
    "unify",
]
