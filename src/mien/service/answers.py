"""Answers as rows for clients, and as decisions for the store."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.data.views import encoded
from mien.deploy.decisions.rows import figures_of
from mien.deploy.predictor import Predictor
from mien.incoming.item import OK
from mien.service.engine import Answer
from mien.service.recorder import Record
from mien.service.settings import CROP, NONE, ServeSettings
from mien.service.store.rows import DecisionRow, ShadowRow
from mien.types import NO_LABEL, Decision, Outputs
from mien.watch.fields import time_text

RANDOM = random.SystemRandom()
DIGITS = 6
"""Decimals of probabilities and scores for clients; the store has all of them."""


def new_id() -> str:
    """An id for a prediction that nobody can guess, in the order of time: 48 bits of milliseconds, 80 random ones.

    >>> len(new_id()), new_id() < (time.sleep(0.002) or new_id())
    (32, True)
    """
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


@dataclass(frozen=True)
class Label:
    """What a client gave with a picture: the name of its file, and the person or track that it shows."""

    file: str = ""
    group: str = ""


class AnswerRows:
    """Rows of the answers of one batch, and what the store keeps of them.

    Parameters
    ----------
    settings : what is kept, and how many are drawn for an audit. random : draws them.
    """

    def __init__(self, settings: ServeSettings, random: random.Random = RANDOM) -> None:
        self.settings, self.random = settings, random
        self.moment = time.time_ns() // 1000
        self.time = time_text(self.moment)
        self._probabilities: dict[int, tuple[list[list[float]], list[list[float]]]] = {}

    def row(self, answer: Answer, label: Label) -> tuple[dict[str, Any], Record]:
        """The row for the client, with the names that `mien predict` uses, and the record for the store."""
        classes, row, decision = answer.by.classes, answer.row, answer.decision
        exact, rounded = self._of(answer.outputs)
        share = self.settings.audit
        decided = DecisionRow(
            prediction=new_id(), time=self.moment, **_decided(decision, row, classes),
            base=classes[int(decision.base[row])], patch=_id(answer.by), action=decision.action,
            confidence=max(exact[row]), group=label.group,
            chance=share if share and self.random.random() < share else None,
            image_hash="" if self.settings.keep == NONE else hashlib.sha256(answer.pixels.tobytes()).hexdigest(),
        )  # fmt: skip
        shadows = tuple(
            ShadowRow(prediction=decided.prediction, patch=_id(by), **_decided(other, row, by.classes))
            for by, other in answer.beside
        )
        crop = png(answer.pixels) if self.settings.keep == CROP else None
        about = {"file": label.file, "status": OK, **_face(answer)}
        shown = _for_client(about, decided, dict(zip(classes, rounded[row], strict=True)), shadows)
        return {**shown, "time": self.time}, Record(decided, shadows, crop)

    def _of(self, outputs: Outputs) -> tuple[list[list[float]], list[list[float]]]:
        """Probabilities of a batch, exact and rounded: all at once, which is faster than one by one."""
        if id(outputs) not in self._probabilities:
            probs = outputs.probs.astype(float)
            self._probabilities[id(outputs)] = probs.tolist(), probs.round(DIGITS).tolist()
        return self._probabilities[id(outputs)]


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels as a PNG, which loses nothing."""
    return encoded(Image.fromarray(pixels), lossless=pixels.size)[0]


def _face(answer: Answer) -> dict[str, Any]:
    """Number and box of the face that was answered for, as `mien predict` has them."""
    face = answer.face
    return {} if face is None else {"face": face.number, "box": [round(side, 1) for side in face.box]}


def _for_client(
    about: dict[str, Any], decided: DecisionRow, probabilities: dict[str, float], shadows: Sequence[ShadowRow]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "prediction": decided.prediction, **about, "label": decided.base,
        "corrected": decided.final, "overridden": decided.overridden,
        "probabilities": probabilities,
        "patch": decided.patch, "score": decided.score, "threshold": decided.threshold,
    }  # fmt: skip
    if decided.group:
        row["group"] = decided.group
    if decided.chance is not None:
        row["audit"] = True
    if shadows:
        row["shadow"] = [
            {"patch": each.patch, "corrected": each.final, "overridden": each.overridden, "score": each.score,
             "threshold": each.threshold}
            for each in shadows
        ]  # fmt: skip
    return row


def _decided(decision: Decision, row: int, classes: Sequence[str]) -> dict[str, Any]:
    """The corrected answer of one row, with its score and threshold; None for one that nothing exceeds."""
    final = int(decision.final[row])
    answer = {"final": None if final == NO_LABEL else classes[final], "overridden": bool(decision.overridden[row])}
    return {**answer, "score": None, "threshold": None, **figures_of(decision, row)}


def _id(predictor: Predictor) -> str:
    return predictor.patch.id if predictor.patch else ""
