"""Division of a data set into parts, stratified by class and grouped by picture and person; the test part is fixed.

The parts are *train* (without *validation*), *validation*, *correct* (*fit* and *calibrate*), and *test*. The seed
changes all parts except *test*.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mien.errors import AlignmentError, UsageError
from mien.types import PARTS, Dataset, Ints, Split, Texts

LARGE = 0.1
"""Units above this share of a part are used only if smaller ones do not suffice: no person dominates a part."""


@dataclass(frozen=True)
class Shares:
    """Share of each class's pictures per part; the shares sum to 1.

    The defaults are train 50 % (a tenth of it validation), correct 25 % (60 % fit, 40 % calibrate), test 25 %.
    """

    train: float = 0.45
    validation: float = 0.05
    fit: float = 0.15
    calibrate: float = 0.10
    test: float = 0.25

    def __post_init__(self) -> None:
        values = [getattr(self, part) for part in PARTS]
        if min(values) < 0 or not math.isclose(sum(values), 1, abs_tol=1e-9):
            raise UsageError(f"shares add up to {sum(values):g}", place="Shares", remedy="make them add up to 1")


@dataclass(frozen=True)
class _Unit:
    """Pictures that must stay in one part, their counts (class, number), and a key for the random order."""

    rows: Ints
    counts: tuple[tuple[int, int], ...]
    key: str


def split(dataset: Dataset, seed: int = 0, shares: Shares = Shares()) -> Split:
    """Assign every row to one of PARTS.

    If the data have official parts (:mod:`mien.data.official`), the existing ones of *test* and *validation* are kept,
    and the rest is divided among the other parts in proportion to their shares.

    Units (pictures linked by equal hash or equal group, see `group_ids`) are never divided. *test* is filled first, in
    an order that depends only on the pictures' hashes; then calibrate, fit and validation, in an order that depends on
    hashes and seed; the remaining pictures are *train*. Classes are filled from the rarest to the most frequent, never
    beyond their quota. If each unit has one class, a class falls short by less than its largest unit.

    Parameters
    ----------
    dataset : labelled rows; ids replace `hashes` before decoding.
    seed : changes every part except test.
    shares : sizes of the parts.

    Raises
    ------
    AlignmentError : a row has no label.

    Examples
    --------
    >>> import numpy as np
    >>> from mien.types import Dataset, LabelSet
    >>> ids = np.array([f"{n:03d}" for n in range(200)])
    >>> labels = np.arange(200) % 2
    >>> data = Dataset(ids, labels, LabelSet(("fear", "anger")), raw_labels=ids, paths=ids)
    >>> parts = split(data, seed=3)
    >>> [len(parts.rows(part)) for part in ("train", "validation", "correct", "test")]
    [90, 10, 50, 50]
    """
    if (dataset.labels < 0).any():
        raise AlignmentError("a row has no label", place="split", remedy="split usable(dataset)")
    parts = np.full(len(dataset), PARTS.index("train"))
    free, open_parts = np.ones(len(dataset), bool), ["test", "calibrate", "fit", "validation"]
    if dataset.official is not None:
        free = dataset.official == "train"
        for part in ("test", "validation"):
            given = dataset.official == part
            parts[given] = PARTS.index(part)
            if given.any():
                open_parts.remove(part)
    rows = np.flatnonzero(free)
    divided = dataset.take(rows)
    whole = sum(getattr(shares, part) for part in ("train", *open_parts)) if dataset.official is not None else 1.0
    waiting, totals = _units(divided), divided.counts()
    for part in open_parts:
        salt = "" if part == "test" else f"{seed}"
        share = getattr(shares, part) / whole
        quota = [math.floor(share * int(total) + 0.5) for total in totals]
        waiting, taken = _fill(_ordered(waiting, salt, totals, sum(quota)), quota)
        for unit in taken:
            parts[rows[unit.rows]] = PARTS.index(part)
    return Split(dataset.ids, parts, seed)


def with_fit_share(parts: Split, dataset: Dataset, share: float) -> Split:
    """The same parts, but that *fit* has this share of *fit* and *calibrate* together.

    Pictures move from the one to the other only; units stay whole.

    Parameters
    ----------
    parts : of the rows of `dataset`. share : between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from mien.types import Dataset, LabelSet
    >>> ids = np.array([f"{n:03d}" for n in range(200)])
    >>> data = Dataset(ids, np.arange(200) % 2, LabelSet(("fear", "anger")), raw_labels=ids, paths=ids)
    >>> parts = with_fit_share(split(data), data, 0.8)
    >>> len(parts.rows("fit")), len(parts.rows("calibrate"))
    (40, 10)
    """
    fit, calibrate = parts.rows("fit"), parts.rows("calibrate")
    have = len(fit) / max(1, len(fit) + len(calibrate))
    source, leave = (calibrate, (1 - share) / (1 - have)) if share > have else (fit, share / have)
    other = "fit" if share > have else "calibrate"
    stays = "calibrate" if share > have else "fit"
    shares = {"train": 0.0, "validation": 0.0, "test": 0.0, stays: leave, other: 1 - leave}
    divided = split(dataset.take(source).replace(official=None), parts.seed, Shares(**shares))
    moved = parts.parts.copy()
    moved[source[divided.parts != PARTS.index(stays)]] = PARTS.index(other)  # what has no room in the part leaves it
    return Split(parts.ids, moved, parts.seed)


def group_ids(dataset: Dataset) -> Ints:
    """(N,) index of the unit of each row: rows with equal hash or equal group, directly or through other rows."""
    keys: list[Texts] = [dataset.ids if dataset.hashes is None else dataset.hashes]
    if dataset.groups is not None:
        alone = dataset.groups == ""
        keys.append(np.where(alone, np.char.add("\0", dataset.ids), dataset.groups))
    rows, columns, width = [], [], 0
    for key in keys:
        distinct, column = np.unique(key, return_inverse=True)
        rows.append(np.arange(len(dataset)))
        columns.append(column + len(dataset) + width)
        width += len(distinct)
    edges = (np.concatenate(rows), np.concatenate(columns))
    nodes = len(dataset) + width
    graph = coo_matrix((np.ones(len(edges[0]), dtype=bool), edges), shape=(nodes, nodes))
    labels: Ints = connected_components(graph, directed=False)[1][: len(dataset)]
    return np.unique(labels, return_inverse=True)[1]


def _units(dataset: Dataset) -> list[_Unit]:
    if not len(dataset):
        return []
    number = group_ids(dataset)
    order = np.argsort(number, kind="stable")
    labels = dataset.labels[order].tolist()
    pictures = (dataset.ids if dataset.hashes is None else dataset.hashes)[order].tolist()
    edges = [0, *(np.flatnonzero(np.diff(number[order])) + 1).tolist(), len(order)]
    return [
        _Unit(order[start:end], tuple(Counter(labels[start:end]).items()), min(pictures[start:end]))
        for start, end in pairwise(edges)
    ]


def _ordered(units: Sequence[_Unit], salt: str, totals: Ints, places: int) -> list[_Unit]:
    """Sort units by their rarest class, large ones last within it, then by a hash of their key.

    The key is hashed again: it is the minimum of the unit's hashes, so large units would otherwise always come first.
    """
    rank = np.argsort(np.argsort(totals, kind="stable"), kind="stable").tolist()
    largest = max(1, LARGE * places)

    def position(unit: _Unit) -> tuple[int, bool, str]:
        rarest = min(rank[label] for label, _ in unit.counts)
        return rarest, len(unit.rows) > largest, hashlib.sha256(f"{salt}:{unit.key}".encode()).hexdigest()

    return sorted(units, key=position)


def _fill(units: Sequence[_Unit], quota: Sequence[int]) -> tuple[list[_Unit], list[_Unit]]:
    """Divide units into remaining ones and taken ones; a unit that would exceed the quota of a class remains."""
    free = list(quota)
    left: list[_Unit] = []
    taken: list[_Unit] = []
    for unit in units:
        if all(count <= free[label] for label, count in unit.counts):
            taken.append(unit)
            for label, count in unit.counts:
                free[label] -= count
        else:
            left.append(unit)
    return left, taken
