"""Render: one self-contained HTML page from one published warehouse file.

Lives here: opening the file, building the sections of a page, and assembling them with the template.
Stays out: the figures (`queries/`), the charts (`charts/`), the words (`sections/`) and the looks (`templates/`).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from pipelines.report.blocks import Block, Note, Page, Section
from pipelines.report.published import AbsentError, Published, open_published
from pipelines.report.sections.overview import stamp

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("pipelines.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


_HTTP = re.compile("http", re.IGNORECASE)


@dataclass(frozen=True)
class Built:
    """A section with its blocks filled from the file."""

    section: Section
    blocks: tuple[Block, ...]


def render_page(db_path: Path, out_path: Path, page: Page) -> Path:
    """Write `page` about the warehouse file at `db_path` to `out_path` and return that path.

    Reads schemas core, marts and meta through a read-only connection. What the file lacks is said in a sentence
    where it would stand. Equal files give equal bytes. Raises FileNotFoundError when there is no file, and
    duckdb.IOException when it cannot be opened.
    """
    with open_published(Path(db_path)) as published:
        built = [Built(section, tuple(_blocks(published, section))) for section in page.sections]
        stamps = stamp(published)
    return write_page(page, built, stamps, out_path)


def write_page(page: Page, built: list[Built], stamps: list[tuple[str, str]], out_path: Path) -> Path:
    """Write sections already built to `out_path` and return that path; equal blocks give equal bytes."""
    html = _ENVIRONMENT.get_template("report.html.jinja").render(page=page, built=built, stamp=stamps, css=_css())
    return _write(Path(out_path), _defused(html))


def _blocks(published: Published, section: Section) -> list[Block]:
    blocks: list[Block] = []
    for build in section.builds:
        try:
            blocks.extend(build(published))
        except AbsentError as absent:
            blocks.append(Note(str(absent)))
    return list(dict.fromkeys(blocks))


def _defused(html: str) -> str:
    """`html` with nothing in it that looks like an address: names and messages of the data may hold one.

    Character references read the same to people, and everything outside the style sheet is text or a quoted attribute.
    """
    return _HTTP.sub(lambda found: f"&#{ord(found.group()[0])};{found.group()[1:]}", html.replace("//", "/&#47;"))


def _css() -> Markup:
    loader = _ENVIRONMENT.loader
    assert loader is not None
    return Markup(loader.get_source(_ENVIRONMENT, "report.css")[0])


def _write(out_path: Path, html: str) -> Path:
    """Replace `out_path` in one step, so that a reader never sees half a page."""
    out_path.parent.mkdir(parents=True, exist_ok=True)
    partial = out_path.with_name(f".{out_path.name}.{os.getpid()}.partial")
    partial.write_text(html, encoding="utf-8")
    partial.replace(out_path)
    return out_path
