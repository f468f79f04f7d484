"""What is wrong with a data set: found, said, and, where it would spoil a study, kept out of it.

The checks run in the order of CHECKS, each on what the one before left.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.data.labels import ALIASES, EMOTIONS
from mien.data.listing import UNDECIDED
from mien.data.pixel_checks import blank_images, confounded_by_brightness
from mien.errors import DataError
from mien.settings import names_flag
from mien.types import NO_LABEL, Dataset, Ints, Problem, Texts

ADDED = frozenset(
    {"img", "imgs", "image", "images", "face", "faces", "pic", "pics", "picture", "pictures", "photo", "photos",
     "class", "label", "emotion", "expression", "cropped", "aligned", "data", "set"}
)  # fmt: skip
"""Words that add nothing to the name of a class."""
ALIKE = 0.84
"""Similarity of two class names (difflib's ratio) from which on one is probably the other, misspelt."""
RARE = 20
"""Fewest pictures of a class that give each of the five parts one or more."""


def check(dataset: Dataset) -> Dataset:
    """Apply all CHECKS: Problems are added, rows that repeat a file dropped, contradictory labels taken away.

    Parameters
    ----------
    dataset : as read; copies are found by `hashes`, so decode first.

    Examples
    --------
    >>> import numpy as np
    >>> from mien.types import Dataset, LabelSet
    >>> ids = np.array(["1.png", "2.png"])
    >>> labels, raw = np.array([0, -1]), np.array(["fear", "angry?"])
    >>> data = check(Dataset(ids, labels, LabelSet(("anger", "fear")), raw_labels=raw, paths=ids))
    >>> [problem.kind for problem in data.problems]
    ['unknown label', 'too rare', 'class without pictures', 'one class only']
    """
    for step in CHECKS:
        dataset = step(dataset)
    return dataset


def usable(dataset: Dataset) -> Dataset:
    """The rows with a label; DataError where there is none."""
    rows = dataset.take(dataset.labels >= 0)
    if not len(rows):
        kinds = by_kind(dataset.problems)
        remedy = f"most often: {kinds[0].count} × {kinds[0].name} ({kinds[0].examples[0]})" if kinds else ""
        raise DataError("has no usable picture", place=dataset.name, remedy=remedy)
    return rows


def missing_labels(dataset: Dataset) -> Dataset:
    """Rows without a label, with one that no vote decided, or with one that means no class."""
    problems = []
    for row in np.flatnonzero(dataset.labels < 0).tolist():
        raw, place = str(dataset.raw_labels[row]), str(dataset.ids[row])
        if not raw:
            problems.append(Problem("unlabelled", place, "has no label", "label it; it is left out"))
        elif raw in UNDECIDED:
            cause = f"the votes name no emotion ({raw})"
            problems.append(Problem("undecided", place, cause, "nothing: it is left out"))
        elif dataset.labelset.resolve(raw) < 0:  # else the label was taken away, with a Problem of its own
            near = dataset.labelset.nearest(raw) or EMOTIONS.nearest(raw)
            hint = f"did you mean {near!r}? " if near else ""
            hint += names_flag(raw, near or "CLASS") + ", or correct it"
            problems.append(Problem("unknown label", place, f"label {raw!r} is no class", hint))
    return dataset.replace(*problems)


def contradictions(dataset: Dataset) -> Dataset:
    """Equal pictures (or rows of one file) with different labels: all of them lose their label."""
    problems = []
    labels = dataset.labels.copy()
    names = np.array([*dataset.labelset.names, "no class"])
    for rows in _contradictory(dataset):
        given = names[dataset.labels[rows]].tolist()
        said = ", ".join(f"{count} × {label}" for label, count in Counter(given).items())
        first, second = dataset.ids[rows[:2]]
        remedy = "correct the labels; until then none of them is used"
        for place, label in zip(dataset.ids[rows], given, strict=True):
            other = second if place == first else first
            cause = f"is labelled {label}; the same picture as {other}: {said}"
            problems.append(Problem("contradictory labels", str(place), cause, remedy))
        labels[rows] = NO_LABEL
    return dataset.replace(*problems, labels=labels)


def conflicting(dataset: Dataset) -> list[Dataset]:
    """The rows that `contradictions` takes the labels of, with these labels: one data set for each picture."""
    return [dataset.take(rows) for rows in _contradictory(dataset)]


def _contradictory(dataset: Dataset) -> list[Ints]:
    """Rows of each picture that has two labels or more."""
    groups = _equal(_pictures(dataset))
    return [rows for rows in groups if len(np.unique(dataset.labels[rows][dataset.labels[rows] != NO_LABEL])) > 1]


def repeated_rows(dataset: Dataset) -> Dataset:
    """Rows that name a file again: the first is kept."""
    kept = np.ones(len(dataset), dtype=bool)
    problems = []
    for rows in _equal(dataset.paths):
        if not dataset.paths[rows[0]]:
            continue  # pixels that came with the rows: no file to repeat
        kept[rows[1:]] = False
        first = dataset.ids[rows[0]]
        problems += [
            Problem("repeated row", str(dataset.ids[row]), f"names the file of {first} again", "nothing: it is dropped")
            for row in rows[1:]
        ]
    return dataset.take(kept).replace(*problems)


def copies(dataset: Dataset) -> Dataset:
    """Pictures that decode to the same pixels: kept, and never divided between parts."""
    if dataset.hashes is None:
        return dataset
    remedy = "nothing: copies stay in one part"
    return dataset.replace(
        *(
            Problem("copy", str(dataset.ids[row]), f"has the same pixels as {dataset.ids[rows[0]]}", remedy)
            for rows in _equal(dataset.hashes)
            for row in rows[1:]
        )
    )


def similar_classes(dataset: Dataset) -> Dataset:
    """Classes whose names are nearly those of others, or of emotions: probably one class, misspelt."""
    names = dataset.labelset.names
    known = {**{name: name for name in (*EMOTIONS.names, *names)}, **ALIASES, **dataset.labelset.aliases}
    problems = []
    for name in names:
        others = [word for word, meant in known.items() if meant != name and word != name]
        near = [] if name in EMOTIONS.names else _alike(name, others)
        if near:
            cause = f"is a class of its own, with a name like {near[0]!r}"
            remedy = "if they are one: " + names_flag(name, known[near[0]])
            problems.append(Problem("similar class names", f"class {name}", cause, remedy))
    return dataset.replace(*problems)


def _alike(name: str, others: Sequence[str]) -> list[str]:
    """The emotion in a name that adds only a number or a word such as faces, else a name that is nearly the same."""
    words = set(re.findall(r"[^\W\d_]+", name)) - ADDED
    meant = {EMOTIONS.names[EMOTIONS.resolve(word)] for word in words if EMOTIONS.resolve(word) != NO_LABEL}
    alone = len(words) == 1 and bool(meant)
    return sorted(meant) if alone else difflib.get_close_matches(name, others, n=1, cutoff=ALIKE)


def class_sizes(dataset: Dataset) -> Dataset:
    """Classes without pictures, classes too rare to be learnt or measured, and data of one class only."""
    counts = dataset.counts()
    problems = []
    for name, count in zip(dataset.labelset.names, counts.tolist(), strict=True):
        if count == 0:
            cause, remedy = "no picture has this label", "nothing: its rates will be undefined"
            problems.append(Problem("class without pictures", f"class {name}", cause, remedy))
        elif count < RARE:
            cause = f"has {count} pictures: about {round(count / 2)} to learn from, {round(count / 4)} to test on"
            remedy = "add pictures, or read its rates with their intervals"
            problems.append(Problem("too rare", f"class {name}", cause, remedy))
    if np.count_nonzero(counts) == 1:
        only = dataset.labelset.names[int(counts.argmax())]
        problems.append(Problem("one class only", f"class {only}", "all labels are the same", "add other classes"))
    return dataset.replace(*problems)


CHECKS = (
    missing_labels, contradictions, repeated_rows, copies, similar_classes, class_sizes, blank_images,
    confounded_by_brightness,
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """The Problems of one kind: how many, and the first few."""

    name: str
    count: int
    examples: tuple[Problem, ...]


def by_kind(problems: Sequence[Problem], examples: int = 3) -> list[Kind]:
    """Problems grouped by kind, the most frequent first.

    >>> found = [Problem("copy", "b", "as a", ""), Problem("too rare", "c", "", ""), Problem("copy", "d", "as a", "")]
    >>> [(kind.name, kind.count) for kind in by_kind(found)]
    [('copy', 2), ('too rare', 1)]
    """
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.kind, []).append(problem)
    kinds = [Kind(name, len(found), tuple(found[:examples])) for name, found in groups.items()]
    return sorted(kinds, key=lambda kind: -kind.count)


def strict(dataset: Dataset) -> None:
    """What `--strict` means: DataError if there is any Problem."""
    if dataset.problems:
        said = "; ".join(f"{kind.count} × {kind.name} ({kind.examples[0]})" for kind in by_kind(dataset.problems))
        raise DataError(f"has problems: {said}", place=dataset.name, remedy="correct them, or leave --strict out")


def _pictures(dataset: Dataset) -> Texts:
    """(N,) what tells pictures apart: pixels where they are known, else the file, else the row."""
    if dataset.hashes is not None:
        return dataset.hashes
    return np.where(dataset.paths == "", dataset.ids, dataset.paths)


def _equal(keys: Texts) -> list[Ints]:
    """Row numbers of each key that occurs twice or more, in the order of the rows."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.append(True, keys[order][1:] != keys[order][:-1])[: len(keys)])
    ends = np.append(starts[1:], len(keys))
    several = ends - starts > 1
    found = [order[start:end] for start, end in zip(starts[several], ends[several], strict=True)]
    return sorted(found, key=lambda rows: int(rows[0]))
