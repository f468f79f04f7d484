"""The reviewer's desk: an audit, its pictures, and the reviews so far; which picture is worth a look next."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mien.data.checks import by_kind
from mien.data.review_files import read
from mien.data.reviewed import on_pictures
from mien.data.reviews import Review, ReviewFile, append, merge_reviews
from mien.errors import UsageError
from mien.labels.audited import Audited, audited
from mien.labels.suspects import Suspects
from mien.labels.verdicts import KINDS
from mien.types import Dataset, Floats, Ints, Problem
from mien.uncertainty import entropy

ORDERS = ("mixed", "worth", "suspicion")


@dataclass
class ReviewQueue:
    """What the page shows.

    Attributes
    ----------
    audit : the N pictures of the audit that are still there, and what was found of them.
    log : the file of reviews.
    said : all reviews of these pictures, in order. reviews : picture → label, of all reviewers.
    problems : what of the log cannot be used.
    """

    audit: Audited
    log: Path
    said: tuple[Review, ...] = ()
    reviews: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    _file: ReviewFile = field(default_factory=lambda: ReviewFile(Path()))
    _read: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, folder: Path, source: str | None = None) -> ReviewQueue:
        """The desk of an audit's folder; reviews go to FOLDER/reviews.jsonl.

        Parameters
        ----------
        source : where the pictures are now; where the audit found them by default.

        Raises
        ------
        RunError : the folder holds no audit, or none of its pictures is there. DataError : they cannot be read.
        """
        desk = cls(audited(folder, source), folder / "reviews.jsonl")
        desk.look()
        return desk

    @property
    def data(self) -> Dataset:
        """The pictures."""
        return self.audit.data

    @property
    def suspects(self) -> Suspects:
        """What speaks against their labels."""
        return self.audit.suspects

    @property
    def kind(self) -> Ints:
        """(N,) verdicts, as numbers into KINDS."""
        return self.audit.kind

    def notes(self) -> list[str]:
        """What has changed since the audit, and what of the log cannot be used, a sentence each."""
        gone, new = self.audit.gone, self.audit.new
        problems = (*self._file.problems, *self.problems)
        found = [f"{kind.count:,} × {kind.name}: {kind.examples[0]}" for kind in by_kind(problems)]
        if gone:
            found.append(f"{gone:,} of the audit's {gone + len(self.data):,} pictures are gone or have changed")
        if new:
            found.append(f"{new:,} pictures are new: the audit did not see them")
        return found

    def look(self) -> None:
        """Read the reviews again if the file has grown: others may write to it, too."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size == self._read:
            return
        file = read(self.log, strict=False) if size else ReviewFile(self.log)
        known = len(self._file.reviews)
        if file.reviews[:known] != self._file.reviews:  # it was edited, not only added to
            known, self.said, self.problems = 0, (), ()
        added = on_pictures(replace(file, reviews=file.reviews[known:], problems=()), self.data, strict=False)
        self.said, self.problems = (*self.said, *added.reviews), (*self.problems, *added.problems)
        self._file, self._read = file, size
        self.reviews = merge_reviews(self.said)

    def review(self, row: int, label: str | None, who: str) -> Review:
        """Write a word down (None takes it back). UsageError where there is no such picture or class."""
        if not 0 <= row < len(self.data):
            raise UsageError(f"there is no picture {row}", place="review", remedy=f"0 to {len(self.data) - 1}")
        if label:
            label = self.data.labelset.names[self.data.labelset.index(label, place="review")]
        with self._lock:
            hash = "" if self.data.hashes is None else str(self.data.hashes[row])
            said = append(self.log, Review(str(self.data.ids[row]), label, who, hash=hash))
            self.look()
        return said

    def rows(self, kind: str = "", given: str = "", order: str = ORDERS[0], todo: bool = True) -> Ints:
        """Pictures to look at, in order.

        Parameters
        ----------
        kind, given : a verdict, a given label; "" for all.
        order : "suspicion" and "worth" (how much an answer would teach) put the highest first; "mixed" has one at
            random and one by worth in turn.
        todo : only those without a review.
        """
        self.look()
        keep = np.ones(len(self.data), bool)
        if kind:
            keep &= self.kind == KINDS.index(kind)
        if given:
            keep &= self.suspects.labels == self.data.labelset.index(given, place="given")
        if todo and self.reviews:
            keep &= ~np.isin(self.data.ids, list(self.reviews))
        rows = self._orders[order]
        return rows[keep[rows]]

    @cached_property
    def _orders(self) -> dict[str, Ints]:
        by_worth = np.argsort(-acquisition_score(self.suspects), kind="stable")
        by_score = np.argsort(-self.suspects.score, kind="stable")
        return dict(zip(ORDERS, (interleave_random(by_worth), by_worth, by_score), strict=True))

    def entry(self, row: int, who: str = "") -> dict[str, Any]:
        """What the page says of a picture to a reviewer, whose own last word is `own`."""
        names, belief = self.data.labelset.names, self.suspects.belief[row]
        votes = None if self.data.votes is None else self.data.votes[row]
        likely = np.argsort(-belief)[:3].tolist()
        given = int(self.suspects.labels[row])
        likely += [] if given in likely else [given]
        return {
            "row": int(row),
            "id": str(self.data.ids[row]),
            "given": names[self.suspects.labels[row]],
            "suggested": names[self.suspects.suggested[row]],
            "verdict": KINDS[self.kind[row]],
            "reason": str(self.audit.reason[row]),
            "likely": [[names[c], round(float(belief[c]), 3)] for c in likely],
            "neighbours": [
                [int(other), names[self.suspects.labels[other]]]
                for other in self.suspects.neighbours[row]
                if other >= 0
            ],
            "votes": None if votes is None else [[name, int(count)] for name, count in zip(names, votes, strict=False)],
            "review": self.reviews.get(str(self.data.ids[row])),
            "own": merge_reviews(one for one in self.said if one.who == who).get(str(self.data.ids[row])),
        }

    @cached_property
    def _given(self) -> dict[str, str]:
        names = np.array(self.data.labelset.names)[self.suspects.labels]
        return dict(zip(self.data.ids.tolist(), names.tolist(), strict=True))

    def progress(self) -> dict[str, int]:
        """How many were reviewed, and how many labels that changed."""
        changed = sum(bool(label) and label != self._given.get(name) for name, label in self.reviews.items())
        return {"reviewed": len(self.reviews), "changed": changed, "audited": len(self.data)}


def interleave_random(order: Ints, seed: int = 0) -> Ints:
    """The same rows: one at random, one by the given order, and so on; each once.

    What is only reviewed where it is open teaches wrong things of the rest, until there are thousands of reviews; with
    every second one at random, few reviews do as well as random ones (docs/label-figures.md).
    """
    rows = np.stack([np.random.default_rng(seed).permutation(order), order], 1).ravel()
    first = np.unique(rows, return_index=True)[1]
    return np.asarray(rows[np.sort(first)])


def acquisition_score(found: Suspects) -> Floats:
    """(N,) how much a review would teach: how open it is whether the label is right, times how many are like it.

    A picture that is surely wrong teaches nothing new, one that is like no other nothing of others. Openness is the
    entropy of right or wrong (uncertainty sampling: D. D. Lewis & W. A. Gale, SIGIR 1994), likeness the number of
    pictures of which it is a neighbour.
    """
    rows = np.arange(len(found.labels))
    given, other = found.belief[rows, found.labels], found.belief[rows, found.other]
    wrong = other / np.maximum(given + other, 1e-9)
    near = found.neighbours[found.neighbours >= 0]
    liked = np.bincount(near, minlength=len(rows)) if len(near) else np.zeros(len(rows))
    return np.asarray(entropy(np.stack([wrong, 1 - wrong], 1)) * np.log1p(1 + liked))
