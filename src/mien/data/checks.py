"""Checks of a data set: each fault becomes a Problem, and rows that would spoil a study are left out.

The checks run in the order of CHECKS, each on the result of the one before.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
"""Words without meaning in the name of a class."""
ALIKE = 0.84
"""Similarity of two class names (difflib's ratio) from which on one is probably a misspelling of the other."""
RARE = 20
"""Minimum number of pictures of a class for at least one in each of the five parts."""


def check(dataset: Dataset) -> Dataset:
    """Apply all CHECKS: add Problems, drop rows that repeat a file, and remove contradictory labels.

    The data set is decoded before, since copies are found by its `hashes`.

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
    """Select the rows with a label; DataError if there is none."""
    rows = dataset.take(dataset.labels >= 0)
    if not len(rows):
        kinds = by_kind(dataset.problems)
        remedy = f"most often: {kinds[0].count} × {kinds[0].name} ({kinds[0].examples[0]})" if kinds else ""
        raise DataError("has no usable picture", place=dataset.name, remedy=remedy)
    return rows


def missing_labels(dataset: Dataset) -> Dataset:
    """Add a Problem for each row without a label, without a decision by its votes, or with a label of no class."""
    problems = []
    for row in np.flatnonzero(dataset.labels < 0).tolist():
        raw, place = str(dataset.raw_labels[row]), str(dataset.ids[row])
        if not raw:
            problems.append(Problem("unlabelled", place, "has no label", "label it; it is left out"))
        elif raw in UNDECIDED:
            cause = f"the votes give no emotion ({raw})"
            problems.append(Problem("undecided", place, cause, "nothing: it is left out"))
        elif dataset.labelset.resolve(raw) < 0:  # otherwise the label was removed, with a Problem
            near = dataset.labelset.nearest(raw) or EMOTIONS.nearest(raw)
            hint = f"did you mean {near!r}? " if near else ""
            hint += names_flag(raw, near or "CLASS") + ", or correct it"
            problems.append(Problem("unknown label", place, f"label {raw!r} is not a class", hint))
    return dataset.replace(*problems)


def contradictions(dataset: Dataset) -> Dataset:
    """Remove the labels of equal pictures (or rows of one file) with different labels, with a Problem each."""
    problems = []
    labels = dataset.labels.copy()
    names = np.array([*dataset.labelset.names, "no class"])
    for rows in _contradictory(dataset):
        given = names[dataset.labels[rows]].tolist()
        counts = ", ".join(f"{count} × {label}" for label, count in Counter(given).items())
        first, second = dataset.ids[rows[:2]]
        remedy = "correct the labels; until then none of them is used"
        for place, label in zip(dataset.ids[rows], given, strict=True):
            other = second if place == first else first
            cause = f"is labelled {label}; the same picture as {other}: {counts}"
            problems.append(Problem("contradictory labels", str(place), cause, remedy))
        labels[rows] = NO_LABEL
    return dataset.replace(*problems, labels=labels)


def conflicting_images(dataset: Dataset) -> list[Dataset]:
    """Rows whose labels `contradictions` removes, still with their labels: one data set for each picture."""
    return [dataset.take(rows) for rows in _contradictory(dataset)]


def _contradictory(dataset: Dataset) -> list[Ints]:
    """Rows of each picture with two labels or more; equal pictures have one hash if decoded, else one path or id."""
    keys = np.where(dataset.paths == "", dataset.ids, dataset.paths) if dataset.hashes is None else dataset.hashes
    return [rows for rows in _equal(keys) if len(set(dataset.labels[rows].tolist()) - {NO_LABEL}) > 1]


def repeated_rows(dataset: Dataset) -> Dataset:
    """Drop rows that repeat a file, except the first, with a Problem each."""
    kept = np.ones(len(dataset), dtype=bool)
    problems = []
    for rows in _equal(dataset.paths):
        if not dataset.paths[rows[0]]:
            continue  # the reader gave pixels instead of files
        kept[rows[1:]] = False
        first = dataset.ids[rows[0]]
        problems += [
            Problem("repeated row", str(dataset.ids[row]), f"names the file of {first} again", "nothing: it is dropped")
            for row in rows[1:]
        ]
    return dataset.take(kept).replace(*problems)


def copies(dataset: Dataset) -> Dataset:
    """Add a Problem for each picture with the same pixels as another; all are kept, in one part."""
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
    """Add a Problem for each class whose name resembles another class or emotion, as a misspelling would."""
    names = dataset.labelset.names
    known = {**{name: name for name in (*EMOTIONS.names, *names)}, **ALIASES, **dataset.labelset.aliases}
    problems = []
    for name in names:
        others = [
            spelling for spelling, meant in known.items()
            if meant != name and spelling != name and not _differ_in_number(spelling, name)
        ]  # fmt: skip
        near = [] if name in EMOTIONS.names else _alike(name, others)
        if near:
            cause = f"is a separate class with a name like {near[0]!r}"
            remedy = "if both are one class: " + names_flag(name, known[near[0]])
            problems.append(Problem("similar class names", f"class {name}", cause, remedy))
    return dataset.replace(*problems)


def _differ_in_number(name: str, other: str) -> bool:
    """Whether two names are equal but for their numbers, such as "level 1" and "level 2"."""
    words, others = re.split(r"\d+", name), re.split(r"\d+", other)
    return len(words) > 1 and words == others and name != other


def _alike(name: str, others: Sequence[str]) -> list[str]:
    """The emotion in a name that contains one (plus a number or a word like faces), else a nearly equal name."""
    words = set(re.findall(r"[^\W\d_]+", name)) - ADDED
    meant = {EMOTIONS.names[EMOTIONS.resolve(word)] for word in words if EMOTIONS.resolve(word) != NO_LABEL}
    alone = len(words) == 1 and bool(meant)
    return sorted(meant) if alone else difflib.get_close_matches(name, others, n=1, cutoff=ALIKE)


SIZES = ("class without pictures", "too rare", "one class only")
"""Kinds of Problems with the numbers of pictures."""


def class_sizes(dataset: Dataset) -> Dataset:
    """Report each class without pictures or with too few, and data of one class only, in place of earlier reports."""
    dataset = replace(dataset, problems=tuple(each for each in dataset.problems if each.kind not in SIZES))
    counts = dataset.counts()
    problems = []
    for name, count in zip(dataset.labelset.names, counts.tolist(), strict=True):
        if count == 0:
            cause, remedy = "no picture has this label", "nothing: its rates will be undefined"
            problems.append(Problem("class without pictures", f"class {name}", cause, remedy))
        elif count < RARE:
            cause = f"has {count} pictures: about {round(count / 2)} for training, {round(count / 4)} for testing"
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
    """Number of Problems of one kind, and the first few of them."""

    name: str
    count: int
    examples: tuple[Problem, ...]


def by_kind(problems: Sequence[Problem], examples: int = 3) -> list[Kind]:
    """Group Problems by kind, the most frequent first.

    >>> problems = [Problem("copy", "b", "", ""), Problem("too rare", "c", "", ""), Problem("copy", "d", "", "")]
    >>> [(kind.name, kind.count) for kind in by_kind(problems)]
    [('copy', 2), ('too rare', 1)]
    """
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.kind, []).append(problem)
    kinds = [Kind(name, len(group), tuple(group[:examples])) for name, group in groups.items()]
    return sorted(kinds, key=lambda kind: -kind.count)


def raise_on_problems(dataset: Dataset) -> None:
    """Raise DataError if the data set has any Problem, as `--strict` requires."""
    if dataset.problems:
        counts = "; ".join(f"{kind.count} × {kind.name} ({kind.examples[0]})" for kind in by_kind(dataset.problems))
        raise DataError(f"has problems: {counts}", place=dataset.name, remedy="correct them, or leave --strict out")


def _equal(keys: Texts) -> list[Ints]:
    """Row indices of each key that occurs twice or more, in the order of the rows."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.append(True, keys[order][1:] != keys[order][:-1])[: len(keys)])
    ends = np.append(starts[1:], len(keys))
    several = ends - starts > 1
    groups = [order[start:end] for start, end in zip(starts[several], ends[several], strict=True)]
    return sorted(groups, key=lambda rows: int(rows[0]))
