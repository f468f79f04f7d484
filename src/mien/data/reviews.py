"""What people said of pictures: a file of lines that only grows, and the label that follows from it.

A line is `{"id": …, "label": …, "who": …, "when": …}`; the label is a class, empty for "cannot say", or null where the
reviewer takes the word back. Nothing is ever overwritten: who thinks again adds a line. A line that a crash cut short
is passed over.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mien.errors import MienError, UsageError
from mien.locks import locked
from mien.runs import storage_errors
from mien.types import NO_LABEL, Bools, Dataset, Ints

BOM = b"\xef\xbb\xbf"
MACHINE = "mien audit"
"""Who says what nobody has reviewed."""
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
    line = json.dumps(asdict(stamped)).encode() + b"\n"  # ASCII: no character of a name can end the line
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file, locked(file):
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
    UsageError : it cannot be read or understood, or holds no review; the line is named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", place=str(path), remedy=REMEDY) from None
    raw = raw.removeprefix(BOM)
    found = _of_lines(raw, path) if raw.lstrip().startswith((b"{", b"[")) else _of_csv(raw, path)
    if raw.strip() and not found:
        raise UsageError("holds no review", place=str(path), remedy=REMEDY)
    return found


def _of_lines(raw: bytes, path: Path) -> list[Review]:
    """JSON lines; the last one may have been cut short."""
    lines = raw.split(b"\n")
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_review(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if b"}" not in line:
                continue  # a crash cut it short
            raise UsageError(f"line {number} is not understood: {error}", place=str(path), remedy=REMEDY) from None
    return found


def _of_csv(raw: bytes, path: Path) -> list[Review]:
    try:
        reader = csv.DictReader(io.StringIO(raw.decode(), newline=""), strict=True)
        columns = reader.fieldnames or []
        if raw.strip() and not {"id", "label"} <= set(columns):
            cause = f"has no columns id and label, separated by commas; it begins with {', '.join(columns)[:80]!r}"
            raise UsageError(cause, place=str(path), remedy=REMEDY)
        return [_review({**record, "label": record["label"] or ""}) for record in reader]
    except (ValueError, csv.Error) as error:
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
    UsageError : a picture or a class that is not there, or a word that is a machine's; `place` is named.
    """
    if any(review.who == MACHINE for review in reviews):
        cause = "holds suggestions of an audit: with them, classifiers would be tested against a classifier's opinion"
        raise UsageError(cause, place=place, remedy="review them first, with mien review, and give reviews.jsonl")
    rows = {name: row for row, name in enumerate(data.ids.tolist())}
    found = np.full(len(data), NO_LABEL)
    for name, label in merged(reviews).items():
        if name not in rows:
            raise UsageError(f"{name[:120]!r} is no picture of these data", place=place, remedy=REMEDY)
        try:
            found[rows[name]] = data.labelset.index(label) if label else NO_LABEL
        except MienError as error:
            raise UsageError(f"{name[:120]}: {error.cause}", place=place, remedy=error.remedy) from None
    return found


def words_on(data: Dataset, reviews: Sequence[Review], place: str) -> tuple[Ints, Bools]:
    """(N,) classes and (N,) whether somebody said anything: −1 where that was "cannot say".

    What was said of a picture goes for its copies too. Raises what `labels_of` does.
    """
    found, named = labels_of(reviews, data, place), np.isin(data.ids, list(merged(reviews)))
    return _with_copies(data, found, named)


def _with_copies(data: Dataset, found: Ints, named: Bools) -> tuple[Ints, Bools]:
    """What was said of a picture goes for its copies too, where nothing was said of them and nobody contradicts."""
    if data.hashes is None or not named.any():
        return found, named
    said: dict[str, set[int]] = {}
    for key, label in zip(data.hashes[named].tolist(), found[named].tolist(), strict=True):
        said.setdefault(key, set()).add(label)
    found, named = found.copy(), named.copy()
    for row in np.flatnonzero(~named & np.isin(data.hashes, list(said))).tolist():
        labels = said[str(data.hashes[row])]
        if len(labels) == 1:
            found[row], named[row] = next(iter(labels)), True
    return found, named


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
