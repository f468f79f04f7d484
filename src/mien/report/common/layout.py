"""What the page is made of: cells in tables, figures, tabs, sections. Everything renders itself as escaped HTML."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mien.storage.run import Run

TEMPLATES = Environment(
    loader=PackageLoader("mien.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
DASH = "–"


def render(template: str, **values: object) -> Markup:
    """One of the templates, filled in."""
    return Markup(TEMPLATES.get_template(template).render(**values))


class Block:
    """Something that stands on the page; `template` says how it looks."""

    template: ClassVar[str]

    def __html__(self) -> str:
        return render(self.template, block=self)


@dataclass(frozen=True)
class Cell(Block):
    """One cell: the figure, below it in small print its count or interval, and what a pointer at rest shows.

    Attributes
    ----------
    heat : strength of the background between 0 and 1, or None.
    tone : any of "good", "bad", "own" (the class that was left out), "quiet", "left" (aligned), with spaces between.
    hue : number of the swatch before the text, or None.
    """

    template: ClassVar[str] = "cell.html"
    text: str
    detail: str = ""
    title: str = ""
    heat: float | None = None
    tone: str = ""
    hue: int | None = None


def undefined(why: str) -> Cell:
    """The dash of a figure that does not exist, with the reason."""
    return Cell(DASH, title=why, tone="quiet")


@dataclass(frozen=True)
class Table(Block):
    """A table in a box of its own that scrolls when it is wider than the screen.

    Attributes
    ----------
    head : column titles; the first stands over the row names.
    rows : rows of cells; the first cell names the row.
    foot : rows of means, set apart.
    spans : a line above the column titles: (title, columns that it stands over).
    heat : "retention" or "harm": the colour of the heated cells.
    """

    template: ClassVar[str] = "table.html"
    caption: str
    head: Sequence[str | Cell]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Sequence[Cell]] = ()
    spans: Sequence[tuple[str, int]] = ()
    heat: str = "retention"
    small: bool = False


@dataclass(frozen=True)
class Panel(Block):
    """One small figure with its title."""

    template: ClassVar[str] = "panel.html"
    title: str
    svg: Markup


@dataclass(frozen=True)
class Panels(Block):
    """Small figures side by side, as many in a line as the screen has room for, over one legend.

    Attributes
    ----------
    keys : (name, SVG swatch) of the lines.
    """

    template: ClassVar[str] = "panels.html"
    panels: Sequence[Panel]
    keys: Sequence[tuple[str, Markup]]
    caption: str


@dataclass(frozen=True)
class Row(Block):
    """Blocks side by side where there is room."""

    template: ClassVar[str] = "row.html"
    blocks: Sequence[Block]
    title: str = ""


@dataclass(frozen=True)
class Tabs(Block):
    """Alternatives, one shown at a time; without a choice there are no tabs.

    Attributes
    ----------
    name : unique on the page.
    tabs : (label, content).
    """

    template: ClassVar[str] = "tabs.html"
    name: str
    tabs: Sequence[tuple[str, Markup]]


@dataclass(frozen=True)
class Folded(Block):
    """Detail that opens on demand."""

    template: ClassVar[str] = "folded.html"
    title: str
    body: Markup


@dataclass(frozen=True)
class Remark(Block):
    """A sentence between the figures; `tone` "missing" marks what an unfinished study has not made yet."""

    template: ClassVar[str] = "remark.html"
    text: str
    tone: str = ""


def stack(*blocks: Block | Markup) -> Markup:
    """Blocks one below the other."""
    return Markup("\n").join(blocks)


@dataclass(frozen=True)
class Section:
    """A part of the page; `note` says in a sentence or two what its figures mean."""

    title: str
    anchor: str
    body: Markup
    note: str = ""


def section(
    title: str, anchor: str, *, needs: Sequence[str] = ()
) -> Callable[[Callable[[Run], Markup]], Callable[[Run], Section]]:
    """Make a function Run → body a function Run → Section.

    Parameters
    ----------
    needs : tables without which the section says what is missing instead.

    The docstring of the function is the note under the title.
    """

    def wrap(body: Callable[[Run], Markup]) -> Callable[[Run], Section]:
        note = " ".join((body.__doc__ or "").split())

        @functools.wraps(body)
        def build(run: Run) -> Section:
            absent = [f"tables/{name}.csv" for name in needs if not _has_rows(run, name)]
            if not absent:
                return Section(title, anchor, body(run), note)
            text = f"Not there yet: no finished cell of the study has filled {', '.join(absent)}."
            return Section(title, anchor, stack(Remark(text, "missing")), note)

        return build

    return wrap


def _has_rows(run: Run, name: str) -> bool:
    path = run.path("tables", f"{name}.csv")
    if not path.exists():
        return False
    with path.open(encoding="utf-8") as file:
        return len(list(islice(file, 2))) == 2  # the first line names the columns
