"""Identity: the tables of schema `identity`, which say who is whom; most are published in `core` as they are.

Lives here: their columns and meanings. Stays out: how they are filled (`pipelines.identity.unify`).
Values appear nowhere: evidence is told by its type and by counts.
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, flag, instant, integer, number, text

ASSIGNMENT = Table(
    "identity_assignment",
    "Which person each account belongs to: since when, and since when we believe it.",
    ("account_key", "valid_from", "recorded_from"),
    (
        text("account_key", "Immutable pseudonymous key of the account", required=True),
        text("customer_id", "One-ID of the person", required=True),
        instant("valid_from", "From when the account belonged to the person", required=True),
        instant("valid_to", "Until when, exclusive", null_means="still"),
        instant("recorded_from", "From which as-of instant on this is what we believe", required=True),
        instant("recorded_to", "Until which as-of instant, exclusive", null_means="still"),
    ),
)

KINDS = ("created", "absorbed", "split", "moved", "revived", "retired")
"""What may happen to a customer id."""

VERDICTS = (
    "link", "split_by_name", "split_by_id", "split_by_epoch", "split_by_support", "ambiguous", "hub", "masked",
    "virtual", "blocked", "invalid",
)  # fmt: skip

HISTORY_TABLE = Table(
    "identity_history",
    "What this run adds to the history of assignments: an account that is new, has another person, or left the data.",
    ("run_n", "account_key"),
    (
        integer("run_n", "Ordinal of the run among those that changed something", required=True),
        instant("recorded_at", "As-of instant of the run", required=True),
        text("account_key", "Immutable pseudonymous key of the account", required=True),
        text("customer_id", "Person from this run on", null_means="the account left the data"),
    ),
)

EVENT_TABLE = Table(
    "identity_event",
    "What happened to a customer id, and by which rule.",
    ("event_id",),
    (
        text("event_id", "Run and ordinal of the event", required=True),
        integer("run_n", "Ordinal of the run among those that changed something", required=True),
        instant("recorded_at", "As-of instant of the run", required=True),
        text(
            "kind",
            "What happened; absorbed ids are redirected, revived ones come back with their people",
            required=True,
            values=KINDS,
        ),
        text("from_id", "Id that accounts left", null_means="accounts that had no id, or not all from one"),
        text("to_id", "Id that accounts have now", null_means="the accounts left the data"),
        integer("n_accounts", "Accounts concerned", required=True, unit="accounts"),
        text(
            "cause_rule",
            "Rule of the strongest evidence, type/verdict",
            null_means="a new id, or no evidence joins them",
        ),
        text("evidence_ref", "Type of that evidence and since when it is known", null_means="likewise"),
    ),
)

REDIRECT_TABLE = Table(
    "customer_redirect",
    "A customer id that is no longer in use and the one that most of its accounts have now, in one hop.",
    ("old_id",),
    (
        text("old_id", "Id that was in use once", required=True),
        text("current_id", "Id in use now", required=True),
    ),
)

VERDICT_TABLE = Table(
    "identity_value_verdict",
    "How many identifier values of a type were judged how; values themselves are told nowhere.",
    ("id_type", "verdict", "reason"),
    (
        text("id_type", "Type of identifier", required=True),
        text("verdict", "What the guards said of the value", required=True, values=VERDICTS),
        text("reason", "Why", required=True),
        integer("value_n", "Values that several accounts carry", required=True, unit="values"),
        integer("account_n", "Accounts on them, statements of sources included", required=True, unit="accounts"),
        integer("largest_n", "Accounts on the value that most accounts carry", required=True, unit="accounts"),
    ),
)

POLICY_TABLE = Table(
    "identity_policy",
    "Which person each account would belong to under other policies, where that differs from the one in force.",
    ("account_key", "policy"),
    (
        text("account_key", "Immutable pseudonymous key of the account", required=True),
        text("policy", "Policy that is not in force", required=True, values=("strict", "loose")),
        text("cluster", "Account that names the person under it", required=True),
    ),
)

GROUP_TABLE = Table(
    "identity_group",
    "Customers that belong together without being one person.",
    ("customer_id",),
    (
        text("customer_id", "One-ID of the person", required=True),
        text("household_id", "Household: customers that share a telephone, address or device with a few others"),
        text("ring_id", "Ring: customers behind a device that carries many nameless accounts"),
    ),
)

LINK_KINDS = ("shared_value", "masked_phone", "probabilistic")
"""How a possible link is found: a value that a guard refused to link by, what a mask shows, names and dates alike."""

POSSIBLE_TABLE = Table(
    "possible_link",
    "An account that may belong to another customer: for people to look at (`caw review`). Joined only where a setting "
    "says from which probability on.",
    ("account_key", "candidate_key"),
    (
        text("account_key", "Account that may belong to another customer", required=True),
        text("candidate_key", "Account that names the candidate customer: the one seen first", required=True),
        text("kind", "How the candidate was found", required=True, values=LINK_KINDS),
        number("posterior", "Probability that both are one person", required=True, unit="share"),
        text("features", "What speaks for it", required=True),
        text("model", "Model that scored it, by version and digest", null_means="no model did"),
        flag("is_accepted", "Joined by this run, because it is probable enough", required=True),
        text("reason", "Why it is accepted or left open", required=True),
    ),
)

MODEL_TABLE = Table(
    "identity_model",
    "The model of the probabilistic stage that this run trained: in use from the publish on. No row where it trained none.",
    ("model",),
    (
        text("model", "Its name: version of the code and digest of what was learnt", required=True),
        text("record", "What was learnt, as JSON; nothing of the data", required=True),
    ),
)

STRATEGIES = ("only", "verified", "source_priority", "most_recent", "most_complete", "tie")
"""What may decide which of several values of a field stands for a customer, strongest first; ties fall to the text."""

SHOWN_FIELDS = ("birth_year", "city", "country", "region")
HIDDEN_FIELDS = ("email", "name", "phone")
"""Fields of the golden record: those whose values are shown, and direct identifiers, which stay in the vault."""

PROVENANCE_TABLE = Table(
    "customer_field_provenance",
    "Which account tells a field of a customer, and why that one: the golden record's origin.",
    ("customer_id", "field"),
    (
        text("customer_id", "One-ID of the person", required=True),
        text("field", "Field of the customer", required=True, values=tuple(sorted(SHOWN_FIELDS + HIDDEN_FIELDS))),
        text("value", "Value that stands for the customer", null_means="a direct identifier, kept in the vault only"),
        text(
            "strategy",
            "What decided over the best other value: nobody says otherwise, it is verified, its source is believed "
            "first, it was said last, it is the longest, or nothing but the order of the texts",
            required=True,
            values=STRATEGIES,
        ),
        text("source_system", "Source of the account that says it", required=True),
        text("account_key", "Account that says it", required=True),
        instant("observed_at", "When it was last said", null_means="its source does not say when"),
        integer("n_conflicts", "Other values stated of the customer", required=True, unit="values"),
    ),
)

OUTPUTS: dict[str, Table] = {
    table.name: table
    for table in (
        ASSIGNMENT, HISTORY_TABLE, EVENT_TABLE, REDIRECT_TABLE, VERDICT_TABLE, POLICY_TABLE, GROUP_TABLE,
        POSSIBLE_TABLE, PROVENANCE_TABLE,
    )
}  # fmt: skip
"""Every table of schema `identity` by name."""

PUBLISHED = (ASSIGNMENT, EVENT_TABLE, REDIRECT_TABLE, VERDICT_TABLE, POLICY_TABLE, PROVENANCE_TABLE)
"""Those that are published in `core` as they are."""
