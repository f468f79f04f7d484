"""Values in the lines of logs and verdicts, converted, or refused by a ValueError that says what a line has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np

from mien.types import plain

NO_TIME = int(np.iinfo(np.int64).min)
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def as_time(value: Any) -> int:
    """A time in ISO 8601 as µs since 1970, UTC where it names no zone; NO_TIME where it is empty.

    >>> as_time("2026-11-27T12:00:00.000001Z") - as_time("2026-11-27 13:00+01:00"), as_time("") == NO_TIME
    (1, True)
    """
    if value is None or value == "":
        return NO_TIME
    try:
        moment = datetime.fromisoformat(value)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"has a time that is none in ISO 8601: {str(value)[:40]!r}") from None


def time_text(moment: int | None = None) -> str:
    """A time in µs since 1970 as ISO 8601; by default now, "" for NO_TIME.

    >>> time_text(0)
    '1970-01-01T00:00:00.000000Z'
    """
    if moment == NO_TIME:
        return ""
    moment_utc = datetime.now(UTC) if moment is None else EPOCH + moment * MICROSECOND
    return moment_utc.isoformat(timespec="microseconds").replace("+00:00", "Z")


def id_of(entry: Mapping[str, Any]) -> str:
    """The id of a picture, from the column id or else file; ValueError where there is none.

    >>> id_of({"file": "a.png"})
    'a.png'
    """
    name = entry.get("id", entry.get("file"))
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise ValueError("has no id of a picture")
    return str(name)


def hash_of(text: Any) -> int:
    """8 bytes of a digest of a name, never 0; ValueError where it is neither text nor a number."""
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise ValueError("has a group that is neither text nor a number")
    digest = blake2b(str(text).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def flag_of(value: Any) -> bool:
    """Whether an answer was overridden; ValueError for what is neither true nor false."""
    text = str(value).strip().lower()
    if text not in ("1", "0", "true", "false"):
        raise ValueError(f"has {str(value)[:40]!r} as overridden, which is neither true nor false")
    return text in ("1", "true")


def number_of(values: Mapping[str, Any], name: str) -> float:
    """The number in a column, NaN where it is empty; ValueError for other values.

    >>> number_of({"score": "1.5"}, "score"), number_of({}, "chance")
    (1.5, nan)
    """
    value = values.get(name)
    if value is None or value == "":
        return math.nan
    try:
        number = math.nan if isinstance(value, bool | dict | list) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) < 1e30:
        raise ValueError(f"has {str(value)[:40]!r} as {plain(name)[:40]}, which is no number")
    return number
