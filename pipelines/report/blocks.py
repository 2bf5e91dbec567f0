"""Blocks: what a section of a page may consist of.

Lives here: frozen records of cards, sentences, figures, tables and definitions, plain text in them, no markup.
Stays out: how a block looks (`templates/`), and where its figures come from (`sections/`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from markupsafe import Markup

if TYPE_CHECKING:
    from pipelines.report.published import Published

TONES = ("plain", "good", "watch", "bad", "unknown")
"""How a figure is to be read; told in words as well, never by colour alone."""


@dataclass(frozen=True)
class Card:
    """One headline figure: what it is, the figure, what it stands on, and how to read it."""

    label: str
    value: str
    note: str = ""
    trend: str | None = None
    tone: str = "plain"


@dataclass(frozen=True)
class Cards:
    """A row of headline figures."""

    kind: ClassVar[str] = "cards"
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Sentence:
    """One finding in words. `text` is made by `say`, which escapes what it is given."""

    text: Markup
    tone: str = "plain"
    link: str | None = None


@dataclass(frozen=True)
class Sentences:
    """A list of findings, the most important first."""

    kind: ClassVar[str] = "sentences"
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class DataTable:
    """A table for reading: headings with their alignment ("l" or "r"), rows of text already formatted."""

    kind: ClassVar[str] = "table"
    caption: str
    headings: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    is_folded: bool = False
    is_half: bool = False
    note: str = ""
    tones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """A chart; across the page it is drawn again for a telephone, or scrolls there.

    It may still be at work in another thread: who asks for its markup waits for it, and gets what went wrong there.
    """

    page: Future[Markup]
    telephone: Future[Markup] | None = None
    scrolls: bool = False

    @property
    def wide(self) -> Markup:
        """The markup for the page."""
        return self.page.result()

    @property
    def narrow(self) -> Markup | None:
        """The markup for a telephone; None where that of the page serves."""
        return self.telephone.result() if self.telephone else None


@dataclass(frozen=True)
class Figure:
    """A chart with its caption and the same figures as a table."""

    kind: ClassVar[str] = "figure"
    key: str
    title: str
    caption: str
    drawing: Drawing
    table: DataTable
    is_half: bool = False


@dataclass(frozen=True)
class Note:
    """A sentence that stands where something is missing, or qualifies what is shown."""

    kind: ClassVar[str] = "note"
    text: str
    tone: str = "unknown"


@dataclass(frozen=True)
class Definitions:
    """Terms and what they mean here."""

    kind: ClassVar[str] = "definitions"
    items: tuple[tuple[str, str], ...]


Block = Cards | Sentences | DataTable | Figure | Note | Definitions
Build = Callable[["Published"], "list[Block]"]


@dataclass(frozen=True)
class Section:
    """A part of a page: anchor, headings, the question it answers, and the functions that build its blocks.

    Each function stands alone: what one of them misses in the file leaves the others untouched.
    """

    key: str
    title: str
    question: str
    builds: tuple[Build, ...]
    nav: str = ""


FROM_WAREHOUSE = "Every figure stands in the published warehouse, where it can be queried and traced"


@dataclass(frozen=True)
class Page:
    """One HTML page: its name, title, a sentence on what it is, its sections in order, where its figures are from."""

    name: str
    title: str
    lede: str
    sections: tuple[Section, ...]
    origin: str = FROM_WAREHOUSE


def headings(*left: str, right: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """Headings of a table: those of text first, then those of figures."""
    return (*((name, "l") for name in left), *((name, "r") for name in right))


def say(pattern: str, /, **figures: object) -> Markup:
    """A sentence with its figures set in bold; text inserted is escaped, `Markup` goes in as it is."""
    shown = {
        name: value if isinstance(value, Markup) else Markup("<b>{}</b>").format(value)
        for name, value in figures.items()
    }
    return Markup(pattern).format(**shown)
