"""The answers of a classifier, the proposals of a corrector, the decisions of both together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DataError, UsageError, choice_error
from mien.types.arrays import Bools, Floats, Ints, Texts, check_rows, check_unique
from mien.types.containers import as_array, cause_in_rows
from mien.types.inputs import TINY, as_features, as_ids, as_known, as_labels, as_maps, as_mask, as_numbers, as_shares

LOG_PROBS = "log_probs"
"""Name of the feature that every classifier has: the logarithms of the probabilities of its known classes."""
LEAST_PROBABILITY = 1e-7
"""Below it, probabilities have one logarithm."""


@dataclass(frozen=True)
class Outputs:
    """The probabilities and features of a classifier for N images: the border between classifiers and the rest.

    Lists, pandas and torch objects become arrays, by position. Features may be memory-mapped and stay so; whether they
    are finite is checked when a corrector reads them.

    Attributes
    ----------
    ids : (N,) row keys, each once; numbers become text, None stands for the row numbers.
    probs : (N, K) class probabilities, zero for unknown classes; rows add up to 1 within 0.02.
    known : (K,) bool, the classes that the classifier was trained on; None stands for all.
    vectors : name → (N, D) features. (N,) becomes (N, 1).
    maps : layer name → (N, V, C, H, W) feature maps in V views of each image.

    Raises
    ------
    AlignmentError : lengths or numbers of classes differ, or ids repeat.
    DataError : values that cannot be right, such as logits, percentages or NaN in place of probabilities.

    Examples
    --------
    >>> outputs = Outputs(None, [[0.9, 0.1, 0], [0.2, 0.8, 0]], [1, 1, 0], {"mine": [0.5, 0.7]})
    >>> outputs.vectors["mine"].shape, outputs.predicted.tolist(), outputs.log_probs.round(1).tolist()
    ((2, 1), [0, 1], [[-0.1, -2.3], [-1.6, -0.2]])
    """

    ids: Texts
    probs: Floats
    known: Bools = None  # type: ignore[assignment]  # None is replaced
    vectors: Mapping[str, Floats] = field(default_factory=dict)
    maps: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        probs = np.atleast_1d(as_array(self.probs, "Outputs.probs"))
        ids = _row_keys(self.ids, len(probs), "Outputs.ids")
        check_unique(ids, "Outputs.ids")
        known = np.ones(probs.shape[-1], bool) if self.known is None else as_known(self.known, "Outputs.known")
        probs = _probabilities(probs, known, len(ids))
        vectors = as_features(self.vectors, len(ids), "Outputs.vectors")
        maps = as_maps(self.maps, len(ids), "Outputs.maps")
        _set(self, ids=ids, probs=probs, known=known, vectors=vectors, maps=maps)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, K); with `outputs[rows]` it lets scikit-learn divide outputs into folds."""
        return len(self), len(self.known)

    def __getitem__(self, rows: Any) -> Outputs:
        return self.take(rows[0] if isinstance(rows, tuple) else rows)

    @property
    def predicted(self) -> Ints:
        """(N,) the classifier's answer."""
        answers: Ints = self.probs.argmax(1)
        return answers

    @property
    def log_probs(self) -> Floats:
        """(N, number of known classes) logarithms of the probabilities: a feature that every classifier has."""
        return np.log(np.maximum(self.probs[:, self.known], LEAST_PROBABILITY))

    def vector(self, name: str) -> Floats:
        """(N, D) the feature of this name; LOG_PROBS is always there."""
        return self.log_probs if name == LOG_PROBS and name not in self.vectors else self.vectors[name]

    def take(self, rows: Ints | Bools) -> Outputs:
        """The outputs of the given rows: indices, each once, or a mask."""
        rows = _rows(rows, len(self), "Outputs.take")
        taken = object.__new__(Outputs)  # rows of what was checked need no other check than that none repeats
        vectors, maps = ({name: array[rows] for name, array in part.items()} for part in (self.vectors, self.maps))
        _set(taken, ids=self.ids[rows], probs=self.probs[rows], known=self.known, vectors=vectors, maps=maps)
        check_unique(taken.ids, "Outputs.ids")
        return taken

    def with_features(
        self, vectors: Mapping[str, Floats] | None = None, maps: Mapping[str, Floats] | None = None
    ) -> Outputs:
        """The same outputs with vectors and maps added or replaced."""
        return replace(self, vectors={**self.vectors, **(vectors or {})}, maps={**self.maps, **(maps or {})})

    def padded_to(self, classes: int) -> Outputs:
        """The same outputs for K classes in all, the added ones last and unknown; AlignmentError if there are more."""
        added = classes - len(self.known)
        if added < 0:
            cause = f"has {len(self.known)} classes, and there are {classes}"
            raise AlignmentError(
                cause, place="Outputs.padded_to", remedy="give the number of classes with the new ones"
            )
        probs, known = np.pad(self.probs, ((0, 0), (0, added))), np.pad(self.known, (0, added))
        return replace(self, probs=probs, known=known)

    @classmethod
    def concat(cls, parts: Sequence[Outputs]) -> Outputs:
        """The outputs of one classifier for several lots of images, one after the other; at least one lot."""
        kinds = {(tuple(part.known), tuple(part.vectors), tuple(part.maps)) for part in parts}
        if len(kinds) != 1:
            cause = "the parts differ in known classes or features" if parts else "there is no part"
            raise AlignmentError(cause, place="Outputs.concat", remedy="give outputs of one classifier")
        first = parts[0]
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.probs for part in parts]),
            first.known,
            {name: np.concatenate([part.vectors[name] for part in parts]) for name in first.vectors},
            {name: np.concatenate([part.maps[name] for part in parts]) for name in first.maps},
        )


def _row_keys(ids: Any, rows: int, place: str) -> Texts:
    """(N,) row keys; the row numbers for None."""
    return as_ids(np.arange(rows) if ids is None else ids, place)


def _set(owner: object, **values: Any) -> None:
    """Set fields of a frozen instance while it is made."""
    for name, value in values.items():
        object.__setattr__(owner, name, value)


def _probabilities(array: NDArray[Any], known: Bools, rows: int) -> Floats:
    """(N, K) probabilities that give unknown classes nothing."""
    place = "Outputs.probs"
    if array.ndim == 2 and array.shape[1] == known.sum() < len(known):
        cause = f"has {array.shape[1]} columns, those of the known classes alone, where there are {len(known)} classes"
        remedy = "put them into K columns: wide = np.zeros((N, K)); wide[:, known] = probs"
        raise AlignmentError(cause, place=place, remedy=remedy)
    array = as_shares(array, place, len(known))
    if len(array) != rows:
        raise AlignmentError(f"has {len(array)} rows, ids has {rows}", place=place, remedy="give a row for each id")
    given = array[:, ~known] > TINY
    if given.any():
        classes = ", ".join(map(str, np.flatnonzero(~known)))
        cause = f"row {int(np.nonzero(given)[0][0])} gives a class that is not known ({classes}) a probability above 0"
        remedy = "mark the class in `known`, or make its column 0 and the rest add to 1"
        raise DataError(cause, place=place, remedy=remedy)
    return array


def _rows(rows: Any, count: int, place: str) -> NDArray[Any]:
    """Row indices within the count, or a mask of that length."""
    array = np.arange(count)[rows] if isinstance(rows, slice) else as_array(rows, place)
    array = array.astype(np.int64) if not array.size else array
    if array.dtype.kind == "b" and array.shape == (count,):
        return array
    inside = array.dtype.kind in "iu" and array.ndim == 1
    if not inside or (array.size and not -count <= array.min() <= array.max() < count):
        cause = f"cannot take such rows of {count}: {array.dtype} of shape {array.shape}"
        raise AlignmentError(cause, place=place, remedy=f"give indices from 0 to {count - 1}, or a mask of {count}")
    return array


@dataclass(frozen=True)
class FeatureRequest:
    """The features that a corrector needs of a classifier.

    Attributes
    ----------
    layer : the layer whose whole map it learns on; "" for none.
    views : changed views of each training image to learn on. Other images come as they are, with their mirror image
        where the classifier averages over both.
    vectors : patterns of the vectors' names, all by default.
    maps : all layers whose whole maps are needed; `layer` is always one of them.

    Examples
    --------
    >>> FeatureRequest("conv2", vectors=("lstm*",)).maps
    ('conv2',)
    """

    layer: str = ""
    views: int = 0
    vectors: tuple[str, ...] = ("*",)
    maps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _set(self, vectors=tuple(self.vectors), maps=tuple(sorted({*self.maps, self.layer} - {""})))

    def matches(self, name: str) -> bool:
        """Whether a vector of this name is asked for."""
        return any(fnmatchcase(name, pattern) for pattern in self.vectors)

    @classmethod
    def union(cls, requests: Iterable[FeatureRequest]) -> FeatureRequest:
        """What correctors need that are one corrector together; UsageError where they learn on different maps."""
        requests = list(requests)
        learnt_on = {(request.layer, request.views) for request in requests if request.layer} or {("", 0)}
        if len(learnt_on) > 1:
            remedy = "put one adapter only beside the others"
            raise UsageError("members need maps of different layers", place="correctors", remedy=remedy)
        [(layer, views)] = learnt_on
        return replace(cls.for_reading(requests), layer=layer, views=views)

    @classmethod
    def for_reading(cls, requests: Iterable[FeatureRequest]) -> FeatureRequest:
        """What a classifier must give so that each of these is served; no images are changed for it."""
        requests = list(requests)
        vectors = sorted({pattern for request in requests for pattern in request.vectors})
        return cls(vectors=tuple(vectors), maps=tuple({layer for request in requests for layer in request.maps}))


@dataclass(frozen=True)
class Proposal:
    """A corrector's opinion: `score` is the evidence for `suggested` against the classifier's answer; higher is more.

    Attributes
    ----------
    ids : (N,) row keys; None stands for the row numbers.
    score : (N,) float, finite.
    suggested : (N,) int, the class to override with; −1 for none.
    """

    ids: Texts
    score: Floats
    suggested: Ints

    _ROWS = ("score", "suggested")

    def __post_init__(self) -> None:
        score = as_numbers(self.score, "Proposal.score", finite=False)
        suggested = as_labels(self.suggested, "Proposal.suggested", least=-1)
        _set(self, ids=_row_keys(self.ids, len(score), "Proposal.ids"), score=score, suggested=suggested)
        check_rows(self, len(self.ids))
        odd = ~np.isfinite(score)
        if odd.any():
            remedy = "look for NaN in the features of these rows; a corrector that is silent gives a low score"
            raise AlignmentError(cause_in_rows(odd, "is not finite", score), place="Proposal.score", remedy=remedy)


ACTIONS = ("relabel", "abstain", "flag")


@dataclass(frozen=True)
class Decision:
    """The answers of the corrected system.

    Attributes
    ----------
    ids : (N,) row keys.
    base, final : (N,) int, the classifier's answers, and the corrected ones; -1 where the system abstains.
    overridden : (N,) bool, where the corrector overrides (with action "flag", `final` still equals `base` there).
    action : one of ACTIONS.
    score, threshold : (N,) the corrector's score and the threshold that it must exceed; None where they are not kept.
    """

    ids: Texts
    base: Ints
    final: Ints
    overridden: Bools
    action: str = "relabel"
    score: Floats | None = None
    threshold: Floats | None = None

    _ROWS = ("base", "final", "overridden", "score", "threshold")

    def __post_init__(self) -> None:
        base, final = (as_labels(getattr(self, name), f"Decision.{name}", least=-1) for name in ("base", "final"))
        overridden = as_mask(self.overridden, "Decision.overridden")
        _set(self, ids=as_ids(self.ids, "Decision.ids"), base=base, final=final, overridden=overridden)
        check_rows(self, len(self.ids))
        if self.action not in ACTIONS:
            raise choice_error("action", self.action, ACTIONS, place="Decision.action")
        if (final != base)[~overridden].any():
            cause, remedy = "an answer differs where `overridden` is False", "mark every overridden row"
            raise AlignmentError(cause, place="Decision.final", remedy=remedy)

    @classmethod
    def concat(cls, parts: Sequence[Decision]) -> Decision:
        """The decisions of one system for several lots of images, one after the other; at least one lot."""
        rows: dict[str, Any] = {}
        for name in ("ids", *cls._ROWS):
            values = [getattr(part, name) for part in parts]
            rows[name] = np.concatenate(values) if all(value is not None for value in values) else None
        return cls(action=parts[0].action, **rows)
