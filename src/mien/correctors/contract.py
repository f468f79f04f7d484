"""The contract of all correctors: arrays in, arrays out. A corrector never sees the classifier, so it serves any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DataError, NotFittedError, RunError, UsageError
from mien.runs import read_arrays
from mien.types import Bools, Floats, Ints, Outputs, Proposal, Wanted

REMEDY = "restore the file, or make it again"
State = Mapping[str, NDArray[Any]]
Labels = Ints | Floats
"""(N,) class indices, or (N, K) shares of votes."""


def wanted_by(corrector: object) -> Wanted:
    """What a corrector asks for."""
    return getattr(corrector, "wants", Wanted())


def read_out_for(correctors: Iterable[object]) -> dict[str, list[str]]:
    """The `maps` and `vectors` that `mien.models.latents.extract` must give for all of these."""
    wants = [wanted_by(corrector) for corrector in correctors]
    maps = {want.tap for want in wants if want.tap}
    return {"maps": sorted(maps), "vectors": sorted({pattern for want in wants for pattern in want.vectors})}


def hard(labels: Labels) -> Ints:
    """(N,) class indices: the labels, or the class with the largest share of the votes.

    >>> hard(np.array([[0.1, 0.9], [0.7, 0.3]])).tolist()
    [1, 0]
    """
    return labels.argmax(1) if labels.ndim == 2 else labels.astype(np.int64)


def shares(labels: Labels, classes: int) -> Floats:
    """(N, K) shares of the votes; a label alone has them all.

    >>> shares(np.array([1]), 3).tolist()
    [[0.0, 1.0, 0.0]]
    """
    return np.asarray(labels if labels.ndim == 2 else np.eye(classes)[labels], dtype=np.float32)


@runtime_checkable
class Corrector(Protocol):
    """What every corrector offers.

    `fit` learns from the outputs of the *correct* part and their true labels which pictures belong to the class
    `target` (by default the one class that the classifier does not know). Labels are (N,) integers, or (N, K) shares
    of the annotators' votes, of which a corrector that has no use for them takes the largest (`hard`). `propose` scores
    new outputs: higher is more evidence that the suggestion is right and the classifier's answer is not, on the scale
    of log-odds, so that correctors can be averaged. `state` and `restore` carry what was learnt as plain arrays; a
    state that is not whole is refused by `restore`, with any error, not later by `propose`.

    A corrector that learns on whole maps, or not on all vectors, says so by an attribute `wants` (see `Wanted`), one
    that can do without
    labelled pictures of a class by `needs_pictures = False`. One that can take in more pictures later offers
    `add(outputs, labels)`. A suggestion of −1 is "f is wrong, I do not know more".
    """

    name: str
    target: int | None

    def __init__(self, target: int | None = None) -> None: ...

    def fit(self, outputs: Outputs, labels: Labels) -> Self: ...

    def propose(self, outputs: Outputs) -> Proposal: ...

    def state(self) -> dict[str, NDArray[Any]]: ...

    def restore(self, state: State) -> Self: ...


def restored(corrector: Corrector, path: Path) -> Corrector:
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


def positives(outputs: Outputs, labels: Labels, target: int) -> Bools:
    """(N,) mask of the pictures of class `target`; DataError unless there are pictures with and without it."""
    if len(labels) != len(outputs):
        raise AlignmentError(f"{len(labels)} labels for {len(outputs)} pictures", place="corrector.fit")
    wanted: Bools = hard(labels) == target
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
