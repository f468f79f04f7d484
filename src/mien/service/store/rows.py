"""Rows of a store, as small frozen records. Classes have names, since an index means another class in another patch."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from mien.errors import choice_error
from mien.storage.files import to_json
from mien.types import plain
from mien.watch.fields import time_text

START, SWAP, ROLL_BACK, REFIT, PROPOSE, DECLINE, RESTRAIN, LIFT = LOGGED = (
    "start", "swap", "roll back", "refit", "propose", "decline", "restrain", "lift",
)  # fmt: skip
"""What the log of patches has entries of."""
IN_FORCE = (START, SWAP, ROLL_BACK)
"""Entries that put their patch in force."""
NEW, REPEATED, CHANGED = OUTCOMES = ("new", "repeated", "changed")
"""What a verdict is beside those that a store has: the first on its prediction, the latest again, or another label."""
LONGEST = 500
"""Most characters of a text in a row; the rest is cut off."""
Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class DecisionRow:
    """An answer of the corrected system.

    Attributes
    ----------
    prediction : its id, which no other answer has. time : µs since 1970.
    base, final : names of f's answer and of the corrected one; None where the system abstains.
    patch : id of the patch in force, "" for none. overridden, action : as a `mien.types.Decision` has them.
    score, threshold, confidence, distance : None where there is none; so is a threshold that nothing exceeds.
    group : the person or track, "" where it is unknown. chance : of being drawn for an audit, None where it was not.
    image_hash : of the picture, where the server keeps it. seq : place in the store, given by it.
    """

    prediction: str
    time: int
    base: str
    final: str | None
    patch: str = ""
    overridden: bool = False
    action: str = "relabel"
    score: float | None = None
    threshold: float | None = None
    confidence: float | None = None
    distance: float | None = None
    group: str = ""
    chance: float | None = None
    image_hash: str = ""
    seq: int = 0


@dataclass(frozen=True, kw_only=True)
class ShadowRow:
    """What another patch would have answered for a prediction."""

    prediction: str
    patch: str
    final: str | None
    overridden: bool = False
    score: float | None = None
    threshold: float | None = None
    seq: int = 0


@dataclass(frozen=True, kw_only=True)
class VerdictRow:
    """The class that a person gives a prediction; of several verdicts on one prediction, the latest counts.

    Attributes
    ----------
    time : µs since 1970, not before that of an earlier verdict on the prediction. who : gave it.
    patch, chance : of the decision.
    """

    prediction: str
    label: str
    time: int
    who: str = ""
    seq: int = 0
    patch: str = ""
    chance: float | None = None


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """An entry in the log of patches.

    Attributes
    ----------
    action : one of LOGGED. patch, previous : ids of the patch and of the one before, "" for none. name : of its folder.
    who, reason : in words. certificate : what the patch promises, and how it compares; None for none.
    time : µs since 1970; the store's clock gives it. seq : place in the log, from 1.

    Raises
    ------
    UsageError : an unknown action.
    """

    action: str
    patch: str = ""
    previous: str = ""
    name: str = ""
    who: str = ""
    reason: str = ""
    certificate: Mapping[str, Any] | None = None
    time: int = 0
    seq: int = 0

    @property
    def shown(self) -> dict[str, Any]:
        """The entry for clients, its time in ISO 8601."""
        return {**vars(self), "time": time_text(self.time)}

    def __post_init__(self) -> None:
        if self.action not in LOGGED:
            raise choice_error("action", str(self.action), LOGGED, place="LogEntry")


def now() -> int:
    """The time in µs since 1970."""
    return time.time_ns() // 1000


def text(value: object) -> str:
    """Text that every database takes: without control characters, of at most `LONGEST` characters.

    >>> text(f"joy{chr(0)}")
    'joy�'
    """
    short = str(value)[:LONGEST]
    return short if short.isprintable() else plain(short)


def values(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of one kind as a database takes them, without `seq`: plain Python values, None for NaN and infinities.

    >>> values([ShadowRow(prediction="a", patch="p", final=None, score=float("nan"))])[0]["score"] is None
    True
    """
    converters = _FIELDS[type(rows[0])] if rows else ()
    return [{name: convert(getattr(row, name)) for name, convert in converters} for row in rows]


def _optional_text(value: object) -> str | None:
    return None if value is None else text(value)


def _optional_number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _optional_json(value: Any) -> str | None:
    """JSON text of ASCII alone."""
    return None if value is None else json.dumps(json.loads(to_json(value, indent=None)))


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "str": text, "str | None": _optional_text, "int": int, "bool": bool, "float | None": _optional_number,
    "Mapping[str, Any] | None": _optional_json,
}  # fmt: skip
_FIELDS = {
    kind: tuple((item.name, _CONVERTERS[str(item.type)]) for item in fields(kind) if item.name != "seq")
    for kind in (DecisionRow, ShadowRow, LogEntry)
}
