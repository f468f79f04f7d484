"""What travels between the stages: frozen, checked on construction, NumPy only.

Every integer label is an index into a :class:`LabelSet`, also when a class was left out of training (`known` says so);
-1 is "no usable label". Arrays align by id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, choice_error, nearest

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

NO_LABEL = -1


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the data: it is reported, and the run goes on."""

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
        if len(set(self.names)) != len(self.names):
            raise AlignmentError(f"class names repeat: {self.names}", place="LabelSet")

    def __len__(self) -> int:
        return len(self.names)

    def resolve(self, raw: str) -> int:
        """Index of a raw spelling: trimmed, case-folded, aliased; -1 where it means none of the classes."""
        name = raw.strip().casefold()
        name = self.aliases.get(name, name)
        return self.names.index(name) if name in self.names else NO_LABEL

    def index(self, name: str, *, place: str = "") -> int:
        """Index of a class that must exist; a UsageError with the nearest right name otherwise."""
        found = self.resolve(name)
        if found == NO_LABEL:
            raise choice_error("class", name, self.names, place=place)
        return found

    def nearest(self, raw: str) -> str | None:
        """The class name that `raw` most resembles, or None."""
        near = nearest(raw.strip(), [*self.names, *self.aliases])
        return self.aliases.get(near, near) if near else None


def _check_rows(owner: object, count: int) -> None:
    """Every array field of `owner` named in `_ROWS` must have `count` rows."""
    for name in owner._ROWS:  # type: ignore[attr-defined]
        value = getattr(owner, name)
        if value is not None and len(value) != count:
            raise AlignmentError(f"has {len(value)} rows, ids has {count}", place=f"{type(owner).__name__}.{name}")


def _check_unique(ids: Texts, place: str) -> None:
    if len(np.unique(ids)) != len(ids):
        raise AlignmentError("ids repeat", place=place, remedy="give every row an id of its own")


def check_same_ids(first: Texts, second: Texts, place: str) -> None:
    """Raise AlignmentError unless both id arrays are equal, row by row."""
    if len(first) != len(second) or not np.array_equal(first, second):
        raise AlignmentError("the ids differ", place=place, remedy="take the rows by id before you combine them")


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
    hashes : (N,) SHA-256 of the decoded pixels, or None before decoding.
    votes : (N, V) annotator votes, the first K columns in the order of `labelset`, or None.
    targets : (N, K) soft labels (rows add up to 1), or None for one-hot `labels`.
    groups : (N,) person or other unit that may not be split, "" where unknown, or None.
    sources : (N,) contributor or part of the original set, or None.
    problems : what was wrong so far.
    name : where the data came from.
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
    problems: tuple[Problem, ...] = ()
    name: str = ""

    _ROWS = ("labels", "raw_labels", "paths", "pixels", "hashes", "votes", "targets", "groups", "sources")

    def __post_init__(self) -> None:
        _check_rows(self, len(self.ids))
        _check_unique(self.ids, "Dataset.ids")
        if len(self.labels) and not (self.labels.min() >= NO_LABEL and self.labels.max() < len(self.labelset)):
            raise AlignmentError("a label is outside the label set", place="Dataset.labels")

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

    def but(self, *problems: Problem, **changes: Any) -> Dataset:
        """A copy with fields changed and problems added."""
        return replace(self, problems=(*self.problems, *problems), **changes)

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The pixels; AlignmentError before decoding."""
        if self.pixels is None:
            raise AlignmentError("the pictures are not decoded", place=self.name, remedy="see mien.data.images.decode")
        return self.pixels

    def counts(self) -> Ints:
        """(K,) labelled rows per class."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.labelset))

    def fingerprint(self) -> str:
        """Hex digest of ids, pixel hashes, labels and soft labels: equal for equal content."""
        parts: list[Any] = [self.ids, self.labels.astype(np.int64), self.hashes, self.targets, self.labelset.names]
        return digest(*parts)


def digest(*parts: Any) -> str:
    """A short hex digest (16 digits) of arrays and values, for fingerprints."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            state.update(f"{part.shape}".encode())
            if part.dtype.kind in "UO":  # file names may hold bytes that are no text
                state.update("\0".join(part.tolist()).encode(errors="surrogateescape"))
            else:
                state.update(np.ascontiguousarray(part).tobytes())
        else:
            state.update(repr(part).encode())
        state.update(b"\1")
    return state.hexdigest()[:16]


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
        _check_rows(self, len(self.ids))
        _check_unique(self.ids, "Split.ids")

    def rows(self, part: str) -> Ints:
        """Row indices of a part: one of PARTS, or "correct"."""
        names = ("fit", "calibrate") if part == "correct" else (part,)
        return np.flatnonzero(np.isin(self.parts, [PARTS.index(name) for name in names]))

    @property
    def fingerprint(self) -> str:
        return digest(self.ids, self.parts.astype(np.int64))


@dataclass(frozen=True)
class Outputs:
    """What a classifier says of pictures: the border between torch and the rest.

    Attributes
    ----------
    ids : (N,) row keys.
    probs : (N, K) class probabilities, zero for unknown classes.
    known : (K,) bool, the classes that the classifier was trained on.
    features : tap name → (N, D), or (N, V, C, H, W) for spatial taps in V views. May be memory-mapped.
    draws : (E, N, K) probabilities of E stochastic passes or members, or None.
    """

    ids: Texts
    probs: Floats
    known: Bools
    features: Mapping[str, Floats] = field(default_factory=dict)
    draws: Floats | None = None

    _ROWS = ("probs",)

    def __post_init__(self) -> None:
        _check_rows(self, len(self.ids))
        _check_unique(self.ids, "Outputs.ids")
        if self.probs.ndim != 2 or self.probs.shape[1] != len(self.known):
            raise AlignmentError(f"probs are {self.probs.shape}, known is {self.known.shape}", place="Outputs.probs")
        for tap, values in self.features.items():
            if len(values) != len(self.ids):
                raise AlignmentError(
                    f"has {len(values)} rows, ids has {len(self.ids)}", place=f"Outputs.features[{tap}]"
                )
        if self.draws is not None and self.draws.shape[1:] != self.probs.shape:
            raise AlignmentError(f"draws are {self.draws.shape}, probs {self.probs.shape}", place="Outputs.draws")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def predicted(self) -> Ints:
        """(N,) the classifier's answer."""
        answers: Ints = self.probs.argmax(1)
        return answers

    def take(self, rows: Ints | Bools) -> Outputs:
        """The outputs of the given rows."""
        features = {tap: values[rows] for tap, values in self.features.items()}
        draws = None if self.draws is None else self.draws[:, rows]
        return Outputs(self.ids[rows], self.probs[rows], self.known, features, draws)


@dataclass(frozen=True)
class Proposal:
    """A corrector's opinion: `score` is the evidence for `suggested` against the classifier's answer; higher is more.

    Attributes
    ----------
    ids : (N,) row keys.
    score : (N,) float.
    suggested : (N,) int, the class to override with.
    """

    ids: Texts
    score: Floats
    suggested: Ints

    _ROWS = ("score", "suggested")

    def __post_init__(self) -> None:
        _check_rows(self, len(self.ids))
        if len(self.score) and not np.isfinite(self.score).all():
            raise AlignmentError("a score is not finite", place="Proposal.score")


ACTIONS = ("relabel", "abstain", "flag")


@dataclass(frozen=True)
class Decision:
    """What the corrected system says.

    Attributes
    ----------
    ids : (N,) row keys.
    base : (N,) int, the classifier's answer.
    final : (N,) int, the corrected answer; -1 where it abstains.
    changed : (N,) bool, where the corrector spoke up (with action "flag", `final` still equals `base` there).
    action : one of ACTIONS.
    """

    ids: Texts
    base: Ints
    final: Ints
    changed: Bools
    action: str = "relabel"

    _ROWS = ("base", "final", "changed")

    def __post_init__(self) -> None:
        _check_rows(self, len(self.ids))
        if self.action not in ACTIONS:
            raise choice_error("action", self.action, ACTIONS, place="Decision.action")
        if (self.final != self.base)[~self.changed].any():
            raise AlignmentError("an answer differs where the corrector was silent", place="Decision.final")


@dataclass(frozen=True)
class Rates:
    """Rates with their counts: hits out of totals. Undefined (0/0) is NaN, never a guess.

    Attributes
    ----------
    hits, totals : int arrays of one shape.
    """

    hits: Ints
    totals: Ints

    def __post_init__(self) -> None:
        if self.hits.shape != self.totals.shape or (self.hits > self.totals).any() or (self.hits < 0).any():
            raise AlignmentError("hits must be between 0 and totals, of the same shape", place="Rates")

    @property
    def values(self) -> Floats:
        """hits / totals, NaN where totals is 0."""
        values: Floats = np.full(self.hits.shape, np.nan)
        return np.divide(self.hits, self.totals, out=values, where=self.totals > 0)

    def mean(self, weights: Floats | None = None) -> float:
        """Mean of the defined rates; with `weights`, weighted and renormalised over the defined; NaN if none is."""
        values = self.values
        defined = ~np.isnan(values)
        share = np.ones(values.shape) if weights is None else np.broadcast_to(weights, values.shape)
        total = share[defined].sum()
        return float((values[defined] * share[defined]).sum() / total) if total > 0 else float("nan")


@dataclass(frozen=True)
class Scores:
    """One classifier f and its corrected system h on the same pictures, per class (METHOD: metrics).

    Attributes
    ----------
    support : (K,) int, pictures per class.
    tpr_f, tpr_h : recall of f and of h.
    retention, harm : of what f had right, what h keeps and loses.
    gain : of what f had wrong, what h has right.
    fpr_f, fpr_h : pictures of other classes that f, h call by this one (fpr_h is the spill).
    """

    support: Ints
    tpr_f: Rates
    tpr_h: Rates
    retention: Rates
    harm: Rates
    gain: Rates
    fpr_f: Rates
    fpr_h: Rates

    @property
    def delta(self) -> Floats:
        """(K,) TPR_h − TPR_f."""
        return self.tpr_h.values - self.tpr_f.values

    @property
    def delta_fpr(self) -> Floats:
        """(K,) FPR_h − FPR_f."""
        return self.fpr_h.values - self.fpr_f.values


def texts(values: Sequence[str]) -> Texts:
    """A text array, also from an empty list."""
    return np.array(values, dtype=np.str_) if len(values) else np.empty(0, dtype="<U1")
