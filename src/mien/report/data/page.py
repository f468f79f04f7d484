"""Counts and problems of a data set, for a page, the terminal or JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mien.data.checks import Kind, by_kind, usable
from mien.data.images import Formats
from mien.data.near import near_copies
from mien.data.near import problems as near_problems
from mien.data.prepare import Unfiltered
from mien.data.split import split
from mien.data.views import COLUMNS, as_png, contact_sheet
from mien.report.common.layout import render
from mien.types import PARTS, Dataset, Ints, Texts

MODES = {"L": "grey", "RGB": "colour", "RGBA": "colour with transparency", "P": "palette", "1": "black and white"}
COLUMNS_OF_SOURCES = 8
"""Sources with a colour; where there are more, the last colour is for the rest."""
FEW = 5
"""Counts below this are shown in another colour: rates of so few pictures are uncertain."""


@dataclass(frozen=True)
class Inspection:
    """Counts and problems of a data set, as `mien data inspect` shows them.

    Attributes
    ----------
    name : where the data came from.
    rows, usable : rows read, and those with picture and label.
    classes : the K class names.
    totals : (K,) usable pictures.
    parts : part → (K,) pictures per class, in the split of a study with seed 0.
    sources : part or contributor of the original set → (K,) pictures, the largest first; the rest under "others".
    people, largest : how many persons are known, and the one with most pictures: (name, pictures).
    formats : sizes and modes before decoding.
    problems : grouped by kind.
    samples : PNG, one row per class.
    side : pixels of one sample's side.
    """

    name: str
    rows: int
    usable: int
    classes: tuple[str, ...]
    totals: Ints
    parts: Mapping[str, Ints]
    sources: Mapping[str, Ints]
    people: int
    largest: tuple[str, int]
    formats: Formats
    problems: tuple[Kind, ...]
    samples: bytes
    side: int

    def as_json(self) -> dict[str, object]:
        """The figures, without the samples."""
        return {
            "data": self.name,
            "rows": self.rows,
            "usable": self.usable,
            "classes": self._by_class(self.totals),
            "parts": {part: self._by_class(counts) for part, counts in self.parts.items()},
            "sources": {source: self._by_class(counts) for source, counts in self.sources.items()},
            "people": {"count": self.people, "largest": {"name": self.largest[0], "pictures": self.largest[1]}},
            "sizes": [
                {"width": w, "height": h, "pictures": count} for (w, h), count in self.formats.sizes.most_common()
            ],
            "modes": dict(self.formats.modes),
            "problems": [
                {"kind": kind.name, "count": kind.count, "examples": [str(problem) for problem in kind.examples]}
                for kind in self.problems
            ],
        }

    def _by_class(self, counts: Ints) -> dict[str, int]:
        return dict(zip(self.classes, counts.tolist(), strict=True))

    @property
    def shares(self) -> list[float]:
        """(K,) share of all usable pictures."""
        return [float(total) / max(1, self.usable) for total in self.totals]

    @property
    def modes(self) -> dict[str, int]:
        """Mode in plain words → pictures, the most frequent first."""
        return {MODES.get(mode, mode): count for mode, count in self.formats.modes.most_common()}

    @property
    def sizes_in_words(self) -> str:
        """Sizes before decoding, in a few words."""
        sizes = self.formats.sizes
        if not sizes:
            return "none"
        if len(sizes) == 1:
            ((width, height),) = sizes
            return f"all {width}×{height}"
        widths, heights = zip(*sizes, strict=True)
        (width, height), count = sizes.most_common(1)[0]
        spread = f"{min(widths)}–{max(widths)} × {min(heights)}–{max(heights)}"
        return f"{len(sizes)} different, {spread}; most often {width}×{height} ({count})"


def inspect(unfiltered: Unfiltered, *, near: bool = False) -> Inspection:
    """Count what is in a data set.

    Parameters
    ----------
    near : whether nearly equal pictures are looked for, which takes some seconds for 10,000.
    """
    data = usable(unfiltered.data)
    assert data.pixels is not None
    parts = split(data, seed=0)
    problems = list(data.problems)
    if near:
        problems += near_problems(data, near_copies(data.pixels), parts.parts, PARTS)
    return Inspection(
        name=data.name,
        rows=unfiltered.rows,
        usable=len(data),
        classes=data.labelset.names,
        totals=data.counts(),
        parts={part: data.take(parts.rows(part)).counts() for part in PARTS},
        sources=_sources(data),
        people=0 if data.groups is None else len(set(data.groups.tolist()) - {""}),
        largest=_largest(data.groups),
        formats=unfiltered.formats,
        problems=tuple(by_kind(problems)),
        samples=as_png(contact_sheet(data)),
        side=data.pixels.shape[1],
    )


def page(inspection: Inspection) -> str:
    """Render the page of an inspection as one self-contained HTML file."""
    samples = base64.b64encode(inspection.samples).decode()
    return render("inspect.html", seen=inspection, samples=samples, columns=COLUMNS, few=FEW)


def _sources(data: Dataset) -> dict[str, Ints]:
    if data.sources is None:
        return {}
    names, where, sizes = np.unique(data.sources, return_inverse=True, return_counts=True)
    if len(names) < 2:
        return {}
    order = np.argsort(-sizes, kind="stable")
    shown = len(order) if len(order) <= COLUMNS_OF_SOURCES else COLUMNS_OF_SOURCES - 1
    counts = {str(names[place]): data.take(where == place).counts() for place in order[:shown]}
    rest = order[shown:]
    if len(rest):
        counts[f"{len(rest)} others"] = data.take(np.isin(where, rest)).counts()
    return counts


def _largest(groups: Texts | None) -> tuple[str, int]:
    if groups is None or not (groups != "").any():
        return "", 0
    names, counts = np.unique(groups[groups != ""], return_counts=True)
    most = int(counts.argmax())
    return str(names[most]), int(counts[most])
