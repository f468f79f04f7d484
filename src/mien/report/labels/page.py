"""The page of an audit: counts of verdicts, suggested labels, and the pictures themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from mien.data.views import data_uri, view
from mien.labels.audit_result import Audit
from mien.labels.reviewers import Reviewer
from mien.labels.verdicts import AMBIGUOUS, KINDS, STRANGE, WRONG
from mien.metrics.classification import confusion_matrix
from mien.report.common.layout import Cell, Table, render, undefined
from mien.report.common.run_figures import percent
from mien.types import Dataset

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
    STRANGE: "far from all other pictures: a bad crop, a drawing, no face?",
}


def page(audit: Audit, conflicts: Sequence[Dataset]) -> str:
    """Render the page of an audit as one self-contained HTML file.

    Parameters
    ----------
    conflicts : equal pictures with different labels, a data set for each picture.
    """
    counts = audit.verdicts.counts()
    return render(
        "audit.html",
        name=str(audit.data.name).rstrip("/").rpartition("/")[2] or "the data",
        total=len(audit.data),
        counts=counts,
        reviewed=int((audit.reviewed >= 0).sum()),
        conflicts=[_conflict(equal) for equal in conflicts[:MOST_CONFLICTS]],
        conflicting=len(conflicts),
        tables=(_classes(audit), _suggestions(audit)),
        people=_people(audit.people) if len(audit.people) > 1 else None,
        groups=[(kind, TITLES[kind], counts[kind], _by_class(kind, audit)) for kind in TITLES],
        percent=percent,
    )


def _classes(audit: Audit) -> Table:
    lines = []
    for c, name in enumerate(audit.data.labelset.names):
        given = audit.suspects.labels == c
        total = int(given.sum())
        if total:
            counts = audit.verdicts.counts(given)
            cells = (
                Cell(percent(count / total), str(count), heat=count / total if kind == WRONG else None)
                for kind, count in counts.items()
            )
            lines.append((Cell(name), Cell(str(total)), *cells))
    return Table("Verdicts by given label", ("Given", "Pictures", *KINDS), lines, heat="harm")


def _people(people: Sequence[Reviewer]) -> Table:
    lines = []
    for reviewer in people:
        agrees, quality = Cell(percent(reviewer.agreement)), Cell(f"{reviewer.quality:.2f}")
        if math.isnan(reviewer.agreement):
            agrees = undefined("shares no picture")
        if math.isnan(reviewer.quality):
            quality = undefined("not weighed: --merge crowdlab")
        counts = (Cell(f"{count:,}") for count in (reviewer.pictures, reviewer.shared))
        lines.append((Cell(reviewer.who or "without a name"), *counts, agrees, quality))
    return Table("Reviewers", ("", "Pictures", "Shared with others", "Agrees with them", "Quality"), lines)


def _suggestions(audit: Audit) -> Table:
    """Number of probably wrong labels by given and by suggested class."""
    labelset, suspects = audit.data.labelset, audit.suspects
    wrong = audit.verdicts.kind == KINDS.index(WRONG)
    present = np.unique(suspects.labels)
    names = [labelset.names[c] for c in present]
    counts = confusion_matrix(suspects.labels[wrong], suspects.suggested[wrong], len(labelset))
    lines = []
    for c, name in zip(present, names, strict=True):
        row, total = counts[c], max(1, int(counts[c].sum()))
        cells = (
            undefined("its own label") if other == c else Cell(str(row[other]), heat=row[other] / total)
            for other in present
        )
        lines.append((Cell(name), *cells))
    return Table("Probably wrong labels: given (rows), suggested (columns)", ("", *names), lines, heat="harm")


def _by_class(kind: str, audit: Audit) -> list[tuple[str, int, list[dict[str, str]]]]:
    """(class, pictures with the verdict, those that are shown)."""
    shown = []
    for c, name in enumerate(audit.data.labelset.names):
        rows = np.flatnonzero((audit.verdicts.kind == KINDS.index(kind)) & (audit.suspects.labels == c))
        if len(rows):
            chosen = rows[np.argsort(-audit.suspects.score[rows], kind="stable")][:SHOWN]
            shown.append((name, len(rows), [_picture(row, audit) for row in chosen]))
    return shown


def _picture(row: int, audit: Audit) -> dict[str, str]:
    """Texts and data URIs of a picture and of its nearest neighbours side by side, as the template names them."""
    data, suspects = audit.data, audit.suspects
    near = [other for other in suspects.neighbours[row][:NEAREST].tolist() if other >= 0]
    # the neighbours as they were audited, since reading their files again would take long
    strip = data_uri(Image.fromarray(np.concatenate(list(data.pictures[near]), axis=1)), LOSSLESS) if near else ""
    return {
        "name": str(data.ids[row]),
        "given": data.labelset.names[suspects.labels[row]],
        "suggested": data.labelset.names[suspects.suggested[row]],
        "reason": audit.verdicts.reason[row],
        "image": data_uri(view(data, row, SIDE), LOSSLESS),
        "neighbours": strip,
    }


def _conflict(equal: Dataset) -> tuple[str, dict[str, list[str]]]:
    """A picture with several labels: its data URI, and the files of each label."""
    files: dict[str, list[str]] = {}
    for name, label in zip(equal.ids.tolist(), equal.labels.tolist(), strict=True):
        files.setdefault(equal.labelset.names[label] if label >= 0 else "no label", []).append(str(name))
    return data_uri(view(equal, 0, SIDE), LOSSLESS), files
