"""Base class of the correctors on vectors: features → embedding → log-probabilities of the codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.correctors.base import EncodedCorrector
from mien.correctors.contract import State, Target, check_fitted, restored_target
from mien.correctors.log_odds import Encoding
from mien.features import Embedding, patterns
from mien.types import FeatureRequest, Floats, Ints, Outputs

Arrays = dict[str, NDArray[Any]]


class OnVectors(EncodedCorrector):
    """Base of the correctors that learn on embedded features.

    Parameters
    ----------
    target : the target class, or several; by default the one that the classifier was not trained on.
    layers : patterns of the features to learn on.
    components : principal components at most; by default what suits the corrector.
    target_encoding : "rest", "three" or "classes": the codes that are learnt (see mien.correctors.log_odds).
    error_weight : λ, how much images that f has wrong anyway count against an override; 0 is best for Harm, 1 for ΔFPR.
    random_state : seed of all random numbers.
    """

    learns: ClassVar[tuple[str, ...]]
    """Names of the arrays that `_learn_vectors` returns."""
    whiten: ClassVar[float] = 1.0
    axes: ClassVar[int] = 256
    embedding_: Embedding | None = None
    learnt_: Arrays | None = None

    def __init__(
        self,
        target: Target = None,
        layers: Sequence[str] = ("*",),
        components: int | None = None,
        target_encoding: str = "rest",
        error_weight: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.target, self.layers, self.components = target, layers, components
        self.target_encoding, self.error_weight = target_encoding, error_weight
        self.random_state = random_state

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(vectors=self.embedding_.layers if self.embedding_ else patterns(self.layers))

    def state(self) -> Arrays:
        learnt, embedding = check_fitted(self.learnt_, self.name), check_fitted(self.embedding_, self.name)
        return {**embedding.state(), **learnt, **self._encoding().state(), "target": np.array(self.target_)}

    def restore(self, state: State) -> Self:
        self.embedding_, self.target_ = Embedding.from_state(state), restored_target(state["target"])
        self.encoding_, self.learnt_ = Encoding.of_state(state), {name: state[name] for name in self.learns}
        self._vector_log_probs(np.zeros((1, self.embedding_.axes), np.float32), self.learnt_)  # fails for wrong shapes
        return self

    def _learn(self, outputs: Outputs, codes: Ints, count: int) -> None:
        self.embedding_ = Embedding.fit(outputs, patterns(self.layers), self.components or self.axes, self.whiten)
        self.learnt_ = self._learn_vectors(self.embedding_.apply(outputs), codes)

    def _log_probs(self, outputs: Outputs) -> Floats:
        learnt, embedding = check_fitted(self.learnt_, self.name), check_fitted(self.embedding_, self.name)
        return self._vector_log_probs(embedding.apply(outputs), learnt)

    def _learn_vectors(self, vectors: Floats, codes: Ints) -> Arrays:
        """Learn arrays, named in `learns`, from (N, M) vectors and (N,) codes 0 … S−1."""
        raise NotImplementedError

    def _vector_log_probs(self, vectors: Floats, learnt: Arrays) -> Floats:
        """(N, S) log-probabilities of the codes, from (N, M) vectors."""
        raise NotImplementedError
