"""What an audit found of each label, and how it is written: tables for people, arrays for `mien review`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from mien.data.prepare import DataSettings
from mien.data.review_files import read
from mien.data.reviewed import on_pictures
from mien.data.reviews import MACHINE, Review, ReviewFile, append, merge_reviews
from mien.labels.audited import AUDIT
from mien.labels.reviewers import Reviewer, reviewers
from mien.labels.suspects import Suspects
from mien.labels.verdicts import KINDS, WRONG, Verdicts
from mien.storage.csv_tables import Table
from mien.storage.files import write_arrays
from mien.storage.identity import identity
from mien.types import Dataset, Floats, Ints, Problem
from mien.uncertainty import Uncertainty

LABELS = Table.of(
    "audit",
    "id given suggested verdict score chance_given chance_suggested aleatoric epistemic novelty reviewed reason",
    text="id given suggested verdict reviewed reason",
)
SUGGESTED = Table.of("suggested", "id label who", text="id label who")
KEPT = 8
"""Neighbours of each picture that are kept."""
LIKELY = 0.5
"""Belief in another class from which on it is suggested as the new label."""


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes
    ----------
    data : the N pictures with a label.
    suspects, verdicts, uncertainty : of each of them.
    novelty : (N,) how unlike the usual it looks.
    reviewed : (N,) the class that a reviewer gave, −1 without a review.
    used : the reviews that it learnt from.
    reviewers : reviewer → quality from 0 to 1, where they were weighed.
    unused : reviews that are of no picture or no class of these data. They are kept in the log.
    """

    data: Dataset
    suspects: Suspects
    verdicts: Verdicts
    uncertainty: Uncertainty
    novelty: Floats
    reviewed: Ints
    used: tuple[Review, ...]
    reviewers: Mapping[str, float] = field(default_factory=dict)
    unused: tuple[Review, ...] = ()

    @property
    def conflicts(self) -> list[Problem]:
        """Equal pictures with different labels, which are not audited."""
        return [problem for problem in self.data.problems if problem.kind == "contradictory labels"]

    @property
    def people(self) -> list[Reviewer]:
        """Those whose reviews it learnt from."""
        return reviewers(self.used, self.reviewers)

    def rows(self) -> list[dict[str, object]]:
        """A row a picture, the most suspicious first."""
        suspects, names = self.suspects, self.data.labelset.names
        score, suggested = suspects.score, suspects.suggested
        return [
            {
                "id": str(self.data.ids[row]),
                "given": names[suspects.labels[row]],
                "suggested": names[suggested[row]],
                "verdict": KINDS[self.verdicts.kind[row]],
                "score": f"{score[row]:.4f}",
                "chance_given": f"{suspects.belief[row, suspects.labels[row]]:.4f}",
                "chance_suggested": f"{suspects.belief[row, suggested[row]]:.4f}",
                "aleatoric": f"{self.uncertainty.aleatoric[row]:.4f}",
                "epistemic": f"{self.uncertainty.epistemic[row]:.4f}",
                "novelty": f"{self.novelty[row]:.3f}",
                "reviewed": names[self.reviewed[row]] if self.reviewed[row] >= 0 else "",
                "reason": self.verdicts.reason[row],
            }
            for row in np.argsort(-score, kind="stable")
        ]

    def suggestions(self) -> list[dict[str, object]]:
        """New labels for people to look through: where a class is more likely than not, and nobody looked."""
        suspects, names, rows = self.suspects, self.data.labelset.names, np.arange(len(self.data))
        sure = (self.verdicts.kind == KINDS.index(WRONG)) & (suspects.belief[rows, suspects.suggested] > LIKELY)
        chosen = np.flatnonzero(sure & ~np.isin(self.data.ids, list(merge_reviews(self.used))))
        return [
            {"id": str(self.data.ids[row]), "label": names[suspects.suggested[row]], "who": MACHINE} for row in chosen
        ]

    def save(self, folder: Path, settings: DataSettings) -> None:
        """Write FOLDER/audit.csv and suggested.csv, for people; audit.json and audit.npz, for `mien review`.

        FOLDER/reviews.jsonl keeps what it holds; the reviews that were learnt from are appended where it lacks them.
        """
        LABELS.write(folder / "audit.csv", self.rows())
        SUGGESTED.write(folder / "suggested.csv", self.suggestions())
        write_arrays(
            folder / "audit.npz", ids=self.data.ids, belief=self.suspects.belief, kind=self.verdicts.kind,
            reason=np.array(self.verdicts.reason), neighbours=self.suspects.neighbours[:, :KEPT],
            hashes=np.array([]) if self.data.hashes is None else self.data.hashes,
            classes=np.array(self.data.labelset.names),
        )  # fmt: skip
        log = folder / "reviews.jsonl"
        there = read(log, strict=False) if log.exists() else ReviewFile(log)
        known = {*there.reviews, *on_pictures(there, self.data, strict=False).reviews}
        for review in (*self.used, *self.unused):
            if review not in known:
                append(log, review)
        about = {
            "id": identity(data=self.data.fingerprint(), belief=self.suspects.belief),
            "data": asdict(settings.stored()),
            "fingerprint": self.data.fingerprint(),
        }
        AUDIT.write(folder, about)
