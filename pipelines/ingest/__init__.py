"""Ingest: from the user's export files to typed, tokenised raw tables, with an account of every row.

Lives here: reading landing, refusing what cannot be read, the quarantine, the vault and the account book.
Stays out: what formats look like (`pipelines.channels`) and what their columns mean (dbt staging).

    landing -> landing.py  which files            -> container.py  bytes to UTF-8 text
            -> header.py   which format           -> structure.py  text to whole records
            -> batches.py  cells by field         -> cells.py      texts to types
            -> tokens.py   identifiers to keys    -> records.py    accepted, quarantined or duplicate
            -> store.py    raw, vault, quarantine -> book.py, views.py
"""

from pipelines.ingest.book import BOOK, NoDataError, account_book, currency_of_exports, default_as_of, quarantined_rows
from pipelines.ingest.check import ColumnUse, FileCheck, check_files
from pipelines.ingest.completejourney import land_completejourney
from pipelines.ingest.errors import FileReason, FileRefusedError, RowReason, SourceError
from pipelines.ingest.run import IngestReport, ingest_landing
from pipelines.ingest.sources import Source, init_home, read_source
from pipelines.ingest.vault import vault_values
from pipelines.ingest.views import create_raw_views

__all__ = [
    "BOOK",
    "ColumnUse",
    "FileCheck",
    "FileReason",
    "FileRefusedError",
    "IngestReport",
    "NoDataError",
    "RowReason",
    "Source",
    "SourceError",
    "account_book",
    "check_files",
    "create_raw_views",
    "currency_of_exports",
    "default_as_of",
    "ingest_landing",
    "init_home",
    "land_completejourney",
    "quarantined_rows",
    "read_source",
    "vault_values",
]
