"""What a corrector learns to tell apart, and what its answer says for the class to win back.

A corrector learns one of three questions (`CODINGS`), and each ends in the same kind of score: the log of how much more
probable class i is than that f is right.

- "rest": class i, or any other?
- "three": class i, or a known class that f has right, or one that it has wrong?
- "classes": which of the K classes? f is right where the class is its answer.

By the Neyman–Pearson lemma Gain at a given pooled Harm is largest for p(i | x) / p(f right | x), so what f has wrong
anyway need not count against an override: weight λ of `evidence`. λ = 1 counts it, and bounds false positives (ΔFPR).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, choice_error
from mien.types import Floats, Ints, Outputs

CODINGS = ("rest", "three", "classes")
NEVER = -700.0
"""Log probability of what was never seen; its exponential is still above zero."""


def encode_targets(coding: str, outputs: Outputs, labels: Ints, target: int) -> Ints:
    """(N,) what is to be learnt: 0 … C−1.

    "rest" gives 1 for the class and 0 for others; "three" 2 for the class, 1 where f is right, 0 where it is wrong;
    "classes" the labels themselves.
    """
    if coding == "classes":
        return labels
    wanted = labels == target
    if coding == "rest":
        return np.where(wanted, 1, 0)
    if coding == "three":
        return np.where(wanted, 2, np.where(labels == outputs.predicted, 1, 0))
    raise choice_error("coding", coding, CODINGS, place="corrector")


def encoding_in(state: Mapping[str, NDArray[Any]]) -> tuple[str, float, Ints]:
    """Coding, λ and the codes seen, as a saved corrector has them; one of old says nothing, and has "rest"."""
    if not {"coding", "wrong"} & set(state):
        return "rest", 1.0, np.array([0, 1])
    return str(state["coding"]), float(state["wrong"]), state["seen"]


def code_count(coding: str, outputs: Outputs) -> int:
    """C, the number of codes."""
    return {"rest": 2, "three": 3}.get(coding, len(outputs.known))


def with_absent_codes(log_probs: Floats, seen: Ints, count: int) -> Floats:
    """(N, C) of all codes from (N, S) of those that were seen in fitting; the others are nearly impossible.

    Raises
    ------
    AlignmentError : a code that was seen is none of these C.
    """
    if len(seen) and seen.max() >= count:
        cause = f"the corrector was fitted on class {seen.max()}, and the outputs have {count} classes"
        remedy = "give outputs of the classifier that it was fitted on"
        raise AlignmentError(cause, place="Outputs.probs", remedy=remedy)
    wide = np.full((len(log_probs), count), NEVER)
    wide[:, seen] = log_probs
    return wide


def log_odds(log_probs: Floats, coding: str, outputs: Outputs, target: int, wrong: float = 0.0) -> Floats:
    """(N,) score: log p_i − log(p_right + λ·p_wrong).

    Parameters
    ----------
    log_probs : (N, C) what was learnt says of each code; for "classes", C = K.
    outputs : of the same pictures, for f's answers.
    target : class i.
    wrong : λ. With "rest" it changes nothing. 1 gives the log-odds of the class against the rest.

    Examples
    --------
    >>> one = Outputs(np.array(["a"]), np.array([[0.9, 0.1, 0.0]]), np.array([True, True, False]))
    >>> evidence(np.log([[0.2, 0.5, 0.3]]), "classes", one, 2).round(3), np.log(0.3 / 0.2).round(3)
    (array([0.405]), np.float64(0.405))
    """
    if coding == "rest":
        return np.asarray(log_probs[:, 1] - log_probs[:, 0])
    if coding == "three":
        new, right, other = log_probs[:, 2], log_probs[:, 1], log_probs[:, 0]
    else:
        rows, answers = np.arange(len(log_probs)), outputs.predicted
        new = log_probs[:, target]
        right = log_probs[rows, answers]
        rest = log_probs.copy()
        rest[rows, answers] = rest[:, target] = NEVER
        other = np.logaddexp.reduce(rest, axis=1)
        right = np.where(answers == target, other, right)  # the suggestion changes nothing there
    if wrong > 0:
        right = np.logaddexp(right, other + np.log(wrong))
    return np.asarray(new - right)
