"""Answers as rows for clients, and as decisions for the store."""

from __future__ import annotations

import hashlib
import math
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.data.views import encoded
from mien.deploy.predictor import Predictor
from mien.incoming.item import OK
from mien.service.engine import Answer
from mien.service.recorder import Record
from mien.service.settings import CROP, NONE, ServeSettings
from mien.service.store.rows import DecisionRow, ShadowRow
from mien.types import NO_LABEL, Decision
from mien.watch.fields import time_text

DIGITS = 6
"""Decimals of probabilities and scores for clients; the store has all of them."""


def new_id() -> str:
    """An id for a prediction that nobody can guess, in the order of time: 48 bits of milliseconds, 80 random ones.

    >>> len(new_id()), new_id() < (time.sleep(0.002) or new_id())
    (32, True)
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


@dataclass(frozen=True)
class Label:
    """What a client gave with a picture: the name of its file, and the person or track that it shows."""

    file: str = ""
    group: str = ""


@dataclass
class AnswerRows:
    """Rows of answers, and what the store keeps of them."""

    settings: ServeSettings
    random: random.Random = field(default_factory=random.SystemRandom)

    def row(self, answer: Answer, label: Label) -> tuple[dict[str, Any], Record]:
        """The row for the client, with the names that `mien predict` uses, and the record for the store."""
        classes, row, decision = answer.by.classes, answer.row, answer.decision
        probs = answer.outputs.probs[row].tolist()
        moment = time.time_ns() // 1000
        chance = self.settings.audit if self.random.random() < self.settings.audit else None
        decided = DecisionRow(
            prediction=new_id(), time=moment, **_decided(decision, row, classes), base=classes[int(decision.base[row])],
            patch=_id(answer.by), action=decision.action, confidence=max(probs), group=label.group, chance=chance,
            image_hash="" if self.settings.keep == NONE else hashlib.sha256(answer.pixels.tobytes()).hexdigest(),
        )  # fmt: skip
        shadows = tuple(
            ShadowRow(prediction=decided.prediction, patch=_id(by), **_decided(other, row, by.classes))
            for by, other in answer.beside
        )
        crop = png(answer.pixels) if self.settings.keep == CROP else None
        shown = dict(zip(classes, probs, strict=True))
        about = {"file": label.file, "status": OK, **_face(answer)}
        return _for_client(about, decided, shown, shadows), Record(decided, shadows, crop)


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
        "probabilities": {name: round(value, DIGITS) for name, value in probabilities.items()},
        "patch": decided.patch, "score": decided.score, "threshold": decided.threshold,
        "time": time_text(decided.time),
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
    figures = {"score": decision.score, "threshold": decision.threshold}
    values = {name: None if array is None else float(array[row]) for name, array in figures.items()}
    return {
        "final": None if final == NO_LABEL else classes[final], "overridden": bool(decision.overridden[row]),
        **{name: value if value is not None and math.isfinite(value) else None for name, value in values.items()},
    }  # fmt: skip


def _id(predictor: Predictor) -> str:
    return predictor.patch.id if predictor.patch else ""
