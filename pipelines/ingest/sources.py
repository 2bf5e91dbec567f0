"""Sources: what a folder below landing declares about its exports.

Lives here: `_source.yml` (reading, defaults by format, the commented one that `caw init` writes) and names of sources.
Stays out: formats (`pipelines.channels`) and finding files (`landing`).
"""

from __future__ import annotations

import codecs
import difflib
import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from pipelines.channels.base import Adapter, RawTable
from pipelines.channels.registry import ADAPTERS, RAW_TABLES
from pipelines.contracts.keys import make_pepper, pepper_path
from pipelines.contracts.settings import Settings
from pipelines.ingest.errors import SourceError

DECLARATION = "_source.yml"
SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


_SAYS_WHEN = ("extract_date", "complete_to")


@dataclass(frozen=True)
class Source:
    """What is known of a source system before its files are read; None where neither it nor its format says."""

    name: str
    adapter: str | None = None
    channel: str | None = None
    time_zone: str | None = None
    currency: str | None = None
    store_id: str | None = None
    phone_region: str | None = None
    extract_date: date | None = None
    complete_to: date | None = None
    encoding: str | None = None
    decimal: str = "."
    schema_policy: str = "evolve"

    def with_defaults(self, adapter: Adapter) -> Source:
        """The declaration, completed by what the format assumes."""
        return replace(
            self,
            adapter=self.adapter or adapter.name,
            channel=self.channel or adapter.channel or self.name,
            time_zone=self.time_zone or adapter.time_zone,
            currency=self.currency or adapter.currency,
            phone_region=self.phone_region or adapter.phone_region or "ZZ",
        )

    @property
    def tables(self) -> tuple[RawTable, ...]:
        """The raw tables that files of the source may feed: of its adapter, else all."""
        return ADAPTERS[self.adapter].tables if self.adapter else RAW_TABLES

    @property
    def signature(self) -> str:
        """Changes when files would be read differently; the dates of an extract are kept at first sight."""
        told = {name: value for name, value in asdict(self).items() if name not in _SAYS_WHEN}
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def read_source(folder: Path, name: str | None = None) -> Source:
    """The declaration of a source's folder, or an empty one where there is no `_source.yml`.

    Raises SourceError naming the file, the key and the fix.
    """
    name = name or folder.name
    if not SOURCE_NAME.fullmatch(name):
        raise SourceError(
            f"A source cannot be called {name!r}.",
            "Rename the folder: lower-case letters, digits and underscores, a letter first.",
        )
    path = folder / DECLARATION
    if not path.is_file():
        return Source(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is not YAML: {error}", "`caw init` writes one to start from.") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path} must be a list of `key: value` lines.", "`caw init` writes one to start from.")
    return Source(name, **{key: _checked(path, key, value) for key, value in content.items() if value is not None})


def _checked(path: Path, key: Any, value: Any) -> Any:
    known = [field.name for field in fields(Source) if field.name != "name"]
    if key not in known:
        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."
        raise SourceError(f"{path} declares {key!r}, which nothing reads.", hint)
    check = _CHECKS.get(key, _is_text)
    try:
        return check(value)
    except (ValueError, KeyError, LookupError) as error:
        raise SourceError(
            f"{path}: {key}: {error}", "Correct the value, or remove the line for the default."
        ) from error


def _is_text(value: Any) -> str:
    return str(value).strip()


def _is_adapter(value: Any) -> str:
    if value not in ADAPTERS:
        raise ValueError(f"{value!r} is no format; formats: {', '.join(ADAPTERS)}")
    return str(value)


def _is_zone(value: Any) -> str:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{value!r} is no time zone; write one such as Europe/Berlin") from error
    return str(value)


def _is_code(pattern: str, example: str) -> Any:
    def check(value: Any) -> str:
        if not re.fullmatch(pattern, str(value)):
            raise ValueError(f"{value!r} is not of the form {example}")
        return str(value)

    return check


def _is_day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _is_encoding(value: Any) -> str:
    return codecs.lookup(str(value)).name


def _is_one_of(*values: str) -> Any:
    def check(value: Any) -> str:
        if value not in values:
            raise ValueError(f"{value!r} is not one of {', '.join(values)}")
        return str(value)

    return check


_CHECKS: dict[str, Any] = {
    "adapter": _is_adapter,
    "channel": _is_code(r"[a-z][a-z0-9_]{0,62}", "web_store"),
    "time_zone": _is_zone,
    "currency": _is_code("[A-Z]{3}", "USD"),
    "phone_region": _is_code("[A-Z]{2}", "US"),
    "extract_date": _is_day,
    "complete_to": _is_day,
    "encoding": _is_encoding,
    "decimal": _is_one_of(".", ","),
    "schema_policy": _is_one_of("evolve", "freeze"),
}

TEMPLATE = """\
# What this house should know about the exports in this folder. Every line is optional: remove the # to declare it.
# The folder's name, {name}, names the source system in every table. Put export files beside this one; they are only
# read, never changed. `caw check FILE` tells how a file would be read.

# adapter: shopify             # one of {adapters}; default: recognised from each file's header
# channel: web_store           # sales channel; default: by format, for canonical files the source's name
# time_zone: Europe/Berlin     # zone of times written without an offset; default: by format, else UTC
# currency: EUR                # ISO 4217; default: the file's own column, else by format
# store_id: main               # store of every row, where the export does not say
# phone_region: DE             # ISO 3166 country whose telephone numbers are written without a country code
# extract_date: 2026-01-31     # day on which the export was drawn; a file keeps the day declared when first read
# complete_to: 2026-01-30       # last day that the export covers whole; default: the day before extract_date
# encoding: gb18030            # only where the file is not UTF-8 and its format does not say
# decimal: ","                 # decimal mark of amounts: "." or ","
# schema_policy: freeze        # freeze refuses unknown extra columns; evolve (the default) warns and leaves them out
"""


def init_home(settings: Settings, sources: list[str] | tuple[str, ...] = (), pepper: bytes | None = None) -> list[Path]:
    """Make landing folders with a commented `_source.yml` each, and the pepper; returns what was made.

    What exists is left alone. Raises SourceError for a name that cannot be one.
    """
    made: list[Path] = []
    for name in sources:
        folder = settings.landing_dir / name
        read_source(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / DECLARATION
        if not path.exists():
            path.write_text(TEMPLATE.format(name=name, adapters=", ".join(ADAPTERS)), encoding="utf-8")
            made.append(path)
    settings.landing_dir.mkdir(parents=True, exist_ok=True)
    if make_pepper(settings, pepper):
        made.append(pepper_path(settings))
    return made
