"""The base of mien's correctors: an estimator as scikit-learn's users expect it, and the skeleton that most share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mien.correctors.contract import (
    Corrector,
    Labels,
    State,
    Target,
    as_outputs,
    check_fitted,
    check_has_positives,
    fitted_targets,
    requested_features,
    several,
    target_class,
    target_classes,
)
from mien.correctors.log_odds import Encoding, class_odds, most_probable
from mien.errors import UsageError
from mien.metrics.ranking import auroc
from mien.types import Bools, FeatureRequest, Floats, Ints, Outputs, Proposal, SoftLabels


class BaseCorrector(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator with `fit`, `propose` and `score`. A subclass gives `_fit`, `_propose`, `state` and `restore`.

    Constructor parameters stay as they were given; what is learnt has a name with an underscore at the end.
    """

    name: ClassVar[str]
    needs_pictures: ClassVar[bool] = True
    several_classes: ClassVar[bool] = False
    weight_power: ClassVar[float] = 0.0
    """Exponent of the class weights (1/n)^power that its training has already, which its odds contain."""
    target: Target = None
    target_: int | tuple[int, ...] | None = None
    known_: Bools | None = None

    @property
    def required_features(self) -> FeatureRequest:
        """All vectors; a subclass may ask for less, or for maps."""
        return FeatureRequest()

    def fit(self, outputs: Outputs | Floats, labels: Labels | None = None, features: Any = None) -> Self:
        """Learn the target class from the outputs of a classifier and the true labels.

        Parameters
        ----------
        outputs : Outputs of N images, or their probabilities (N, K).
        labels : (N,) class indices, (N, K) shares of votes, or SoftLabels.
        features : (N, D) array or data frame, or name → array, beside probabilities.

        Raises
        ------
        DataError : no images of the target class, or none of others; values that are not finite.
        AlignmentError : lengths differ. UsageError : the target is not a class.
        """
        whole = as_outputs(outputs, features, self._padding())
        self.known_ = whole.known
        if labels is None:
            if self.needs_pictures:
                raise UsageError("requires labels", place=f"{self.name}.fit", remedy="give (N,) class indices")
            return self._fit(whole, None)
        return self._fit(whole, SoftLabels.of(labels, len(whole.known), rows=len(whole)))

    def propose(self, outputs: Outputs | Floats, features: Any = None) -> Proposal:
        """Score N images, and suggest a class for each.

        Parameters
        ----------
        outputs, features : as for `fit`.

        Returns
        -------
        Proposal with scores on the scale of log-odds; see the class for what they measure.
        """
        return self._propose(as_outputs(outputs, features, self._padding(), self.known_))

    def score(self, outputs: Outputs | Floats, labels: Labels, features: Any = None) -> float:
        """AUROC of the scores for the target class, among images that the classifier does not give that answer.

        With several target classes: of right suggestions against right answers of the classifier.
        """
        whole = as_outputs(outputs, features, self._padding(), self.known_)
        given = target_classes(whole, self.target_ if self.target is None else self.target)
        truth = SoftLabels.of(labels, len(whole.known), rows=len(whole)).indices
        proposal, base = self._propose(whole), whole.predicted
        if isinstance(given, tuple):
            positive = (proposal.suggested == truth) & (base != truth)
            others = positive | (base == truth)
        else:
            positive, others = truth == given, base != given
        return auroc(proposal.score[others], positive[others])

    def _padding(self) -> Target:
        """The target classes that are indices; others are refused where they are used."""
        given = self.target_ if self.target is None else self.target
        listed = given if several(given) else [given]
        whole = [int(each) for each in listed if isinstance(each, int | np.integer) and not isinstance(each, bool)]
        return whole or None

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        raise NotImplementedError

    def _propose(self, outputs: Outputs) -> Proposal:
        raise NotImplementedError


class CombinedCorrector(BaseCorrector):
    """Base of the correctors made of others. A subclass gives `_unfitted`, `_fit` and `_propose`."""

    members_: tuple[Corrector, ...] | None = None

    @property
    def required_features(self) -> FeatureRequest:
        """What the members require; UsageError where they require maps of two layers."""
        return FeatureRequest.union(map(requested_features, self.members_ or self._unfitted()))

    def state(self) -> dict[str, NDArray[Any]]:
        members = check_fitted(self.members_, self.name)
        prefixed = zip(self._prefixes(members), members, strict=True)
        return {f"{prefix}{name}": value for prefix, member in prefixed for name, value in member.state().items()}

    def restore(self, state: State) -> Self:
        members = self._unfitted()
        for prefix, member in zip(self._prefixes(members), members, strict=True):
            member.restore({name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)})
        return self._with_fitted(members)

    def _with_fitted(self, members: Sequence[Corrector]) -> Self:
        self.members_ = tuple(members)
        targets, *others = map(fitted_targets, self.members_)
        if any(other != targets for other in others):
            cause = f"its members suggest different classes: {', '.join(map(str, [targets, *others]))}"
            raise UsageError(cause, place=self.name, remedy="give all members the same target")
        self.target_ = targets if len(targets) > 1 else next(iter(targets), None)
        return self

    def _prefixes(self, members: Sequence[Corrector]) -> list[str]:
        """Prefix of each member's arrays in a saved state."""
        return [f"{number}." for number in range(len(members))]

    def _unfitted(self) -> Sequence[Corrector]:
        raise NotImplementedError


class EncodedCorrector(BaseCorrector):
    """Skeleton of the correctors that learn codes: labels → codes → log-probabilities → log-odds of the target class.

    A subclass gives `_learn` and `_log_probs`, and has the parameters `target_encoding` and `error_weight` (see
    `mien.correctors.log_odds`). With several target classes the codes are the classes.
    """

    several_classes = True
    target_encoding: str = "rest"
    error_weight: float = 1.0
    encoding_: Encoding | None = None

    def class_odds(self, outputs: Outputs) -> Floats:
        """(N, K) log-odds of each class against f's answer, of a corrector of several classes."""
        return class_odds(self._all_log_probs(outputs), outputs)

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        labels = check_fitted(labels, self.name)
        self.target_ = target_classes(outputs, self.target)
        check_has_positives(labels, self.target_)
        kind = "classes" if isinstance(self.target_, tuple) else self.target_encoding
        return self._fit_codes(outputs, labels.indices, Encoding(kind, self.error_weight))

    def _fit_codes(self, outputs: Outputs, labels: Ints, encoding: Encoding) -> Self:
        """Learn the codes of the labels; a code without an image is not learnt."""
        codes = encoding.encode(outputs, labels, self.target_)
        present, compact = np.unique(codes, return_inverse=True)
        self._learn(outputs, compact, len(present))
        self.encoding_ = replace(encoding, codes=present)
        return self

    def _propose(self, outputs: Outputs) -> Proposal:
        if isinstance(self.target_, tuple):
            return most_probable(self.class_odds(outputs), outputs, self.target_)
        target = target_class(outputs, self.target_)
        score = self._encoding().log_odds(self._all_log_probs(outputs), outputs, target)
        return Proposal(outputs.ids, np.asarray(score, np.float64), np.full(len(outputs), target))

    def _all_log_probs(self, outputs: Outputs) -> Floats:
        """(N, C) log-probabilities of all codes; those without an image in fitting are nearly impossible."""
        encoding = self._encoding()
        return encoding.with_absent_codes(self._log_probs(outputs), encoding.count(outputs))

    def _encoding(self) -> Encoding:
        return check_fitted(self.encoding_, self.name)

    def _learn(self, outputs: Outputs, codes: Ints, count: int) -> None:
        """Learn (N,) codes 0 … S−1, each of which occurs."""
        raise NotImplementedError

    def _log_probs(self, outputs: Outputs) -> Floats:
        """(N, S) log-probabilities of the codes that occurred in fitting."""
        raise NotImplementedError
