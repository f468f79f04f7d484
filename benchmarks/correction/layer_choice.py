"""Which layers of a classifier to learn on, for when it is not known where it keeps what tells the class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from mien.correctors.contract import Corrector, Labels, check_has_positives, target_class
from mien.errors import DataError
from mien.features import matching
from mien.metrics.ranking import auroc
from mien.types import Floats, Ints, Outputs, SoftLabels, Texts, as_classes, as_groups

Layers = tuple[str, ...]
CANDIDATES: tuple[Layers, ...] = (
    ("*",),
    ("*/3", "hidden", "logits"),
    ("*/1", "hidden", "logits"),
    ("hidden", "logits"),
)


def best_layers(
    make: Callable[[Layers], Corrector],
    outputs: Outputs,
    labels: Labels,
    *,
    groups: Ints | Texts | None = None,
    candidates: Sequence[Layers] = CANDIDATES,
    folds: int = 3,
) -> Layers:
    """The patterns of layers on which a corrector ranks pictures best that it was not fitted on.

    Parameters
    ----------
    make : layers → a corrector that is not fitted yet.
    outputs, labels : of the part that the corrector will be fitted on, and no other.
    groups : (N,) what travels together, such as persons: it stays in one fold.
    candidates : what to choose from; patterns that match nothing are passed over. Of equal ones the first is taken.

    Raises
    ------
    DataError : no candidate matches, or a fold has no picture of the class.

    Examples
    --------
    >>> from mien.correctors.linear import LDA
    >>> from mien.testing import example_outputs
    >>> outputs, labels = example_outputs()
    >>> noise = np.random.default_rng(0).normal(size=(len(outputs), 40))
    >>> outputs = outputs.with_features({"noise": noise})
    >>> best_layers(lambda layers: LDA(layers=layers), outputs, labels, candidates=[("noise",), ("hidden",)])
    ('hidden',)
    """
    soft = SoftLabels.of(labels, len(outputs.known), rows=len(outputs))
    truth, folds = soft.indices, as_classes(folds, "best_layers: folds")
    target = target_class(outputs, make(candidates[0]).target)
    wanted = check_has_positives(soft, target)
    groups = None if groups is None else as_groups(groups, "best_layers: groups", len(truth))
    if folds < 2 or min(wanted.sum(), (~wanted).sum()) < folds:
        raise _too_few(int(min(wanted.sum(), (~wanted).sum())), folds)
    parts = StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(
        truth, wanted, np.arange(len(truth)) if groups is None else groups
    )
    cuts = list(parts)
    if not all(wanted[rows].any() for cut in cuts for rows in cut):
        raise _too_few(int(wanted.sum()), folds)

    def quality(layers: Layers) -> float:
        areas: list[float] = []
        for learn, judge in cuts:
            corrector = make(layers).fit(outputs.take(learn), soft.take(learn))
            score: Floats = corrector.propose(outputs.take(judge)).score
            areas.append(auroc(score, wanted[judge]))
        return float(np.mean(areas))

    usable = [layers for layers in candidates if matching(outputs, layers)]
    if not usable:
        raise DataError(
            "no candidate matches a feature", place="best_layers", remedy="name layers that the outputs have"
        )
    return max(usable, key=quality)


def _too_few(count: int, folds: int) -> DataError:
    cause = f"{count} pictures of the class or of others, or their groups, do not reach for {folds} folds"
    return DataError(cause, place="best_layers", remedy="choose the layers yourself, or give fewer folds")
