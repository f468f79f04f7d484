"""Answers as rows for clients, and as decisions for the store."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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

    def row(self, answer: Answer, label: Label) -> tuple[dict[str, Any], Kept]:
        """The row for the client, with the names that `mien predict` uses, and what the store is to keep."""
        by, decision, row = answer.by, answer.decision, answer.row
        classes, share = by.classes, self.settings.audit
        chance = share if share and self.random.random() < share else None
        prediction = new_id()
        shown: dict[str, Any] = {
            "prediction": prediction, "file": label.file, "status": OK, "label": classes[decision.base[row]],
            **_decided(decision, row, classes), "patch": _id(by), "time": self.time,
            "probabilities": dict(zip(classes, _rounded(answer.outputs, row), strict=True)),
        }  # fmt: skip
        if answer.face is not None:
            shown |= {"face": answer.face.number, "box": [round(side, 1) for side in answer.face.box]}
        if label.group:
            shown["group"] = label.group
        if chance is not None:
            shown["audit"] = True
        if answer.beside:
            shown["shadow"] = [{"patch": _id(by), **_decided(other, row, by.classes)} for by, other in answer.beside]
        return shown, Kept(prediction, self.moment, answer, label, self.settings.keep, chance)


class Kept(NamedTuple):
    """What the store is to keep of an answer, until its record is made.

    Attributes
    ----------
    prediction : its id. moment : µs since 1970. answer, label : what was answered, and what came with the picture.
    keep : what is kept of the picture. chance : of being drawn for an audit, None where it was not.
    """

    prediction: str
    moment: int
    answer: Answer
    label: Label
    keep: str
    chance: float | None

    def record(self) -> Record:
        """The decision as the store has it."""
        answer, decision, row = self.answer, self.answer.decision, self.answer.row
        classes, pixels = answer.by.classes, answer.pixels
        decided = DecisionRow(
            prediction=self.prediction, time=self.moment, **_as_columns(_decided(decision, row, classes)),
            base=classes[decision.base[row]], patch=_id(answer.by), action=decision.action,
            confidence=float(answer.outputs.probs[row].max()), group=self.label.group, chance=self.chance,
            image_hash="" if self.keep == NONE else hashlib.sha256(pixels.tobytes()).hexdigest(),
        )  # fmt: skip
        shadows = tuple(
            ShadowRow(
                prediction=self.prediction, patch=_id(by), **_as_columns(_decided(other, row, by.classes)),
            )
            for by, other in answer.beside
        )  # fmt: skip
        return Record(decided, shadows, png(pixels) if self.keep == CROP else None)


def _as_columns(decided: dict[str, Any]) -> dict[str, Any]:
    """What clients know as the corrected answer is the final one in the store."""
    return {"final" if name == "corrected" else name: value for name, value in decided.items()}


def _rounded(outputs: Outputs, row: int) -> list[float]:
    """Probabilities of one row for clients."""
    return [round(value, DIGITS) for value in outputs.probs[row].tolist()]


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels as a PNG, which loses nothing."""
    return encoded(Image.fromarray(pixels), lossless=pixels.size)[0]


def _decided(decision: Decision, row: int, classes: Sequence[str]) -> dict[str, Any]:
    """The corrected answer of one row, with its score and threshold; None for one that nothing exceeds."""
    final = decision.final[row]
    answer = {
        "corrected": None if final == NO_LABEL else classes[final], "overridden": bool(decision.overridden[row]),
        "score": None, "threshold": None,
    }  # fmt: skip
    return answer if decision.score is None else {**answer, **figures_of(decision, row)}


def _id(predictor: Predictor) -> str:
    return predictor.patch.id if predictor.patch else ""
