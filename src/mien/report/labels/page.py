"""The page of an audit: how many labels are suspicious, what is taken for what, and the pictures themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mien.data.views import data_uri, view
from mien.labels.reviewers import Reviewer
from mien.labels.suspects import Suspects
from mien.labels.verdicts import AMBIGUOUS, KINDS, STRANGE, WRONG, Verdicts
from mien.report.common.layout import Cell, Table, render, undefined
from mien.report.common.run_figures import percent
from mien.types import Dataset, Ints

SHOWN = 48
"""Pictures of each class and verdict."""
NEAREST = 5
SIDE = 192
"""Longer side of a picture on the page."""
MOST_CONFLICTS = 60
LOSSLESS = 64 * 64
"""Most pixels of a picture that is stored losslessly on the page, which may have a thousand pictures."""
TITLES = {
    WRONG: "another class is clearly more likely",
    AMBIGUOUS: "two classes are nearly as likely as each other",
    STRANGE: "far from all that is usual: a bad crop, a drawing, no face?",
}


@dataclass(frozen=True)
class Picture:
    """One picture to look at, as a data URI, with its nearest neighbours side by side."""

    name: str
    given: str
    suggested: str
    reason: str
    image: str
    neighbours: str


@dataclass(frozen=True)
class Conflict:
    """A picture with several labels: the picture as a data URI, and the files of each label."""

    image: str
    files: dict[str, list[str]]


def page(
    data: Dataset,
    found: Suspects,
    judged: Verdicts,
    reviewed: Ints,
    conflicts: Sequence[Dataset],
    people: Sequence[Reviewer] = (),
) -> str:
    """One self-contained HTML page; the arguments are those of `mien.experiments.labels.audit.Audit`.

    Parameters
    ----------
    conflicts : equal pictures with different labels, a data set for each picture.
    """
    counts = judged.counts()
    groups = [(kind, TITLES[kind], counts[kind], _by_class(kind, data, found, judged)) for kind in TITLES]
    return render(
        "audit.html",
        name=str(data.name).rstrip("/").rpartition("/")[2] or "the data",
        total=len(data),
        counts=counts,
        reviewed=int((reviewed >= 0).sum()),
        conflicts=[_conflict(equal) for equal in conflicts[:MOST_CONFLICTS]],
        conflicting=len(conflicts),
        tables=(_classes(data, found, judged), _taken_for(data, found, judged)),
        people=_people(people) if len(people) > 1 else None,
        groups=groups,
        percent=percent,
    )


def _classes(data: Dataset, found: Suspects, judged: Verdicts) -> Table:
    lines = []
    for c, name in enumerate(data.labelset.names):
        own = found.labels == c
        if not own.any():
            continue
        shares = [float((judged.kind[own] == number).mean()) for number in range(len(KINDS))]
        cells = (
            Cell(percent(share), str(round(share * own.sum())), heat=share if kind == WRONG else None)
            for share, kind in zip(shares, KINDS, strict=True)
        )
        lines.append((Cell(name), Cell(str(int(own.sum()))), *cells))
    return Table("Verdicts by given label", ("Given", "Pictures", *KINDS), lines, heat="harm")


def _people(people: Sequence[Reviewer]) -> Table:
    lines = [
        (
            Cell(one.who or "without a name"),
            Cell(f"{one.pictures:,}"),
            Cell(f"{one.shared:,}"),
            undefined("shares no picture") if math.isnan(one.agreement) else Cell(percent(one.agreement)),
            undefined("not weighed: --merge crowdlab") if math.isnan(one.quality) else Cell(f"{one.quality:.2f}"),
        )
        for one in people
    ]
    return Table("Reviewers", ("", "Pictures", "Shared with others", "Agrees with them", "Quality"), lines)


def _taken_for(data: Dataset, found: Suspects, judged: Verdicts) -> Table:
    """What the probably wrong labels are suggested to be."""
    wrong = judged.kind == KINDS.index(WRONG)
    names = [name for c, name in enumerate(data.labelset.names) if (found.labels == c).any()]
    lines = []
    for name in names:
        own = wrong & (found.labels == data.labelset.index(name))
        cells = []
        for other in names:
            count = int((found.suggested[own] == data.labelset.index(other)).sum())
            share = count / max(1, int(own.sum()))
            cells.append(undefined("its own label") if other == name else Cell(str(count), heat=share))
        lines.append((Cell(name), *cells))
    return Table("Probably wrong labels: given (rows), suggested (columns)", ("", *names), lines, heat="harm")


def _by_class(kind: str, data: Dataset, found: Suspects, judged: Verdicts) -> list[tuple[str, int, list[Picture]]]:
    """(class, pictures with the verdict, those that are shown)."""
    shown = []
    for c, name in enumerate(data.labelset.names):
        rows = np.flatnonzero((judged.kind == KINDS.index(kind)) & (found.labels == c))
        if len(rows):
            chosen = rows[np.argsort(-found.score[rows], kind="stable")][:SHOWN]
            shown.append((name, len(rows), [_picture(row, data, found, judged) for row in chosen]))
    return shown


def _picture(row: int, data: Dataset, found: Suspects, judged: Verdicts) -> Picture:
    names = data.labelset.names
    near = [other for other in found.neighbours[row][:NEAREST].tolist() if other >= 0]
    return Picture(
        str(data.ids[row]), names[found.labels[row]], names[found.suggested[row]], judged.reason[row],
        data_uri(view(data, row, SIDE), LOSSLESS), data_uri(_strip(data, near), LOSSLESS) if near else "",
    )  # fmt: skip


def _strip(data: Dataset, rows: Sequence[int]) -> Image.Image:
    """Some pictures side by side, as they were audited: to read their files again would take long."""
    return Image.fromarray(np.concatenate(list(data.pictures[list(rows)]), axis=1))


def _conflict(equal: Dataset) -> Conflict:
    """One picture that has several labels."""
    files: dict[str, list[str]] = {}
    for name, label in zip(equal.ids.tolist(), equal.labels.tolist(), strict=True):
        files.setdefault(equal.labelset.names[label] if label >= 0 else "no label", []).append(str(name))
    return Conflict(data_uri(view(equal, 0, SIDE), LOSSLESS), files)
