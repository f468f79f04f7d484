"""What people said of pictures: a file of lines that only grows, and the label that follows from it.

A line is `{"id": …, "label": …, "who": …, "when": …}`; the label is a class, empty for "cannot say", or null where the
reviewer takes the word back. Nothing is ever overwritten: who thinks again adds a line. A line that a crash cut short
is passed over.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mien.errors import MienError, UsageError
from mien.runs import storage_errors
from mien.types import NO_LABEL, Dataset, Ints

REMEDY = "each line names an id of audit.csv and a label, as JSON or CSV"


@dataclass(frozen=True)
class Review:
    """One person's word on one picture.

    Attributes
    ----------
    id : of the picture. label : a class name, "" for "cannot say", None for a word taken back.
    who, when : the reviewer, and the time as text.
    """

    id: str
    label: str | None
    who: str = ""
    when: str = ""


def append(path: Path, review: Review) -> Review:
    """Add a line, whole or not at all, whoever else writes at the same time; returns it with its time.

    Raises
    ------
    StorageError : it cannot be written.
    """
    stamped = Review(review.id, review.label, review.who, review.when or time.strftime("%Y-%m-%d %H:%M:%S"))
    line = json.dumps(asdict(stamped), ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0, os.SEEK_END)
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a crash cut the last line short
                    line = b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    return stamped


def read(path: Path) -> list[Review]:
    """All reviews of a file of JSON lines, or of a CSV with the columns id and label, in order.

    Raises
    ------
    UsageError : it cannot be read or understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", place=str(path), remedy=REMEDY) from None
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        if text.lstrip().startswith("{"):
            records = [json.loads(line) for line in lines if line.endswith("}")]  # else a crash cut it short
        else:
            records = list(csv.DictReader(lines))
        return [_review(record) for record in records]
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise UsageError(f"is not understood: {error}", place=str(path), remedy=REMEDY) from None


def merged(reviews: Iterable[Review]) -> dict[str, str]:
    """Picture → label: of each reviewer the last word, of several reviewers what most say, of equals the latest.

    >>> said = [Review("a", "fear", "x"), Review("a", "joy", "y"), Review("a", "joy", "z"), Review("b", "fear", "x")]
    >>> merged([*said, Review("b", "", "x")])
    {'a': 'joy', 'b': ''}
    """
    last: dict[str, dict[str, str]] = {}
    for review in reviews:
        own = last.setdefault(review.id, {})
        own.pop(review.who, None)  # so that the latest word stands last
        if review.label is not None:
            own[review.who] = review.label
    return {name: _most(list(own.values())) for name, own in last.items() if own}


def labels_of(reviews: Sequence[Review], data: Dataset, place: str) -> Ints:
    """(N,) the class that the reviewers gave each picture, −1 without one.

    Raises
    ------
    UsageError : a picture or a class that is not there; `place` is named.
    """
    rows = {name: row for row, name in enumerate(data.ids.tolist())}
    found = np.full(len(data), NO_LABEL)
    for name, label in merged(reviews).items():
        if name not in rows:
            raise UsageError(f"{name!r} is no picture of these data", place=place, remedy=REMEDY)
        try:
            found[rows[name]] = data.labelset.index(label) if label else NO_LABEL
        except MienError as error:
            raise UsageError(f"{name}: {error.cause}", place=place, remedy=error.remedy) from None
    return found


def _most(labels: list[str]) -> str:
    counts = Counter(labels)
    most = max(counts.values())
    return next(label for label in reversed(labels) if counts[label] == most)


def _review(record: dict[str, str | None]) -> Review:
    label = record["label"]
    return Review(
        str(record["id"]), None if label is None else str(label), str(record.get("who") or ""),
        str(record.get("when") or ""),
    )  # fmt: skip
