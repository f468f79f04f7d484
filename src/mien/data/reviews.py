"""Append-only log of reviews (labels given to pictures by people), and the labels that follow from it.

A line of the log is `{"id": …, "label": …, "who": …, "when": …, "hash": …}`. The label is a class, empty for "cannot
say", or null to withdraw an earlier review. Lines are never overwritten: a reviewer who changes a label appends a line.
Files of reviews are read in `mien.data.review_files`, and joined to pictures in `mien.data.reviewed`.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mien.storage.files import storage_errors
from mien.storage.locks import locked
from mien.types import Problem

MACHINE = "mien audit"
"""Reviewer's name in the suggestions of an audit, which never count as reviews."""
CANNOT_SAY = "cannot say"
"""Label in other tools' files for a picture whose class the reviewer cannot decide."""
BROKEN, GONE, AMBIGUOUS, UNKNOWN, CHANGED, MOVED = KINDS = (
    "broken review",
    "review without a picture",
    "ambiguous review",
    "review of an unknown class",
    "review of a changed picture",
    "review of a moved picture",
)
"""Kinds of Problems in files of reviews."""


@dataclass(frozen=True)
class Review:
    """Label that one reviewer gave one picture.

    Attributes
    ----------
    id : id of the picture.
    label : a class name, "" for "cannot say", None for a withdrawn review.
    who, when : the reviewer, and the time as text.
    hash : hash of the reviewed picture, as in `Dataset.hashes`; "" if unknown.
    """

    id: str
    label: str | None
    who: str = ""
    when: str = ""
    hash: str = ""


@dataclass(frozen=True)
class Fault:
    """Cause why one entry of a file of reviews cannot be used."""

    cause: str


@dataclass(frozen=True)
class ReviewFile:
    """Reviews of a file in order, and Problems of the entries that cannot be used.

    Attributes
    ----------
    path : the file, for messages.
    reviews : usable reviews.
    problems : a Problem for each other entry.
    unused : reviews of pictures or classes that the data do not have.
    """

    path: Path
    reviews: tuple[Review, ...] = ()
    problems: tuple[Problem, ...] = ()
    unused: tuple[Review, ...] = ()


def append(path: Path, review: Review) -> Review:
    """Append a review to the log, atomically also with concurrent writers; returns it with its time.

    Raises
    ------
    StorageError : the log cannot be written.
    """
    stamped = replace(review, when=review.when or time.strftime("%Y-%m-%d %H:%M:%S"))
    fields = {key: value for key, value in asdict(stamped).items() if key != "hash" or value}
    line = json.dumps(fields).encode() + b"\n"  # ASCII: no character of a name can end the line
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


def merge_reviews(reviews: Iterable[Review]) -> dict[str, str]:
    """Merge reviews to picture id → label: the last of each reviewer, then the majority, for ties the latest.

    >>> reviews = [Review("a", "fear", "x"), Review("a", "joy", "y"), Review("a", "joy", "z"), Review("b", "fear", "x")]
    >>> merge_reviews([*reviews, Review("b", "", "x")])
    {'a': 'joy', 'b': ''}
    """
    last: dict[str, dict[str, str]] = {}
    for review in reviews:
        by_reviewer = last.setdefault(review.id, {})
        by_reviewer.pop(review.who, None)  # so that the latest review is the last entry
        if review.label is not None:
            by_reviewer[review.who] = review.label
    return {name: _majority(list(by_reviewer.values())) for name, by_reviewer in last.items() if by_reviewer}


def _majority(labels: list[str]) -> str:
    counts = Counter(labels)
    most = max(counts.values())
    return next(label for label in reversed(labels) if counts[label] == most)
