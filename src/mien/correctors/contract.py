"""The contract of all correctors: arrays in, arrays out. A corrector never sees the classifier, so it serves any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DataError, NotFittedError, UsageError
from mien.types import Bools, Ints, Outputs, Proposal

State = Mapping[str, NDArray[Any]]


@runtime_checkable
class Corrector(Protocol):
    """What every corrector offers.

    `fit` learns from the outputs of the *correct* part and their true labels which pictures belong to the class
    `target` (by default the one class that the classifier does not know). `propose` scores new outputs: higher is more
    evidence that `target` is right and the classifier's answer is not. `state` and `restore` carry what was learnt as
    plain arrays.
    """

    name: str
    target: int | None

    def __init__(self, target: int | None = None) -> None: ...

    def fit(self, outputs: Outputs, labels: Ints) -> Self: ...

    def propose(self, outputs: Outputs) -> Proposal: ...

    def state(self) -> dict[str, NDArray[Any]]: ...

    def restore(self, state: State) -> Self: ...


def target_class(outputs: Outputs, target: int | None) -> int:
    """The class to win back: `target`, or the only one that the classifier does not know."""
    if target is not None:
        return target
    unknown = np.flatnonzero(~outputs.known)
    if len(unknown) != 1:
        raise UsageError(
            f"the classifier leaves {len(unknown)} classes unknown",
            place="corrector",
            remedy="name the class with target=",
        )
    return int(unknown[0])


def positives(outputs: Outputs, labels: Ints, target: int) -> Bools:
    """(N,) mask of the pictures of class `target`; DataError unless there are pictures with and without it."""
    if len(labels) != len(outputs):
        raise AlignmentError(f"{len(labels)} labels for {len(outputs)} pictures", place="corrector.fit")
    wanted: Bools = labels == target
    if not wanted.any() or wanted.all():
        raise DataError(
            f"{wanted.sum()} of {len(labels)} pictures are of class {target}",
            place="corrector.fit",
            remedy="a corrector needs labelled pictures of the class and of others",
        )
    return wanted


def fitted(value: Any, name: str) -> Any:
    """`value`, or NotFittedError while it is None."""
    if value is None:
        raise NotFittedError("was not fitted", place=name, remedy="call fit(outputs, labels) first")
    return value
