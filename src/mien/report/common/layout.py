"""Parts of a page: tables of cells, figures, tabs, sections. Each renders itself as escaped HTML."""

from __future__ import annotations

import functools
import re
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
    """Fill in one of the templates."""
    return Markup(TEMPLATES.get_template(template).render(**values))


class Block:
    """Part of a page that is rendered by its `template`."""

    template: ClassVar[str]

    def __html__(self) -> str:
        return render(self.template, block=self)


@dataclass(frozen=True)
class Cell(Block):
    """A cell of a table: `text`, below it `detail` in small print (a count or an interval), and a tooltip `title`.

    Attributes
    ----------
    detail_parts : pieces of `detail` between which a line may break.
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

    @property
    def detail_parts(self) -> list[str]:
        return re.split(r"(?<= ·) | (?=of )", self.detail) if self.detail else []


def undefined(why: str) -> Cell:
    """A dash for a figure that is undefined, with the reason as tooltip."""
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


def panels(caption: str, figures: Sequence[tuple[str, Markup]], keys: Sequence[tuple[str, Markup]] = ()) -> Markup:
    """Small figures (title, SVG) side by side, as many in a line as fit, under a legend of (name, SVG swatch)."""
    return render("panels.html", caption=caption, figures=figures, keys=keys)


def side_by_side(blocks: Sequence[Block], title: str = "") -> Markup:
    """Blocks side by side where there is room."""
    return render("row.html", blocks=blocks, title=title)


def tabs(name: str, contents: Sequence[tuple[str, Block | Markup]]) -> Markup:
    """Alternatives (label, content), one shown at a time; `name` is unique on the page. A single one has no tab."""
    return render("tabs.html", name=name, contents=contents)


def folded(title: str, *blocks: Block | Markup) -> Markup:
    """Blocks that are shown once their title is clicked."""
    return render("folded.html", title=title, body=stack(*blocks))


def missing(text: str) -> Markup:
    """A sentence on what an unfinished or damaged run lacks."""
    return render("missing.html", text=text)


def stack(*blocks: Block | Markup) -> Markup:
    """Blocks one below the other."""
    return Markup("\n").join(blocks)


@dataclass(frozen=True)
class Section:
    """A part of the page under a title; `note` explains its figures in a sentence or two."""

    title: str
    anchor: str
    body: Markup
    note: str = ""


def section(
    title: str, anchor: str, *, needs: Sequence[str] = ()
) -> Callable[[Callable[[Run], Markup]], Callable[[Run], Section]]:
    """Make a function Run → body a function Run → Section; its docstring becomes the note under the title.

    Parameters
    ----------
    needs : tables without which the section only names what is missing.
    """

    def wrap(body: Callable[[Run], Markup]) -> Callable[[Run], Section]:
        note = " ".join((body.__doc__ or "").split())

        @functools.wraps(body)
        def build(run: Run) -> Section:
            absent = [f"tables/{name}.csv" for name in needs if not _has_rows(run, name)]
            if not absent:
                return Section(title, anchor, body(run), note)
            text = f"Not there yet: no finished cell of the study has filled {', '.join(absent)}."
            return Section(title, anchor, missing(text), note)

        return build

    return wrap


def _has_rows(run: Run, name: str) -> bool:
    path = run.path("tables", f"{name}.csv")
    if not path.exists():
        return False
    with path.open(encoding="utf-8") as file:
        return len(list(islice(file, 2))) == 2  # the first line names the columns
