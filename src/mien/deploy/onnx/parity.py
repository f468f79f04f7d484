"""How much the answers of an exported graph differ from those of mien, picture by picture."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.certify.combine import NO_OVERRIDE
from mien.classifiers.contract import Batch
from mien.correctors.contract import Corrector
from mien.deploy.onnx.session import Arrays
from mien.deploy.patch import Patch
from mien.deploy.predictor import Predictor
from mien.errors import RunError
from mien.types import Decision, Outputs

ROUNDING = 0.01
"""Difference of scores, in log-odds, that rounding explains: adapters read maps of half precision."""
SAME = 1e-3
"""Difference of probabilities that rounding explains."""
STEPS = ("xgboost", "stack", "error_detector", "lightgbm", "cascade", "fisher")
"""Correctors whose score jumps: at a split of a tree, at the gate of a cascade, between two clusters."""


@dataclass(frozen=True)
class Parity:
    """What a comparison of a graph with mien found.

    Attributes
    ----------
    pictures, source : how many were compared, and where they are from.
    probabilities, score : largest absolute differences; of scores where either overrides or might.
    answers : pictures to which f gives another answer.
    decisions : pictures with another corrected answer, or overridden by one alone.
    near : pictures whose score is within `rounding` of the threshold.
    jumps : pictures whose scores differ by more than `rounding`.
    """

    pictures: int
    source: str
    probabilities: float
    score: float = 0.0
    answers: int = 0
    decisions: int = 0
    near: int = 0
    jumps: int = 0
    rounding: float = ROUNDING

    def __str__(self) -> str:
        text = f"{self.pictures} pictures ({self.source}): probabilities differ by {self.probabilities:.1e} at most"
        if self.score or self.near or self.decisions:
            text += (
                f", scores by {self.score:.1e}; {self.decisions} decisions differ; "
                f"{self.near} scores are within {self.rounding:g} of the threshold"
            )
        return text + (f"; {self.jumps} scores differ by more than {self.rounding:g}" if self.jumps else "")


def answers_in_full_precision(predictor: Predictor, batch: Batch) -> tuple[Outputs, Decision]:
    """What mien answers in float32, as a graph computes."""
    with in_full_precision(predictor):
        answers = predictor.answer(batch)
    return answers.outputs, answers.decision


def in_full_precision(predictor: Predictor) -> ExitStack:
    """A context in which the classifier and its correctors answer in float32, where they have such a one."""
    stack = ExitStack()
    parts: list[Any] = [predictor.classifier, *(predictor.patch.correctors if predictor.patch else ())]
    while parts:
        part: Any = parts.pop()
        parts += getattr(part, "members_", None) or ()
        stack.enter_context(getattr(part, "full_precision", nullcontext)())
    return stack


def compare_probabilities(outputs: Outputs, answers: Arrays, source: str) -> Parity:
    """The comparison of a graph without a corrector.

    Raises
    ------
    RunError : more than rounding differs.
    """
    given = answers["probabilities"]
    known = outputs.probs[:, : given.shape[1]]
    largest = float(np.abs(given - known).max(initial=0))
    if largest > SAME:
        raise _refusal(f"its probabilities differ by {largest:.1e}")
    changed = int((given.argmax(1) != known.argmax(1)).sum())
    return Parity(len(outputs), source, largest, answers=changed)


def compare(patch: Patch, outputs: Outputs, decision: Decision, answers: Arrays, source: str) -> Parity:
    """The comparison of a corrected graph.

    Raises
    ------
    RunError : a decision differs, and no rounding explains it.
    """
    plain = compare_probabilities(outputs, {"probabilities": outputs.probs, **answers}, source)
    assert decision.score is not None and decision.threshold is not None
    scored = (decision.score > NO_OVERRIDE / 2) & (answers["score"] > NO_OVERRIDE / 2)
    gap = np.where(scored, np.abs(answers["score"] - decision.score), 0.0)
    with np.errstate(invalid="ignore"):
        near = scored & (np.abs(decision.score - decision.threshold) <= ROUNDING)
    differ = (answers["corrected"] != decision.final) | (answers["overridden"] != decision.overridden)
    top = np.sort(outputs.probs, axis=1)
    tied = top[:, -1] - top[:, -2] <= SAME if top.shape[1] > 1 else np.zeros(len(top), bool)
    jumps = gap > ROUNDING
    steps = any(_has_steps(corrector) for corrector in patch.correctors)
    unexplained = differ & ~near & ~tied & ~(jumps & steps)
    if unexplained.any() or (jumps.any() and not steps):
        cause = f"{int(unexplained.sum())} decisions and {int(jumps.sum())} scores of {len(outputs)} differ from mien's"
        raise _refusal(cause)
    return Parity(
        plain.pictures, source, plain.probabilities, float(gap.max(initial=0)), plain.answers,
        int(differ.sum()), int(near.sum()), int(jumps.sum()),
    )  # fmt: skip


def _has_steps(corrector: Corrector) -> bool:
    members = getattr(corrector, "members_", None) or ()
    if getattr(corrector, "method_", "") == "gen":  # its roots of 1 − p lose all digits for p near 1
        return True
    return corrector.name in STEPS or any(_has_steps(member) for member in members)


def _refusal(cause: str) -> RunError:
    remedy = "keep using mien predict, and report this with the versions of onnx, onnxruntime and torch"
    return RunError(f"{cause}: nothing is written", place="the exported graph", remedy=remedy)
