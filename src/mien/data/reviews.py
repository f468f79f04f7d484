"""What people said of pictures: a log of reviews that only grows, and the labels that follow from it.

A line of the log is `{"id": …, "label": …, "who": …, "when": …, "hash": …}`. The label is a class, empty for "cannot
say", or null where the reviewer takes the word back. Nothing is overwritten: who thinks again adds a line. All files of
reviews are read in `mien.data.review_files`, and joined to pictures in `mien.data.reviewed`.
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
"""Reviewer's name in the audit's own suggestions, which are never taken for reviews."""
CANNOT_SAY = "cannot say"
"""What stands in other tools' files where the reviewer sees no class."""
BROKEN, GONE, AMBIGUOUS, UNKNOWN, CHANGED, MOVED = KINDS = (
    "broken review",
    "review without a picture",
    "ambiguous review",
    "review of an unknown class",
    "review of a changed picture",
    "review of a moved picture",
)
"""Kinds of Problems that files of reviews have."""


@dataclass(frozen=True)
class Review:
    """One person's word on one picture.

    Attributes
    ----------
    id : of the picture. label : a class name, "" for "cannot say", None for a word taken back.
    who, when : the reviewer, and the time as text.
    hash : of the picture that the reviewer saw, as in `Dataset.hashes`; "" where it is not known.
    """

    id: str
    label: str | None
    who: str = ""
    when: str = ""
    hash: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one entry of a file of reviews."""

    cause: str


@dataclass(frozen=True)
class ReviewFile:
    """The reviews of a file, in order, and what in the file cannot be used.

    Attributes
    ----------
    path : the file, for messages. reviews : the usable ones. problems : a Problem for each other row.
    unused : reviews of pictures or classes that the data do not have.
    """

    path: Path
    reviews: tuple[Review, ...] = ()
    problems: tuple[Problem, ...] = ()
    unused: tuple[Review, ...] = ()


def append(path: Path, review: Review) -> Review:
    """Add a line, whole or not at all, whoever else writes at the same time; returns it with its time.

    Raises
    ------
    StorageError : it cannot be written.
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
    """Picture → label: of each reviewer the last word, of several reviewers what most say, of equals the latest.

    >>> said = [Review("a", "fear", "x"), Review("a", "joy", "y"), Review("a", "joy", "z"), Review("b", "fear", "x")]
    >>> merge_reviews([*said, Review("b", "", "x")])
    {'a': 'joy', 'b': ''}
    """
    last: dict[str, dict[str, str]] = {}
    for review in reviews:
        own = last.setdefault(review.id, {})
        own.pop(review.who, None)  # so that the latest word stands last
        if review.label is not None:
            own[review.who] = review.label
    return {name: _most(list(own.values())) for name, own in last.items() if own}


def _most(labels: list[str]) -> str:
    counts = Counter(labels)
    most = max(counts.values())
    return next(label for label in reversed(labels) if counts[label] == most)
