"""The corrected classifier as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, column_or_1d, validate_data

from mien.certify.policy import Policy
from mien.classifiers.contract import Classifier, ClassifierCard, TableSpec
from mien.classifiers.registry import open_classifier
from mien.data.provenance import KNOWN, STATED, UNKNOWN, TrainedOn
from mien.deploy.fitting import fit_patch
from mien.deploy.labelled_rows import (
    FITTED,
    UNFITTED,
    as_class_labels,
    calibration_rows,
    class_names,
    divided,
    rows_of,
    with_labels,
    without_learnt,
)
from mien.deploy.patch import Certificate, Patch
from mien.deploy.patch_io import now
from mien.deploy.predictor import Predictions, Predictor
from mien.deploy.settings import CorrectSettings
from mien.deploy.target_classes import ALL, is_word
from mien.deploy.trained_on import base_of, recorded_by
from mien.errors import UsageError
from mien.types import NO_LABEL, Decision, Floats, Outputs, Split

OF_POLICY = ("budget", "delta", "scope", "action", "guarantee", "aim", "class_budget", "costs")
"""Parameters that the estimator shares with `mien.Policy`."""


class CorrectedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier that stays as it is, and a small corrector that overrides some of its answers.

    `fit` divides X into rows to learn from and rows to certify on; persons and copies stay together. Where
    `certificate_` holds, at most the share `budget` of the classifier's right answers is lost: with confidence
    1 − `delta`, or in the mean over calibration sets.

    Parameters
    ----------
    classifier : what is to be corrected: a fitted estimator, a classifier of mien (`mien.open`), a function that gives
        probabilities (see `mien.classifiers.function`), or the folder of a run. It is not changed. An estimator that is
        not fitted is cloned and trained on half of the rows.
    corrector : name of what learns, such as "logistic", "nystroem" or "lda".
    classes : names of the target classes. Those that the classifier was not trained on come last in `classes_`. Or
        "weak", those whose recall is clearly below the median, or "all". By default all in y that it does not know or,
        where it knows all, every class in y.
    budget, delta : the share of right answers that may be lost, and the chance that the certificate is wrong.
    scope, action : whose answers are counted, and what an override does (see `mien.Policy`).
    guarantee, aim : which guarantee is in force, and what the threshold serves within the budget.
    class_budget, costs : budgets of single classes, and what wrong answers cost, as `mien.Policy` has them.
    features : folders of adopted networks whose features are read beside those of the classifier, such as an encoder.
    trained_on : the rows that the classifier was trained on, in the form of X; those among X are left out.
    assume_unseen : states that the classifier was trained on none of the rows.
    random_state : seed of the division into parts; None is 0.

    Attributes
    ----------
    classes_ : (K,) the classes, as they are written in y.
    certificate_ : what is guaranteed. It does not hold where nothing is known of the rows that the classifier was
        trained on: give `trained_on`, or state `assume_unseen`.
    patch_ : what corrects the classifier; `save(folder)` keeps it, `mien.open(classifier, folder)` has it back.

    Notes
    -----
    The sources of both guarantees are named in `mien.certify.thresholds`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> two = LogisticRegression(max_iter=500).fit(X[:100], y[:100])
    >>> corrected = CorrectedClassifier(two, classes=[2], budget=0.1, assume_unseen=True).fit(X, y)
    >>> corrected.classes_, corrected.certificate_.holds
    (array([0, 1, 2]), True)
    """

    certificate_: Certificate | None
    patch_: Patch | None

    def __init__(
        self,
        classifier: Any,
        corrector: str = "logistic",
        classes: Sequence[Any] = (),
        *,
        budget: float = 0.02,
        delta: float = 0.05,
        scope: str = "pooled",
        action: str = "relabel",
        guarantee: str = "confident",
        aim: str = "macro_recall",
        class_budget: Sequence[str] = (),
        costs: Sequence[str] = (),
        features: Sequence[Any] = (),
        trained_on: Any = None,
        assume_unseen: bool = False,
        random_state: Any = None,
    ) -> None:
        self.classifier, self.corrector, self.classes = classifier, corrector, classes
        self.budget, self.delta, self.scope, self.action = budget, delta, scope, action
        self.guarantee, self.aim, self.class_budget, self.costs = guarantee, aim, class_budget, costs
        self.features = features
        self.trained_on, self.assume_unseen, self.random_state = trained_on, assume_unseen, random_state

    @classmethod
    def of(cls, classifier: Classifier, patch: Patch | None = None) -> Self:
        """A classifier with a patch that was made before, or alone."""
        if patch is None:
            return cls(classifier)._set(Predictor(classifier))
        policy = {name: getattr(patch.policy, name) for name in OF_POLICY}
        made = cls(classifier, patch.names[0], patch.targets, **policy)
        return made._set(Predictor(classifier, patch))

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Fit the corrector, and certify it.

        Parameters
        ----------
        X : (N, D) table, images (N, H, W[, 3]) uint8, or paths of image files; as the classifier reads it.
        y : (N,) labels, names or numbers. groups : (N,) persons, or other units that may not be divided.

        Raises
        ------
        DataError : too few rows of a class. UsageError : a label that is no class.
        """
        policy = Policy(**{name: getattr(self, name) for name in OF_POLICY})
        seed = 0 if self.random_state is None else self.random_state
        seed = int(seed if isinstance(seed, int | np.integer) else check_random_state(seed).randint(2**31))
        y = column_or_1d(y, warn=True)
        parts: Split | None = None
        if is_unfitted(self.classifier):
            classifier, parts = self._trained(X, y, groups, seed)
        else:
            classifier = opened(self.classifier)
            self._check_table(classifier, X, y)
        known, names, given = classifier.card.classes, class_names(y), class_names(self.classes)
        listed = [] if is_word(given, (*known, *names)) else given
        new = [name for name in listed or np.unique(names).tolist() if name not in known]
        data = with_labels(rows_of(classifier.card, X, groups), names, (*known, *dict.fromkeys(new)))
        sets, kind = ((), KNOWN) if parts else self._learnt_by(classifier)
        data, provenance = without_learnt(data, sets, kind)
        parts = parts or divided(data, seed, FITTED)
        settings = CorrectSettings(
            corrector=self.corrector, keep_features=False, features=tuple(map(str, self.features))
        )
        every = known if ALL in known else (ALL,)
        share = settings.share_to_fit(policy)
        material = calibration_rows(classifier, data, parts, given or new or every, provenance, share)
        about = {"made": now(), "settings": asdict(policy), "base": base_of(classifier)}
        patch, _ = fit_patch(classifier, material, settings, policy, about=about)
        return self._set(Predictor(classifier, patch), y, listed and self.classes)

    def predict(self, X: Any) -> NDArray[Any]:
        """(N,) the corrected answers, of `classes_`; "" or −1 where the action is to abstain."""
        final = self.decide(X).final
        silence = "" if self.classes_.dtype.kind in "UO" else NO_LABEL
        return np.append(self.classes_, np.array([silence], self.classes_.dtype))[final]

    def predict_proba(self, X: Any) -> Floats:
        """(N, K) probabilities: the classifier's own, where nothing is overridden.

        An overridden answer has the probability σ(score − threshold), which is above one half; the others share the
        rest in proportion. It is consistent with `predict`, not calibrated.
        """
        outputs, decision = self._decided(X)
        probs = np.array(outputs.probs, float)
        changed = decision.overridden & (decision.final >= 0) & (decision.final != decision.base)
        if changed.any() and decision.score is not None and decision.threshold is not None:
            chance = np.maximum(expit(decision.score - decision.threshold)[changed], np.nextafter(0.5, 1))
            rows, final = np.flatnonzero(changed), decision.final[changed]
            probs[rows, final] = 0
            rest = np.maximum(probs[rows].sum(1), np.finfo(float).tiny)
            probs[rows] *= ((1 - chance) / rest)[:, None]
            probs[rows, final] = 1 - probs[rows].sum(1)
        return probs

    def decide(self, X: Any) -> Decision:
        """Answers before and after, which of them are overridden, and the scores and thresholds behind it.

        Classes are indices into `classes_`; −1 is abstention.
        """
        return self._decided(X)[1]

    def save(self, folder: Path | str) -> None:
        """Write the patch, not the classifier; `mien.open(classifier, patch=folder)` puts it in force again.

        Raises
        ------
        UsageError : the classifier is not corrected. StorageError : the folder cannot be written.
        """
        check_is_fitted(self, "predictor_")
        if self.patch_ is None:
            remedy = "make a patch first: mien.correct(classifier, (X, y), classes)"
            raise UsageError("has no patch that could be kept", place="CorrectedClassifier", remedy=remedy)
        self.patch_.save(folder)

    def stream(self, batches: Iterable[Any]) -> Iterator[Predictions]:
        """Predictions for batch after batch, such as the frames of a video; memory does not grow with their number.

        An image file that cannot be read becomes a Problem of its batch.
        """
        check_is_fitted(self, "predictor_")
        return self.predictor_.stream(batches)

    def _decided(self, X: Any) -> tuple[Outputs, Decision]:
        check_is_fitted(self, "predictor_")
        if hasattr(self, "n_features_in_"):
            validate_data(self, X, reset=False, dtype="numeric")
        return self.predictor_.all(X)

    def _trained(self, X: Any, y: Any, groups: Any, seed: int) -> tuple[Classifier, Split]:
        """A clone of the estimator, trained on half of the rows, and the parts of all rows."""
        X, y = validate_data(self, X, y, dtype="numeric")
        check_classification_targets(y)
        names = class_names(y)
        card = ClassifierCard("unfitted", tuple(np.unique(names).tolist()), inputs=TableSpec(X.shape[1]))
        parts = divided(with_labels(rows_of(card, X, groups), names, card.classes), seed, UNFITTED)
        learn = parts.rows("train")
        return open_classifier(clone(self.classifier).fit(X[learn], y[learn])), parts

    def _check_table(self, classifier: Classifier, X: Any, y: Any) -> None:
        """Hold a table against scikit-learn's rules, and remember its columns."""
        if isinstance(classifier.card.inputs, TableSpec) and classifier.card.inputs.width:
            validate_data(self, X, y, dtype="numeric")

    def _learnt_by(self, classifier: Classifier) -> tuple[tuple[TrainedOn, ...], str]:
        """What the classifier was trained on, and how that is known."""
        recorded, _ = recorded_by(classifier)
        sets: tuple[TrainedOn, ...] = () if recorded is None else (recorded,)
        if self.trained_on is not None:
            rows = rows_of(classifier.card, self.trained_on)
            sets += (TrainedOn.from_dataset(rows, np.arange(len(rows)), "", stated=True),)
        stated = self.assume_unseen or self.trained_on is not None
        return sets, KNOWN if recorded is not None else STATED if stated else UNKNOWN

    def _set(self, predictor: Predictor, *labels: Any) -> Self:
        self.predictor_, self.patch_ = predictor, predictor.patch
        self.certificate_ = predictor.patch.certificate if predictor.patch else None
        trained_on = getattr(predictor.classifier, "labels", None)
        self.classes_ = as_class_labels(predictor.classes, *([] if trained_on is None else [trained_on]), *labels)
        return self

    def __sklearn_clone__(self) -> Self:
        """A copy that is not fitted, for the same classifier: that is corrected, not trained."""
        params = {name: clone(value, safe=False) for name, value in self.get_params(deep=False).items()
                  if name != "classifier"}  # fmt: skip
        return type(self)(clone(self.classifier) if is_unfitted(self.classifier) else self.classifier, **params)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "predictor_")


def opened(classifier: Any) -> Classifier:
    """The classifier itself, of what `mien.open` gives or takes."""
    return (
        classifier.predictor_.classifier if isinstance(classifier, CorrectedClassifier) else open_classifier(classifier)
    )


def is_unfitted(classifier: Any) -> bool:
    """Whether this is a scikit-learn estimator that was not fitted."""
    if isinstance(classifier, type) or not hasattr(classifier, "fit") or not hasattr(classifier, "get_params"):
        return False
    try:
        check_is_fitted(classifier)
    except NotFittedError:
        return True
    return False
