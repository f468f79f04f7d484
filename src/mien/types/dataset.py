"""Rows of labelled pictures, their classes, what is wrong with them, and their parts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, UsageError, choice_error, nearest
from mien.types.arrays import Bools, Floats, Ints, Texts, check_rows, check_unique, digest
from mien.types.inputs import as_ids, as_labels

if TYPE_CHECKING:
    from mien.types.soft_labels import SoftLabels

NO_LABEL = -1
WHOLE = re.compile(r"\+?(-?)0*(\d+)(?:\.0*)?")


def fold(text: str) -> str:
    """Text as it is compared where case does not matter: one Unicode form (NFC), trimmed, case folded.

    >>> fold("  Überraschung ") == fold("U\u0308BERRASCHUNG")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


def spelling(word: str) -> str:
    """A label or class name as it is compared: as by `fold`, and whole numbers as digits.

    >>> spelling(" Fear "), spelling("3.0")
    ('fear', '3')
    """
    folded = fold(word)
    number = WHOLE.fullmatch(folded)
    return f"{number[1]}{number[2]}" if number else folded


RESERVED = frozenset({"all", "pooled", "rare classes", "abstained"})
"""Names of table rows that belong to no single class."""


def row_name(name: str) -> str:
    """A class's name in tables that also have rows of no single class.

    >>> row_name("fear"), row_name("all")
    ('fear', 'all (class)')
    """
    return f"{name} (class)" if name in RESERVED else name


def plain(text: object) -> str:
    """Text of a file from elsewhere, without control characters.

    >>> plain(f"{chr(27)}[2Jfear")
    '�[2Jfear'
    """
    return "".join(sign if sign.isprintable() else "�" for sign in str(text))


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the data: it is reported, and the run continues."""

    kind: str
    place: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.cause} → {self.remedy}"


@dataclass(frozen=True)
class LabelSet:
    """The K class names in canonical order, and the spellings that mean them.

    >>> emotions = LabelSet(("fear", "happiness"), {"happy": "happiness"})
    >>> emotions.resolve("  HAPPY "), emotions.resolve("bored")
    (1, -1)
    """

    names: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given: Any = self.names
        if isinstance(given, str) or not all(isinstance(name, str) for name in given):
            raise UsageError(f"class names are {given!r}", place="LabelSet", remedy='give text: ("fear", "anger")')
        object.__setattr__(self, "names", tuple(map(str, given)))
        if len(set(self.names)) != len(self.names):
            raise AlignmentError(f"class names repeat: {self.names}", place="LabelSet", remedy="name each class once")

    def __len__(self) -> int:
        return len(self.names)

    def resolve(self, raw: str) -> int:
        """Index of a raw spelling, as `spelling` has it and with aliases; -1 where it means none of the classes."""
        name = spelling(raw)
        name = self.aliases.get(name, name)
        return self.names.index(name) if name in self.names else NO_LABEL

    def index(self, name: str, *, place: str = "") -> int:
        """Index of a class that must exist; a UsageError with the nearest right name otherwise."""
        index = self.resolve(name)
        if index == NO_LABEL:
            raise choice_error("class", name, self.names, place=place)
        return index

    def nearest(self, raw: str) -> str | None:
        """The class name that `raw` most resembles, or None."""
        near = nearest(spelling(raw), [*self.names, *self.aliases])
        return self.aliases.get(near, near) if near else None


@dataclass(frozen=True)
class Dataset:
    """Rows of labelled pictures.

    Attributes
    ----------
    ids : (N,) row keys, unique.
    labels : (N,) int, index into `labelset`, -1 without a usable label.
    labelset : the classes.
    raw_labels : (N,) the labels as they were written.
    paths : (N,) picture files; "" where the pixels came with the row.
    pixels : (N, H, W) grey or (N, H, W, 3) colour, uint8, or None before decoding. May be memory-mapped.
    hashes : (N,) SHA-256 of the decoded pictures, before resizing, or None before decoding.
    votes : (N, V) annotator votes, the first K columns in the order of `labelset`, or None.
    targets : (N, K) soft labels (rows add up to 1), or None for one-hot `labels`.
    groups : (N,) person or other unit that may not be split, "" where unknown, or None.
    sources : (N,) contributor or part of the original set, or None.
    official : (N,) part that the set's authors gave each picture ("train", "validation", "test"), which `split` then
        keeps, or None.
    problems : what was wrong so far.
    name : where the data came from.
    table : (N, D) float, the numbers that stand for each row where the data are no pictures, or None.
    """

    ids: Texts
    labels: Ints
    labelset: LabelSet
    raw_labels: Texts
    paths: Texts
    pixels: NDArray[np.uint8] | None = None
    hashes: Texts | None = None
    votes: Ints | None = None
    targets: Floats | None = None
    groups: Texts | None = None
    sources: Texts | None = None
    official: Texts | None = None
    problems: tuple[Problem, ...] = ()
    name: str = ""
    table: Floats | None = None

    _ROWS = (
        "labels", "raw_labels", "paths", "pixels", "hashes", "votes", "targets", "groups", "sources", "official",
        "table",
    )  # fmt: skip

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", as_ids(self.ids, "Dataset.ids"))
        check_rows(self, len(self.ids))
        check_unique(self.ids, "Dataset.ids")
        labels = as_labels(self.labels, "Dataset.labels", len(self.labelset), least=NO_LABEL)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Ints | Bools) -> Dataset:
        """The data set of the given rows (indices or mask), problems kept."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        whole = len(rows) == len(self) and np.array_equal(rows, np.arange(len(self)))
        if whole:  # keeps memory-mapped pixels mapped
            return self
        taken = {name: getattr(self, name)[rows] for name in self._ROWS if getattr(self, name) is not None}
        return replace(self, ids=self.ids[rows], **taken)

    def concat(self, other: Dataset) -> Dataset:
        """The rows of both, in the classes of this one. What the other lacks is filled in: shares from its labels,
        persons as unknown, no votes."""
        hard = np.eye(len(self.labelset))
        filled = {
            "targets": None if self.targets is None else hard[other.labels].astype(self.targets.dtype),
            "groups": None if self.groups is None else np.full(len(other), ""),
            "sources": None if self.sources is None else np.full(len(other), ""),
            "official": None if self.official is None else np.full(len(other), "train"),
            "votes": None if self.votes is None else np.zeros((len(other), self.votes.shape[1]), self.votes.dtype),
        }
        both: dict[str, Any] = {}
        for name in self._ROWS:
            mine, theirs = getattr(self, name), getattr(other, name)
            theirs = filled.get(name) if theirs is None else theirs
            both[name] = None if mine is None or theirs is None else np.concatenate([mine, theirs])
        return replace(
            self, ids=np.concatenate([self.ids, other.ids]), problems=(*self.problems, *other.problems), **both
        )

    def replace(self, *problems: Problem, **changes: Any) -> Dataset:
        """A copy with fields changed and problems added."""
        return replace(self, problems=(*self.problems, *problems), **changes)

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The pixels; AlignmentError before decoding."""
        if self.pixels is None:
            raise AlignmentError("the pictures are not decoded", place=self.name, remedy="see mien.data.images.decode")
        return self.pixels

    def soft_labels(self, rows: Ints | None = None) -> SoftLabels:
        """The labels of all rows or some, with the shares of the votes where there are targets."""
        from mien.types.soft_labels import SoftLabels

        labels = self.labels if self.targets is None else self.targets
        return SoftLabels.of(labels if rows is None else labels[rows], len(self.labelset))

    def counts(self) -> Ints:
        """(K,) labelled rows per class."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.labelset))

    def fingerprint(self) -> str:
        """Hex digest of ids, pictures and their size, labels, soft labels, groups, parts: equal for equal content."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        labels = self.labels.astype(np.int64)
        size = None if self.pixels is None else self.pixels.shape[1:]  # the hashes are older than the resizing
        official = () if self.official is None else (self.official,)  # fingerprints are older than official parts
        return digest(self.ids, self.hashes, size, labels, self.targets, self.groups, self.labelset.names, *official)


PARTS = ("train", "validation", "fit", "calibrate", "test")


@dataclass(frozen=True)
class Split:
    """Which part each row belongs to. *correct* is *fit* (correctors learn) plus *calibrate* (budgets are certified).

    Attributes
    ----------
    ids : (N,) row keys.
    parts : (N,) int, index into PARTS.
    seed : the seed that moved train, validation, fit and calibrate; test depends on the pictures alone.
    """

    ids: Texts
    parts: Ints
    seed: int

    _ROWS = ("parts",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", as_ids(self.ids, "Split.ids"))
        object.__setattr__(self, "parts", as_labels(self.parts, "Split.parts", len(PARTS)))
        check_rows(self, len(self.ids))
        check_unique(self.ids, "Split.ids")

    def rows(self, part: str) -> Ints:
        """Row indices of a part: one of PARTS, or "correct"."""
        names = ("fit", "calibrate") if part == "correct" else (part,)
        return np.flatnonzero(np.isin(self.parts, [PARTS.index(name) for name in names]))

    @property
    def fingerprint(self) -> str:
        return digest(self.ids, self.parts.astype(np.int64))
