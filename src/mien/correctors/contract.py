"""The contract of all correctors: arrays in, arrays out. A corrector never sees the classifier, so it serves any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError, NotFittedError, RunError, UsageError
from mien.storage.files import read_arrays
from mien.types import Bools, FeatureRequest, Floats, Ints, Outputs, Proposal, as_targets

REMEDY = "restore the file, or make it again"
FIT = "labels"
"""Place of errors in labels."""
State = Mapping[str, NDArray[Any]]
Labels = Ints | Floats
"""(N,) class indices, or (N, K) shares of votes."""


def requested_features(corrector: object) -> FeatureRequest:
    """What a corrector asks for."""
    return getattr(corrector, "required_features", FeatureRequest())


def to_indices(labels: Labels, classes: int | None = None) -> Ints:
    """(N,) class indices: the labels, or the class with the largest share of the votes.

    Lists, pandas objects and floats with whole values are taken; with `classes` (K), labels outside 0 … K−1 refused.

    >>> hard(np.array([[0.1, 0.9], [0.7, 0.3]])).tolist()
    [1, 0]
    """
    targets = as_targets(labels, FIT, classes)
    return targets.argmax(1) if targets.ndim == 2 else targets.astype(np.int64, copy=False)


def to_soft_labels(labels: Labels, classes: int) -> Floats:
    """(N, K) shares of the votes; a label alone has them all.

    >>> shares(np.array([1]), 3).tolist()
    [[0.0, 1.0, 0.0]]
    """
    targets = as_targets(labels, FIT, classes)
    return np.asarray(targets if targets.ndim == 2 else np.eye(classes)[to_indices(targets)], dtype=np.float32)


@runtime_checkable
class Corrector(Protocol):
    """What every corrector offers.

    `fit` learns from the outputs of the *correct* part and their true labels which pictures belong to the class
    `target` (by default the one class that the classifier does not know). Labels are (N,) integers, or (N, K) shares
    of the annotators' votes, of which a corrector that has no use for them takes the largest (`to_indices`). `propose`
    scores new outputs: higher is more evidence that the suggestion is right and the classifier's answer is not, on the
    scale of log-odds, so that correctors can be averaged. `state` and `restore` carry what was learnt as plain arrays;
    a state that is not whole is refused by `restore`, with any error, not later by `propose`.

    A corrector that learns on whole maps, or not on all vectors, names them in an attribute `required_features` (see
    `FeatureRequest`). One that needs no labelled pictures of a class sets `needs_pictures = False`. One that can take
    in more pictures later offers `add(outputs, labels)`. A suggestion of −1 is "f is wrong, I do not know more".
    """

    name: str
    target: int | None

    def __init__(self, target: int | None = None) -> None: ...

    def fit(self, outputs: Outputs, labels: Labels) -> Self: ...

    def propose(self, outputs: Outputs) -> Proposal: ...

    def state(self) -> dict[str, NDArray[Any]]: ...

    def restore(self, state: State) -> Self: ...


def load_corrector(corrector: Corrector, path: Path) -> Corrector:
    """The corrector with what a file holds; RunError where the file is damaged or not of this corrector."""
    state, target = read_arrays(path), corrector.target
    if not all(np.isfinite(value).all() for value in state.values() if value.dtype.kind == "f"):
        raise RunError("holds numbers that are not finite", place=str(path), remedy=REMEDY)
    try:
        found = corrector.restore(state)
        if target is not None and found.target != target:
            raise RunError(f"is of class {found.target}, not of {target}")
        return found
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError, RunError) as error:
        cause = f"does not hold what {corrector.name} learnt: {str(error).splitlines()[0]}"
        raise RunError(cause, place=str(path), remedy=REMEDY) from None


def target_class(outputs: Outputs, target: int | None) -> int:
    """The class to win back: `target`, or the only one that the classifier does not know.

    Raises
    ------
    UsageError : no class, or several, are unknown, or `target` is no class of the classifier.
    """
    count = len(outputs.known)
    if target is not None:
        whole = isinstance(target, int | np.integer) and not isinstance(target, bool)
        if not whole or not 0 <= target < count:
            remedy = f"give a class index, 0 to {count - 1}, such as labelset.index('fear')"
            raise UsageError(f"the class {target!r} is none of the {count} classes", place="target", remedy=remedy)
        return int(target)
    unknown = np.flatnonzero(~outputs.known)
    if len(unknown) != 1:
        raise UsageError(
            f"the classifier leaves {len(unknown)} classes unknown",
            place="corrector",
            remedy="name the class with target=",
        )
    return int(unknown[0])


def check_labels(outputs: Outputs, labels: Labels) -> Labels:
    """The labels as an array: (N,) class indices, or (N, K) shares.

    Raises
    ------
    DataError : NaN, fractions or text, shares that do not add up to 1.
    AlignmentError : another number of labels than of pictures, or labels outside 0 … K−1.
    """
    return as_targets(labels, FIT, len(outputs.known), rows=len(outputs))


def check_has_positives(outputs: Outputs, labels: Labels, target: int) -> Bools:
    """(N,) mask of the pictures of class `target`; DataError unless there are pictures with and without it.

    Labels are checked as by `checked`.
    """
    wanted: Bools = to_indices(check_labels(outputs, labels)) == target
    if not wanted.any() or wanted.all():
        raise DataError(
            f"{wanted.sum()} of {len(wanted)} pictures are of class {target}",
            place="corrector.fit",
            remedy="a corrector needs labelled pictures of the class and of others",
        )
    return wanted


def check_fitted(value: Any, name: str) -> Any:
    """`value`, or NotFittedError while it is None."""
    if value is None:
        raise NotFittedError("was not fitted", place=name, remedy="call fit(outputs, labels) first")
    return value
