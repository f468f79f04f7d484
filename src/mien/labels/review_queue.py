"""Queue of audited pictures to review: order, entries for the review page, and the log of reviews."""

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
from mien.labels.audited import Audited, load_audited
from mien.labels.suspects import Suspects
from mien.labels.verdicts import KINDS
from mien.types import Dataset, Floats, Ints, Problem
from mien.uncertainty import entropy

ORDERS = ("mixed", "worth", "suspicion")


@dataclass
class ReviewQueue:
    """Audited pictures with their reviews; several people may review at the same time.

    Attributes
    ----------
    audit : results of the audit for the N pictures that still exist.
    log : file of reviews, to which each review is appended.
    entries : all reviews of these pictures, in order.
    reviews : picture → label, merged over reviewers.
    problems : reviews of the log that cannot be used.
    """

    audit: Audited
    log: Path
    entries: tuple[Review, ...] = ()
    reviews: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    _file: ReviewFile = field(default_factory=lambda: ReviewFile(Path()))
    _read: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, folder: Path, source: str | None = None) -> ReviewQueue:
        """Open the output folder of an audit, see `load_audited`; reviews are appended to FOLDER/reviews.jsonl."""
        queue = cls(load_audited(folder, source), folder / "reviews.jsonl")
        queue.refresh()
        return queue

    @property
    def data(self) -> Dataset:
        """The audited pictures."""
        return self.audit.data

    @property
    def suspects(self) -> Suspects:
        """Beliefs and suggested labels of the pictures."""
        return self.audit.suspects

    def notes(self) -> list[str]:
        """Sentences about pictures that changed since the audit and about reviews that cannot be used."""
        gone, new = self.audit.gone, self.audit.new
        problems = (*self._file.problems, *self.problems)
        notes = [f"{kind.count:,} × {kind.name}: {kind.examples[0]}" for kind in by_kind(problems)]
        if gone:
            notes.append(f"{gone:,} of the audit's {gone + len(self.data):,} pictures are gone or have changed")
        if new:
            notes.append(f"{new:,} pictures are new and were not audited")
        return notes

    def refresh(self) -> None:
        """Read the reviews again if the size of the log changed, since several processes may append to it."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size == self._read:
            return
        file = read(self.log, strict=False) if size else ReviewFile(self.log)
        known = len(self._file.reviews)
        if file.reviews[:known] != self._file.reviews:  # the file was edited, not only appended to
            known, self.entries, self.problems = 0, (), ()
        added = on_pictures(replace(file, reviews=file.reviews[known:], problems=()), self.data, strict=False)
        self.entries, self.problems = (*self.entries, *added.reviews), (*self.problems, *added.problems)
        self._file, self._read = file, size
        self.reviews = merge_reviews(self.entries)

    def review(self, row: int, label: str | None, who: str) -> Review:
        """Append a review to the log; the label None withdraws the reviewer's earlier one.

        Raises
        ------
        UsageError : there is no such picture or class.
        """
        if not 0 <= row < len(self.data):
            raise UsageError(f"there is no picture {row}", place="review", remedy=f"give 0 to {len(self.data) - 1}")
        if label:
            label = self.data.labelset.names[self.data.labelset.index(label, place="review")]
        with self._lock:
            hash = "" if self.data.hashes is None else str(self.data.hashes[row])
            review = append(self.log, Review(str(self.data.ids[row]), label, who, hash=hash))
            self.refresh()
        return review

    def rows(self, kind: str = "", given: str = "", order: str = ORDERS[0], todo: bool = True) -> Ints:
        """Rows of the pictures to review, in order.

        Parameters
        ----------
        kind : verdict to select; "" for all. given : given label to select; "" for all.
        order : "suspicion" sorts by score and "worth" by `acquisition_score`, highest first; "mixed" alternates
            between random pictures and those highest in worth.
        todo : whether to leave out pictures that have a review.
        """
        self.refresh()
        keep = np.ones(len(self.data), bool)
        if kind:
            keep &= self.audit.kind == KINDS.index(kind)
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
        """Data of a picture for the review page; `own` is the last label that the reviewer gave it."""
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
            "verdict": KINDS[self.audit.kind[row]],
            "reason": str(self.audit.reason[row]),
            "likely": [[names[c], round(float(belief[c]), 3)] for c in likely],
            "neighbours": [
                [int(other), names[self.suspects.labels[other]]]
                for other in self.suspects.neighbours[row]
                if other >= 0
            ],
            "votes": None if votes is None else [[name, int(count)] for name, count in zip(names, votes, strict=False)],
            "review": self.reviews.get(str(self.data.ids[row])),
            "own": merge_reviews(entry for entry in self.entries if entry.who == who).get(str(self.data.ids[row])),
        }

    @cached_property
    def _given(self) -> dict[str, str]:
        names = np.array(self.data.labelset.names)[self.suspects.labels]
        return dict(zip(self.data.ids.tolist(), names.tolist(), strict=True))

    def progress(self) -> dict[str, int]:
        """Numbers of reviewed pictures, changed labels and audited pictures."""
        changed = sum(bool(label) and label != self._given.get(name) for name, label in self.reviews.items())
        return {"reviewed": len(self.reviews), "changed": changed, "audited": len(self.data)}


def interleave_random(order: Ints, seed: int = 0) -> Ints:
    """Alternate between random rows and the given order; every row occurs once.

    Reviews of uncertain pictures only are a biased sample and mislead learning until there are thousands of them; with
    every second picture at random, few reviews do as well as random ones (docs/label-figures.md).
    """
    rows = np.stack([np.random.default_rng(seed).permutation(order), order], 1).ravel()
    first = np.unique(rows, return_index=True)[1]
    return np.asarray(rows[np.sort(first)])


def acquisition_score(suspects: Suspects) -> Floats:
    """(N,) expected value of a review: uncertainty whether the label is right, times density of similar pictures.

    Uncertainty is the entropy of right or wrong (uncertainty sampling: D. D. Lewis & W. A. Gale, SIGIR 1994); density
    is log(2 + n), with n the number of pictures of which the picture is a neighbour.
    """
    rows = np.arange(len(suspects.labels))
    given, other = suspects.belief[rows, suspects.labels], suspects.belief[rows, suspects.other]
    wrong = other / np.maximum(given + other, 1e-9)
    near = suspects.neighbours[suspects.neighbours >= 0]
    counts = np.bincount(near, minlength=len(rows)) if len(near) else np.zeros(len(rows))
    return np.asarray(entropy(np.stack([wrong, 1 - wrong], 1)) * np.log1p(1 + counts))
