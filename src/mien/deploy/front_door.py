"""What users call: open a classifier, correct it, audit labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.certify.policy import Policy
from mien.classifiers.contract import Classifier, MapClassifier
from mien.classifiers.registry import open_classifier
from mien.data.answers import is_table
from mien.data.prepare import DataSettings
from mien.deploy.corrected import CorrectedClassifier, is_unfitted, opened
from mien.deploy.correction import correct as correct_on_data
from mien.deploy.labelled_rows import class_names
from mien.deploy.opening import load_patch, open_answers, open_predictor
from mien.deploy.patch import Patch
from mien.deploy.settings import CorrectSettings
from mien.errors import UsageError, choice_error
from mien.labels.suspects import Suspects, suspects
from mien.types import as_numbers

WITHOUT_MAPS = "logistic"
"""The corrector for classifiers that show no maps, by default."""
OF_ROWS = frozenset(signature(CorrectedClassifier).parameters) - {"classifier", "classes"}
"""Settings of `mien.correct` for rows in memory."""


def open(
    source: Any, patch: Path | str | Patch | CorrectedClassifier | None = None, **settings: Any
) -> CorrectedClassifier:
    """A classifier, alone or with a patch, ready to predict.

    Parameters
    ----------
    source : the folder of a run or a network, a table of answers, whose rows are then asked for by their ids, or any
        classifier (see `mien.classifiers.registry.open_classifier`).
    patch : what corrects it: the folder of a patch, the patch itself, or what `mien.correct` gave. By default, for a
        folder, the patch that is applied to it.
    settings : of a folder: `left_out` (the study's classifier without this class, with its corrector), `corrector`
        (which of the study's), `seed`, `base` (a network from outside mien, as module:Name). Of other sources: what
        their kind needs, such as `classes` and `inputs` of a function.

    Raises
    ------
    UsageError : no classifier, or a setting that it does not have. RunError : a damaged folder, or a patch that was
        made for another classifier.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> mood = open(LogisticRegression().fit([[0.0], [1.0]], ["calm", "fear"]))
    >>> mood.predict([[0.9]]).tolist()
    ['fear']
    """
    if isinstance(patch, CorrectedClassifier):
        patch = patch.patch_
    corrector = settings.pop("corrector", None)
    is_run = isinstance(source, str | Path) and not settings.get("kind") and Path(source).is_dir()
    if is_run and not isinstance(patch, Patch):
        how = {name: settings.pop(name, None) for name in ("left_out", "seed", "base")}
        if settings:
            raise choice_error("setting", next(iter(settings)), [*how, "corrector"], place=f"mien.open {source}")
        predictor = open_predictor(
            Path(source), patch=None if patch is None else Path(patch), corrector=corrector, **how
        )
        return CorrectedClassifier.of(predictor.classifier, predictor.patch)
    if isinstance(source, str | Path) and is_table(Path(source)) and isinstance(patch, str | Path):
        predictor, _ = open_answers(Path(source), Path(patch), **settings)
        return CorrectedClassifier.of(predictor.classifier, predictor.patch)
    classifier = open_classifier(source, **settings)
    if isinstance(patch, str | Path):
        patch = load_patch(Path(patch), classifier, corrector)
    return CorrectedClassifier.of(classifier, patch)


def correct(classifier: Any, data: Any, classes: Sequence[Any], **settings: Any) -> CorrectedClassifier:
    """Recover classes that a classifier misses: fit a corrector beside it, certify it, and put it in force.

    Parameters
    ----------
    classifier : what `mien.open` gives or takes, such as a fitted estimator or the folder of a run. It is not changed.
    data : labelled rows that it was not trained on: (X, y) or (X, y, groups) as `CorrectedClassifier.fit` has them,
        with X a table, images or paths of image files; or a data set of labelled images by its place, such as a folder
        with a folder for each class.
    classes : names of the target classes, new ones or known ones; [] stands for the choice that
        `CorrectedClassifier` describes.
    settings : such as `budget=0.02`. Of rows: any parameter of CorrectedClassifier, among them `trained_on` and
        `assume_unseen`. Of a data set: any of CorrectSettings, DataSettings and Policy, such as
        `trained_on=("path/to/training",)`. The corrector is "adapter" by default where the classifier shows maps, else
        "logistic".

    Returns
    -------
    The corrected classifier. Its method `save` writes the patch, which `mien.open(classifier, patch=folder)` reads.

    Raises
    ------
    UsageError : an unknown class or setting; or it is not known what the classifier was trained on. DataError : too few
        rows of a class.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> two = LogisticRegression(max_iter=500).fit(X[:100], y[:100])
    >>> corrected = correct(two, (X, y), [2], budget=0.1, assume_unseen=True)
    >>> corrected.predict(X[[0, 149]]).tolist(), corrected.certificate_.holds
    ([0, 2], True)
    """
    f = classifier if is_unfitted(classifier) else opened(classifier)
    settings.setdefault("corrector", CorrectSettings.corrector if _shows_maps(f) else WITHOUT_MAPS)
    if isinstance(data, str | Path):
        return CorrectedClassifier.of(f, _patch(f, {"source": str(data), **settings}, classes))
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        remedy = "give (X, y) or (X, y, groups), or the folder of labelled images"
        raise UsageError(f"the data are a {type(data).__name__}", place="mien.correct", remedy=remedy)
    _check_known(settings, OF_ROWS)
    return CorrectedClassifier(f, classes=classes, **settings).fit(*data)


def _patch(classifier: Classifier, given: Mapping[str, Any], classes: Sequence[Any]) -> Patch:
    """The patch that `mien correct` makes on a data set."""
    given = {**given, "classes": tuple(class_names(classes))}
    _check_known(given, {field.name for kind in (CorrectSettings, DataSettings, Policy) for field in fields(kind)})
    data, how, policy = (_built(kind, given) for kind in (DataSettings, CorrectSettings, Policy))
    return correct_on_data(classifier, data, how, policy).patch


def _check_known(given: Mapping[str, Any], known: Collection[str]) -> None:
    """Raise UsageError for a setting that there is not."""
    for name in given:
        if name not in known:
            raise choice_error("setting", name, sorted(known), place="mien.correct")


def _built(kind: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """The settings of this kind among all that are given."""
    return kind(**{field.name: given[field.name] for field in fields(kind) if field.name in given})  # type: ignore[arg-type]


def _shows_maps(classifier: Any) -> bool:
    return isinstance(classifier, MapClassifier) and any(layer.kind == "map" for layer in classifier.card.layers)


@dataclass(frozen=True)
class Audit:
    """Which labels are probably wrong.

    Attributes
    ----------
    classes : (K,) the classes, as they are written in y.
    suspects : the evidence, with class indices.
    """

    classes: NDArray[Any]
    suspects: Suspects

    @property
    def score(self) -> NDArray[Any]:
        """(N,) chance of the most likely other class less that of the given one; above 0 the label is suspicious."""
        return self.suspects.score

    @property
    def suggested(self) -> NDArray[Any]:
        """(N,) the most likely labels."""
        return self.classes[self.suspects.suggested]

    @property
    def worst_first(self) -> NDArray[Any]:
        """(N,) rows, the most suspicious first."""
        return np.argsort(-self.score, kind="stable")

    def __repr__(self) -> str:
        count, rows = int((self.score > 0).sum()), self.worst_first[:3]
        shown = "; ".join(
            f"row {row}: {self.classes[self.suspects.labels[row]]} → {self.classes[self.suspects.suggested[row]]} "
            f"({self.score[row]:.2f})"
            for row in rows
            if self.score[row] > 0
        )
        return f"Audit: {count} of {len(self.score)} labels are suspicious" + (f"; {shown}" if shown else "")


def audit(y: Any, probabilities: Any, X: Any, groups: Any = None, classes: Sequence[Any] = ()) -> Audit:
    """Find labels that are probably wrong.

    Parameters
    ----------
    y : (N,) labels, names or numbers.
    probabilities : (N, K) of a classifier that was not trained on the row, such as `cross_val_predict` gives.
    X : (N, D) features, in which near rows are alike.
    groups : (N,) rows that may not speak for each other, such as copies.
    classes : the K classes in the order of the columns; by default the labels in y, in order.

    Raises
    ------
    UsageError : another number of classes than of columns.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = np.arange(200) % 2
    >>> y = np.where(np.arange(200) < 4, 1 - truth, truth)
    >>> X = truth[:, None] + rng.normal(0, 0.1, (200, 2))
    >>> sorted(audit(y, np.eye(2)[truth] * 0.8 + 0.1, X).worst_first[:4].tolist())
    [0, 1, 2, 3]
    """
    names = class_names(y)
    shown = np.asarray(classes) if len(classes) else np.unique(np.asarray(y))
    order = class_names(shown)
    probs = np.asarray(as_numbers(probabilities, "probabilities", ndim=2))
    if probs.shape[1] != len(order):
        cause = f"has {probs.shape[1]} columns, and there are {len(order)} classes"
        raise UsageError(cause, place="probabilities", remedy="name the classes of all columns: classes=[…]")
    absent = sorted(set(names) - set(order))
    if absent:
        raise choice_error("class", absent[0], order, place="y")
    labels = np.array([order.index(name) for name in names])
    return Audit(shown, suspects(labels, probs, np.asarray(as_numbers(X, "X", ndim=2)), groups))
