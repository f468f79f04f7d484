"""Encodings of labels as the codes that a corrector learns, and the log-odds of the target class from these codes.

A corrector learns one of three questions (`ENCODINGS`), and each ends in the same kind of score: the log of how much
more probable the target class i is than that f is right.

- "rest": class i, or any other?
- "three": class i, or a known class that f has right, or one that it has wrong?
- "classes": which of the K classes? f is right where the class is its answer.

By the Neyman–Pearson lemma Gain at a given pooled Harm is largest for p(i | x) / p(f right | x), so images that f has
wrong anyway need not count against an override: their weight is λ, `error_weight`. λ = 1 counts them, and bounds false
positives (ΔFPR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, choice_error
from mien.types import Floats, Ints, Outputs

ENCODINGS = ("rest", "three", "classes")
NEVER = -700.0
"""Log-probability of a code that did not occur in fitting; its exponential is still above zero."""


@dataclass(frozen=True)
class Encoding:
    """The codes that a corrector learns, and their way back to the log-odds of the target class.

    Attributes
    ----------
    kind : one of ENCODINGS.
    error_weight : λ, how much images that f has wrong anyway count against an override; "rest" ignores it.
    codes : (S,) the codes that occurred in fitting, ascending; None before.

    Examples
    --------
    >>> outputs = Outputs(None, [[0.9, 0.1, 0.0]], [True, True, False])
    >>> score = Encoding("classes", 0.0).log_odds(np.log([[0.2, 0.5, 0.3]]), outputs, 2)
    >>> np.allclose(score, np.log(0.3 / 0.2))
    True
    """

    kind: str = "rest"
    error_weight: float = 1.0
    codes: Ints | None = None

    def __post_init__(self) -> None:
        if self.kind not in ENCODINGS:
            raise choice_error("encoding", self.kind, ENCODINGS, place="target_encoding")

    def encode(self, outputs: Outputs, labels: Ints, target: int | None) -> Ints:
        """(N,) codes 0 … C−1 of labels.

        "rest" gives 1 for the target class and 0 for others; "three" 2 for the target class, 1 where f is right, 0
        where it is wrong; "classes" the labels themselves.
        """
        if self.kind == "classes":
            return labels
        positive = labels == target
        if self.kind == "rest":
            return np.where(positive, 1, 0)
        return np.where(positive, 2, np.where(labels == outputs.predicted, 1, 0))

    def count(self, outputs: Outputs) -> int:
        """C, the number of codes."""
        return {"rest": 2, "three": 3}.get(self.kind, len(outputs.known))

    def with_absent_codes(self, log_probs: Floats, count: int) -> Floats:
        """(N, C) log-probabilities of all codes from (N, S) of those that occurred in fitting.

        Raises
        ------
        AlignmentError : a code that occurred is none of these C.
        """
        codes = np.arange(count) if self.codes is None else self.codes
        if len(codes) and codes.max() >= count:
            cause = f"the corrector was fitted on class {codes.max()}, and the outputs have {count} classes"
            remedy = "give outputs of the classifier that it was fitted on"
            raise AlignmentError(cause, place="Outputs.probs", remedy=remedy)
        wide = np.full((len(log_probs), count), NEVER)
        wide[:, codes] = log_probs
        return wide

    def log_odds(self, log_probs: Floats, outputs: Outputs, target: int) -> Floats:
        """(N,) score: log p_i − log(p_right + λ·p_wrong).

        Parameters
        ----------
        log_probs : (N, C) of each code; for "classes", C = K.
        outputs : of the same images, for f's answers. target : class i.
        """
        if self.kind == "rest":
            return np.asarray(log_probs[:, 1] - log_probs[:, 0])
        if self.kind == "three":
            new, right, wrong = log_probs[:, 2], log_probs[:, 1], log_probs[:, 0]
        else:
            rows, answers = np.arange(len(log_probs)), outputs.predicted
            new = log_probs[:, target]
            right = log_probs[rows, answers]
            rest = log_probs.copy()
            rest[rows, answers] = rest[:, target] = NEVER
            wrong = np.logaddexp.reduce(rest, axis=1)
            right = np.where(answers == target, wrong, right)  # the suggestion changes nothing there
        if self.error_weight > 0:
            right = np.logaddexp(right, wrong + np.log(self.error_weight))
        return np.asarray(new - right)

    def state(self) -> dict[str, NDArray[Any]]:
        """The encoding as arrays, under the names of saved correctors."""
        codes = np.array([0, 1]) if self.codes is None else self.codes
        return {"coding": np.array(self.kind), "wrong": np.array(self.error_weight), "seen": codes}

    @classmethod
    def of_state(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """The encoding of a saved corrector; those of the first versions store none, and have "rest"."""
        if not {"coding", "wrong"} & set(state):
            return cls("rest", 1.0, np.array([0, 1]))
        return cls(str(state["coding"]), float(state["wrong"]), state["seen"])
