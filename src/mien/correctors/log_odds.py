"""Encodings of labels as the codes that a corrector learns, and the log-odds of the target class from these codes.

A corrector learns one of three questions (`ENCODINGS`), and each ends in the same kind of score: the log of how much
more probable the target class i is than that f is right.

- "rest": class i, or any other?
- "three": class i, or a known class that f has right, or one that it has wrong?
- "classes": which of the K classes? f is right where the class is its answer.

By the Neyman–Pearson lemma Gain at a given pooled Harm is largest for p(i | x) / p(f right | x), so images that f has
wrong anyway need not count against an override: their weight is λ, `error_weight`. λ = 1 counts them, and bounds false
positives (ΔFPR).

A corrector of several classes learns "classes", and suggests the one that is most probable beside f's answer
(`class_odds`, `most_probable`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, choice_error
from mien.types import Floats, Ints, Outputs, Proposal

ENCODINGS = ("rest", "three", "classes")
NEVER = -700.0
"""Log-probability of a code that did not occur in fitting; its exponential is still above zero."""
LEAST = 1e-9
"""Probability below which f's own answers are not told apart."""
OWN_SHARE = 0.1
"""Share of f's own log-odds in those of one of several classes: more is worse where f is too sure of itself
(`benchmarks.foreign.shares`, on digits and drawn tables)."""


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

    def encode(self, outputs: Outputs, labels: Ints, target: int | tuple[int, ...] | None) -> Ints:
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


def class_odds(log_probs: Floats, outputs: Outputs, own_share: float = OWN_SHARE) -> Floats:
    """(N, K) log of how much more probable each class is than f's answer.

    Parameters
    ----------
    log_probs : (N, K) of a corrector. Where it knows nothing of f's answer, all odds are `NEVER`.
    own_share : share of f's own log-odds in those of the classes that f knows.

    Examples
    --------
    >>> outputs = Outputs(None, [[0.8, 0.2, 0.0]], [True, True, False])
    >>> class_odds(np.log([[0.2, 0.5, 0.3]]), outputs, 0.5).round(2).tolist()
    [[0.0, -0.24, 0.41]]
    """
    rows, answers = np.arange(len(log_probs)), outputs.predicted
    odds = log_probs - log_probs[rows, answers][:, None]
    of_f = np.log(np.maximum(outputs.probs.astype(np.float64), LEAST))
    both = (1 - own_share) * odds + own_share * (of_f - of_f[rows, answers][:, None])
    is_strange = log_probs[rows, answers] <= NEVER
    return np.where(is_strange[:, None], NEVER, np.where(outputs.known, both, odds))


def most_probable(odds: Floats, outputs: Outputs, classes: tuple[int, ...], weights: Floats | None = None) -> Proposal:
    """The most probable of some classes, f's answer apart, as a suggestion for each image.

    Parameters
    ----------
    odds : (N, K) of `class_odds`. classes : indices of those that may be suggested.
    weights : (K,) what a right answer of each class is worth; with them the class of most worth is suggested, and its
        log-weight is part of the score.

    Examples
    --------
    >>> outputs = Outputs(None, [[0.9, 0.1]])
    >>> most_probable(np.array([[0.0, -1.5]]), outputs, (0, 1)).suggested.tolist()
    [1]
    """
    rows = np.arange(len(odds))
    odds = odds if weights is None else odds + np.log(weights)
    others = np.full(odds.shape, -np.inf)
    others[:, classes] = odds[:, classes]
    others[rows, outputs.predicted] = -np.inf
    suggested = others.argmax(1)
    alone = np.isneginf(others[rows, suggested])  # f's answer is the only class
    suggested = np.where(alone, outputs.predicted, suggested)
    return Proposal(outputs.ids, np.asarray(np.where(alone, NEVER, odds[rows, suggested]), np.float64), suggested)
