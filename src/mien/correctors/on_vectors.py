"""What all correctors on vectors share: layers → embedding → probabilities of the codes → evidence for the class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.correctors.contract import Labels, State, check_fitted, check_has_positives, target_class, to_indices
from mien.correctors.log_odds import code_count, encode_targets, encoding_in, log_odds, with_absent_codes
from mien.features import Embedding, patterns
from mien.types import FeatureRequest, Floats, Ints, Outputs, Proposal

Learnt = dict[str, NDArray[Any]]


class OnVectors:
    """Base of the correctors that learn on embedded layers. A subclass gives `_learn` and `_log_probs`.

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    layers : patterns of the features to learn on.
    components : principal components kept; by default what suits the corrector.
    coding : what is told apart: "rest", "three" or "classes" (see mien.correctors.log_odds).
    wrong : λ, how much pictures that f has wrong anyway count against an override; 0 is best for Harm, 1 for ΔFPR.
    """

    name: ClassVar[str]
    whiten: ClassVar[float] = 1.0
    axes: ClassVar[int] = 256

    def __init__(
        self,
        target: int | None = None,
        layers: Sequence[str] = ("*",),
        components: int | None = None,
        coding: str = "rest",
        wrong: float = 1.0,
    ) -> None:
        self.target, self.layers = target, patterns(layers)
        self.components = components or self.axes
        self.coding, self.wrong = coding, wrong
        self._embedding: Embedding | None = None
        self._learnt: Learnt | None = None

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(vectors=self.layers)

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Learn from true labels; DataError without pictures of both kinds."""
        self.target = target_class(outputs, self.target)
        check_has_positives(outputs, labels, self.target)
        self._embedding = Embedding.fit(outputs, self.layers, self.components, self.whiten)
        codes = encode_targets(self.coding, outputs, to_indices(labels), self.target)
        seen, compact = np.unique(codes, return_inverse=True)  # a code without a picture is not learnt
        self._learnt = {**self._learn(self._embedding.apply(outputs), compact), "seen": seen}
        return self

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the class (see mien.correctors.log_odds)."""
        learnt, embedding = check_fitted(self._learnt, self.name), check_fitted(self._embedding, self.name)
        target = target_class(outputs, self.target)
        answers = self._answers(embedding, outputs, learnt)
        log_probs = with_absent_codes(answers, learnt["seen"], code_count(self.coding, outputs))
        score = log_odds(log_probs, self.coding, outputs, target, self.wrong)
        return Proposal(outputs.ids, np.asarray(score, np.float64), np.full(len(outputs), target))

    def state(self) -> Learnt:
        learnt, embedding = check_fitted(self._learnt, self.name), check_fitted(self._embedding, self.name)
        how = {"coding": np.array(self.coding), "wrong": np.array(self.wrong), "target": np.array(self.target)}
        return {**embedding.state(), **learnt, **how}

    def restore(self, state: State) -> Self:
        self._embedding = Embedding.from_state(state)
        self.layers, self.target = self._embedding.layers, int(state["target"])
        self.coding, self.wrong, seen = encoding_in(state)
        self._learnt = {**state, "seen": seen}
        self._log_probs(np.zeros((1, self._embedding.axes), np.float32), self._learnt)  # shows what is missing
        return self

    def _answers(self, embedding: Embedding, outputs: Outputs, learnt: Learnt) -> Floats:
        """(N, S) log probabilities of the codes that were seen."""
        return self._log_probs(embedding.apply(outputs), learnt)

    def _learn(self, vectors: Floats, codes: Ints) -> Learnt:
        """What is to be remembered, from (N, M) vectors and (N,) codes 0 … S−1, each of them seen."""
        raise NotImplementedError

    def _log_probs(self, vectors: Floats, learnt: Learnt) -> Floats:
        """The same, of (N, M) vectors."""
        raise NotImplementedError
