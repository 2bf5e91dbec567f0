"""Verbs about who is whom: resolve.

Wiring only; how accounts become customers is in `pipelines.identity`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestration.console import ConsoleProgress

IDENTITY = "Who is whom"


class PolicyName(StrEnum):
    """Named policies of `pipelines.identity.policy`."""

    strict = "strict"
    default = "default"
    loose = "loose"


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the application."""
    app.command(rich_help_panel=IDENTITY)(resolve)


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
        typer.Option(min=0.5, max=1, help="Accept possible links (masked telephones) from this probability on."),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of CSV files, such as gb18030.")] = "utf-8",
) -> None:
    """Find out which records of an extract are one customer.

    Needs no house and changes nothing: every record_id is written exactly once, with the customer it belongs to.

    Columns understood, all but record_id optional: phone_raw, phone_sha256, email_raw, email_sha256, name_raw,
    birth_date, city, device_id, wechat_openid, wechat_unionid, member_id, shop_buyer_uid, source, source_account_id,
    first_seen, last_seen. Values may be as dirty as they come: masked, virtual and placeholder values link nobody.

    Example: caw resolve records.csv --out clusters.csv --truth truth.csv --json scores.json
    """
    from orchestration.identity_summary import print_resolved  # noqa: PLC0415
    from pipelines.identity.files import resolve_file  # noqa: PLC0415
    from pipelines.identity.policy import POLICIES  # noqa: PLC0415

    progress = ConsoleProgress()
    with progress.live():
        done = resolve_file(
            records, out, truth, json_file, POLICIES[policy.value](possible_posterior=accept), None, encoding, progress
        )
    print_resolved(done, out, json_file)
