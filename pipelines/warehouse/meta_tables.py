"""The tables of schema `meta`: what the warehouse tells about itself.

Lives here: their columns and what they mean. Stays out: how they are filled (`meta`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Column, Table, day, flag, instant, integer, money, rate, text
from pipelines.warehouse.context import RUN_CONTEXT

_VERSION = text("version_id", "Version of the warehouse, sortable by time", required=True)
_SCHEMA = text("schema_name", "Schema of the table", required=True)
_TABLE = text("table_name", "Table", required=True)
_AS_OF = day("as_of_on", "Day as of which it was computed", required=True)

HEADLINE = Table(
    "headline",
    "What a reader must know before the first query: as of when, in which money, on which basis, on how much data.",
    (),
    (
        _AS_OF,
        text("reporting_currency", "ISO 4217 code of the reporting currency", required=True),
        text(
            "headline_basis",
            "Basis of headline figures: contribution where the costs of at least 95 % of net revenue are known",
            required=True,
            values=("contribution", "net_revenue"),
        ),
        rate("costed_rate", "Share of net revenue with every cost known", null_means="net revenue is not positive"),
        money(
            "net_revenue", "Net revenue of all orders", unit="reporting currency", null_means="no exchange rate at all"
        ),
        money(
            "costed_contribution",
            "Contribution of the order lines whose every cost is known",
            unit="reporting currency",
            null_means="no line is costed",
        ),
        integer("customer_n", "Identified customers that are not test accounts", required=True, unit="customers"),
        integer("order_n", "Orders in any state", required=True, unit="orders"),
        integer("kept_order_n", "Orders paid, not cancelled and not wholly refunded", required=True, unit="orders"),
        day("first_order_on", "Day of the first order", null_means="no orders"),
        day("last_order_on", "Day of the last order", null_means="no orders"),
    ),
)

RUNS = Table(
    "runs",
    "A run that published a version or failed, up to this version.",
    ("run_id",),
    (
        text("run_id", "Run, as the Dagster UI shows it", required=True),
        text("outcome", "What came of it", required=True, values=("published", "failed")),
        text("version_id", "Version it published", null_means="it published none"),
        day("as_of_on", "Day as of which it computed", null_means="it failed"),
        instant("ended_at", "When it published or failed", required=True),
        text("message", "Why it failed", null_means="it did not fail"),
    ),
)

VERSIONS = Table(
    "versions",
    "A version that was published, up to and including this one.",
    ("version_id",),
    (
        _VERSION,
        text("parent_id", "Version that was served when it was published", null_means="the first"),
        flag("is_this", "It is the version this file belongs to", required=True),
        instant("created_at", "When it was published", required=True),
        _AS_OF,
        text("run_id", "Run that published it", required=True),
        text("content_digest", "Digest of its content; equal content is never published twice in a row", required=True),
        text("definition_digest", "Digest of the tables' definitions it was made with", required=True),
    ),
)

FILES = Table(
    "files",
    "The account book: an export file, what was read of it, and where every row and amount went.",
    ("source_system", "source_file", "file_sha256"),
    (
        text("source_system", "Source: the folder below landing", required=True),
        text("channel", "Sales channel the source is declared as", null_means="the file itself says, or was refused"),
        text("adapter", "Format it was read as", null_means="refused before its format was known"),
        text("raw_table", "Raw table its rows went to", null_means="refused before its format was known"),
        text("source_file", "Path below landing", required=True),
        text("file_sha256", "sha256 of its bytes: the identity of the file", required=True),
        integer("bytes", "Size", required=True, unit="bytes"),
        text("encoding", "Character encoding it was read in", null_means="not a text file, or refused before that"),
        text("outcome", "Whether it was taken", required=True, values=("accepted", "refused")),
        text("reason", "Why it was refused", null_means="it was accepted"),
        integer("read_n", "Rows read: accepted_n + quarantined_n + duplicate_n", required=True, unit="rows"),
        integer("accepted_n", "Rows accepted", required=True, unit="rows"),
        integer("quarantined_n", "Rows that could not be read and were set aside", required=True, unit="rows"),
        integer("duplicate_n", "Rows of records accepted before, unchanged", required=True, unit="rows"),
        text("currency", "ISO 4217 code of the amounts", null_means="no amounts, or more than one currency"),
        money("money_read", "Sum of the amounts read", unit="currency of the row", null_means="the format has none"),
        money("money_accepted", "Sum of the amounts accepted", unit="currency of the row", null_means="likewise"),
        money("money_quarantined", "Sum of the amounts set aside", unit="currency of the row", null_means="likewise"),
        money("money_duplicate", "Sum of the amounts of duplicates", unit="currency of the row", null_means="likewise"),
        instant("first_event_at", "Earliest business time in it", null_means="its rows carry no date"),
        instant("last_event_at", "Latest business time in it", null_means="its rows carry no date"),
        day("extract_on", "Day it was extracted on", null_means="not declared"),
        text("warnings", "What was odd about it", null_means="nothing"),
        text("first_version_id", "First version whose account book held it", required=True),
    ),
)

CHECK_RESULTS = Table(
    "check_results",
    "The outcome of one check of the gates that this version passed.",
    ("layer", "check_name"),
    (
        text("layer", "Gated layer", required=True, values=("raw", "canonical", "core", "marts")),
        text("check_name", "Check", required=True),
        text("table_name", "Table that it guards, with its schema", required=True),
        text("column_name", "Column or metric that it looks at", null_means="the table as a whole"),
        text("expectation", "Great Expectations type, or `dbt` and the kind of its test", required=True),
        text(
            "outcome",
            "What it came to; skipped checks do not apply to this data",
            required=True,
            values=("passed", "failed", "errored", "skipped"),
        ),
        text("severity", "Whether a failure stops the publish", required=True, values=("block", "warn")),
        text("message", "What it says, or found", required=True),
        text("observed", "What was observed", null_means="counted only"),
        text("bound", "What was allowed", null_means="see the message"),
        integer(
            "evaluated_n",
            "Values looked at; 0 for tests of dbt",
            required=True,
            unit="values",
        ),
        integer("unexpected_n", "Values not as expected", required=True, unit="values"),
        text("endangered_marts", "Marts that rest on what it guards", null_means="none"),
        text("owner", "Who answers for its threshold", null_means="it has no threshold"),
        text("reason", "Why the threshold is what it is", null_means="it has no threshold"),
    ),
)

RELATIONSHIPS = Table(
    "relationships",
    "A reference between published tables, for joins.",
    ("from_schema", "from_table", "from_column", "to_schema", "to_table", "to_column"),
    tuple(
        text(f"{side}_{part}", f"{part.capitalize()} that {verb}", required=True)
        for side, verb in (("from", "refers"), ("to", "is referred to"))
        for part in ("schema", "table", "column")
    ),
)

TABLES = Table(
    "tables",
    "A published table: what a row is, and how many there are.",
    ("schema_name", "table_name"),
    (
        _SCHEMA,
        _TABLE,
        text("description", "What one row is", required=True),
        text("grain", "Columns that identify a row", null_means="the table has one row"),
        integer("row_n", "Rows", required=True, unit="rows"),
    ),
)

MARTS_TABLE = Table(
    "marts",
    "A mart: the questions it answers, what it reads, and a query to begin with.",
    ("mart_name",),
    (
        text("mart_name", "Table in schema marts", required=True),
        text("code", "Stable code of the mart's definition", required=True),
        text("domain", "Domain", required=True),
        text("questions", "Questions it answers, one a line", required=True),
        text("inputs", "Tables it is computed from", required=True),
        text("example_sql", "A query to begin with", null_means="none"),
    ),
)

DATA_DICTIONARY = Table(
    "data_dictionary",
    "A column of a published table.",
    ("schema_name", "table_name", "column_name"),
    (
        _SCHEMA,
        _TABLE,
        text("column_name", "Column", required=True),
        integer("position", "Place of the column in the table, from 1", required=True),
        text("data_type", "Type", required=True),
        flag("is_grain", "It is one of the columns that identify a row", required=True),
        flag("is_required", "It is never null", required=True),
        text("unit", "Unit", null_means="it has none"),
        text("description", "What it means", required=True),
        text("null_means", "What null means", null_means="null means nothing in particular, or never occurs"),
        text("accepted_values", "Accepted values", null_means="any"),
    ),
)

META: tuple[Table, ...] = (
    RUN_CONTEXT, HEADLINE, RUNS, VERSIONS, FILES, CHECK_RESULTS, RELATIONSHIPS, TABLES, MARTS_TABLE, DATA_DICTIONARY,
)  # fmt: skip
"""Every table of schema `meta`."""

BOOK: tuple[Column, ...] = tuple(column for column in FILES.columns if column.name != "first_version_id")
"""The account book's columns, as ingest keeps them."""
