"""The contract of all correctors: arrays in, arrays out. No corrector calls the classifier, so it serves any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeGuard, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.correctors.log_odds import most_probable
from mien.errors import DataError, NotFittedError, UsageError
from mien.types import NO_LABEL, Bools, FeatureRequest, Floats, Ints, Outputs, Proposal, SoftLabels, as_ids

Value = TypeVar("Value")
State = Mapping[str, NDArray[Any]]
Target = int | Sequence[int] | None
"""Index of the target class; or indices of several, of which a corrector suggests the most probable one."""
Labels = SoftLabels | Ints | Floats
"""SoftLabels, or what they are made of: (N,) class indices, or (N, K) shares of votes."""


@runtime_checkable
class Corrector(Protocol):
    """Interface of the correctors.

    `fit` learns from the outputs of the *correct* part and their true labels which images belong to the target class
    (by default the one class that the classifier was not trained on). `propose` scores new outputs: a higher score is
    more evidence that the suggestion is right and the classifier's answer is wrong, on the scale of log-odds, so that
    correctors can be averaged. `state` and `restore` carry what was learnt as plain arrays; a state that is not whole
    is refused by `restore`, with any error, not later by `propose`.

    A corrector that learns on whole maps, or not on all vectors, names them in an attribute `required_features` (see
    `FeatureRequest`). One that needs no labelled images of a class sets `needs_pictures = False`. One that can take
    in more images later offers `add(outputs, labels)`. A suggestion of −1 stands for "wrong, class not given".
    One that may suggest several classes sets `several_classes = True`, takes a sequence as its target, and gives
    `class_odds(outputs)`, (N, K) log-odds of each class against f's answer.

    Constructor parameters have defaults and stay as they were given; `BaseCorrector` makes of that what scikit-learn
    expects of an estimator.
    """

    name: str
    target: Target

    def fit(self, outputs: Outputs, labels: Labels) -> Self: ...

    def propose(self, outputs: Outputs) -> Proposal: ...

    def state(self) -> dict[str, NDArray[Any]]: ...

    def restore(self, state: State) -> Self: ...


class LayerSource(Protocol):
    """What an adapter can be built on: the names of the layers of a classifier, maps first. Networks are some."""

    @property
    def layers(self) -> tuple[str, ...]: ...


def requested_features(corrector: Corrector) -> FeatureRequest:
    """The features that a corrector requires; all vectors by default."""
    return getattr(corrector, "required_features", FeatureRequest())


def prepare_thread(corrector: Corrector) -> None:
    """Restrict what a corrector computes in the calling thread to one core, where others work beside it."""
    prepare = getattr(corrector, "prepare_thread", None)
    if prepare is not None:
        prepare()
    for member in getattr(corrector, "members_", None) or ():
        prepare_thread(member)


def as_outputs(outputs: Any, features: Any = None, target: Target = None, known: Bools | None = None) -> Outputs:
    """Outputs, or probabilities (N, K) with features, as Outputs.

    Parameters
    ----------
    outputs : Outputs, or (N, K) probabilities.
    features : (N, D) array or data frame, or name → array; None for none.
    target : index of the target class, or of several; K or more adds classes that were not trained on.
    known : (K,) the classes that the classifier was trained on. By default all but the target or, without one, all but
        those whose column is zero throughout.

    Examples
    --------
    >>> as_outputs([[0.9, 0.1], [0.2, 0.8]], [[1.0], [2.0]], target=2).known.tolist()
    [True, True, False]
    """
    vectors = None if features is None else features if isinstance(features, Mapping) else {"features": features}
    if isinstance(outputs, Outputs):
        return outputs if vectors is None else outputs.with_features(vectors)
    made = Outputs(as_ids(np.arange(len(outputs)), "ids"), outputs, vectors=vectors or {})
    targets = [] if target is None else np.atleast_1d(target).tolist()
    made = made.padded_to(max(len(made.known), 1 + max(targets, default=-1), 0 if known is None else len(known)))
    if known is None:
        empty = ~np.any(made.probs, axis=0)
        known = ~empty if target is None else ~(empty & np.isin(np.arange(len(empty)), targets))
    return Outputs(made.ids, made.probs, known if known.any() else None, made.vectors)  # type: ignore[arg-type]


def target_class(outputs: Outputs, target: Target) -> int:
    """The index of the target class: `target`, or the only class that the classifier was not trained on.

    Raises
    ------
    UsageError : no class, or several, are unknown, or `target` is not a class of the classifier, or lists several.
    """
    count = len(outputs.known)
    if several(target):
        remedy = "fit one for each class, or take one that can suggest several, such as nystroem"
        raise UsageError("the corrector suggests one class, and several are given", place="target", remedy=remedy)
    if target is not None:
        if isinstance(target, int | np.integer) and not isinstance(target, bool) and 0 <= target < count:
            return int(target)
        remedy = f"give a class index, 0 to {count - 1}, such as labelset.index('fear')"
        raise UsageError(f"the class {target!r} is none of the {count} classes", place="target", remedy=remedy)
    unknown = np.flatnonzero(~outputs.known)
    if len(unknown) != 1:
        cause = f"the classifier leaves {len(unknown)} classes unknown"
        raise UsageError(cause, place="corrector", remedy="name the class with target=")
    return int(unknown[0])


def target_classes(outputs: Outputs, target: Target) -> int | tuple[int, ...]:
    """The target class as `target_class` finds it, or the several classes that `target` lists, in order.

    Raises
    ------
    UsageError : as `target_class`; or the list is empty.
    """
    if not several(target):
        return target_class(outputs, target)
    classes = tuple(sorted({target_class(outputs, each) for each in target}))
    if not classes:
        raise UsageError("lists no class", place="target", remedy="give one class index or more")
    return classes


def several(target: Target) -> TypeGuard[Sequence[int]]:
    """Whether a target lists classes, in place of naming one."""
    return isinstance(target, Sequence | np.ndarray) and not isinstance(target, str)


def check_has_positives(labels: SoftLabels, target: int | tuple[int, ...]) -> Bools:
    """(N,) mask of the images of a target class; DataError unless there are images with and without it.

    Several classes may be all that there are, if there are images of two.
    """
    positive: Bools = np.isin(labels.indices, target)
    enough = len(np.unique(labels.indices)) > 1 if isinstance(target, tuple) else not positive.all()
    if not positive.any() or not enough:
        names = ", ".join(map(str, np.atleast_1d(target)))
        raise DataError(
            f"{positive.sum()} of {len(positive)} pictures are of class {names}",
            place="corrector.fit",
            remedy="a corrector needs labelled pictures of the class and of others",
        )
    return positive


def fitted_targets(corrector: Corrector) -> tuple[int, ...]:
    """The target classes of a fitted corrector; none where it suggests any class, or only that f is wrong."""
    target = getattr(corrector, "target_", None)
    target = getattr(corrector, "target", None) if target is None else target
    if several(target):
        return tuple(int(each) for each in target)
    return () if target is None or target == NO_LABEL else (int(target),)


def weighed_proposal(corrector: Corrector, outputs: Outputs, weights: Floats | None) -> Proposal:
    """The proposal of a fitted corrector; with weights, one of several classes suggests that of most worth.

    Parameters
    ----------
    weights : (K,) what a right answer of each class is worth; None for all alike.
    """
    targets = fitted_targets(corrector)
    if weights is None or len(targets) < 2:
        return corrector.propose(outputs)
    return most_probable(class_odds_of(corrector, outputs), outputs, targets, weights)


def class_odds_of(corrector: Corrector, outputs: Outputs) -> Floats:
    """(N, K) log-odds of each class against f's answer; UsageError where a corrector of several classes has none."""
    compute: Callable[[Outputs], Floats] | None = getattr(corrector, "class_odds", None)
    if compute is None:
        cause = "is of several classes and has no method class_odds"
        raise UsageError(cause, place=corrector.name, remedy="give it one, see mien.correctors.contract.Corrector")
    return compute(outputs)


def restored_target(stored: NDArray[Any]) -> int | tuple[int, ...]:
    """The target class, or classes, in a saved state."""
    return tuple(stored.tolist()) if stored.ndim else int(stored)


def check_fitted(value: Value | None, name: str) -> Value:
    """What a corrector called `name` has learnt, or NotFittedError where it is None."""
    if value is None:
        raise NotFittedError("was not fitted", place=name, remedy="call fit(outputs, labels) first")
    return value
