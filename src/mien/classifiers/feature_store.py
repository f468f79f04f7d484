"""A classifier on the workbench: what it thinks of some pictures, and correctors fitted beside it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.classifiers.cache import cache_key, cached_outputs
from mien.correctors.contract import Corrector, read_out_for, requested_features
from mien.data.split import group_ids
from mien.errors import DataError
from mien.nets.extraction import changed_views, extract
from mien.nets.network import Network
from mien.nets.settings import AugmentSettings
from mien.types import Dataset, Ints, Outputs, Proposal, SoftLabels


def build_correctors(names: Iterable[str], model: Network, target: int | None) -> dict[str, Corrector]:
    """The correctors of these names, for the class `target` of this classifier."""
    return {name: correctors.for_classifier(correctors.get_corrector(name), model, target) for name in names}


@dataclass(frozen=True)
class FeatureStore:
    """A classifier, some rows of a data set, and what it thinks of them.

    Attributes
    ----------
    model, data : the classifier, untouched; the pictures with their labels.
    augment : how pictures are changed for correctors that learn on changed views.
    rows : ascending, those that were looked at. outputs : of these rows.
    """

    model: Network
    data: Dataset
    augment: AugmentSettings
    rows: Ints
    outputs: Outputs

    @classmethod
    def of(
        cls,
        model: Network,
        data: Dataset,
        augment: AugmentSettings,
        rows: Ints,
        beside: Iterable[Corrector],
        keep: Path | None = None,
    ) -> Self:
        """Look at the given rows once, for what the correctors want; `keep` is a folder to keep that in.

        What is kept has all vectors, so that it serves the next corrector too.
        """
        rows, wanted = np.unique(rows), read_out_for(beside)
        if keep is not None or not any(wanted.values()):
            wanted["vectors"] = ["*"]

        def look() -> Outputs:
            return extract(model, data.pictures[rows], data.ids[rows], **wanted)

        if keep is None:
            return cls(model, data, augment, rows, look())
        return cls(model, data, augment, rows, cached_outputs(keep, cache_key(model, data, rows, wanted["maps"]), look))

    def seen(self, rows: Ints) -> Outputs:
        """The outputs of some of the rows."""
        return self.outputs.take(np.searchsorted(self.rows, rows))

    def labels(self, rows: Ints) -> SoftLabels:
        """The labels of some rows, with the shares of their votes where the data have votes."""
        labels = self.data.labels if self.data.targets is None else self.data.targets
        return SoftLabels.of(labels[rows], len(self.data.labelset))

    def fit(self, corrector: Corrector, rows: Ints) -> Corrector:
        """Fit it on some of the rows."""
        outputs, wanted = self.seen(rows), requested_features(corrector)
        if wanted.layer:
            views = changed_views(self.model, self.data.pictures[rows], wanted, self.augment)
            outputs = outputs.with_features(maps={wanted.layer: views})
        return corrector.fit(outputs, self.labels(rows))

    def cross_fitted(self, name: str, target: int, rows: Ints, folds: int) -> Proposal:
        """What correctors make of rows that none of them was fitted on: each fold by one fitted on the others.

        Persons, and pictures that travel with them, stay in one fold; classes are shared out evenly.
        """
        from sklearn.model_selection import StratifiedGroupKFold  # here: takes longer to load than all the rest

        groups, labels = group_ids(self.data)[rows], self.data.labels[rows]
        least = min(len(np.unique(groups)), int(np.bincount(labels).max()))
        if folds > least:
            cause = f"{folds} folds of pictures of {least} persons or other groups, or so many of a class"
            raise DataError(cause, place="--cross-fit", remedy=f"give {least} or fewer")
        score, suggested = np.zeros(len(rows)), np.zeros(len(rows), int)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a rare class has fewer pictures than there are folds
            parts = list(StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(rows, labels, groups))
        for learn, judge in parts:
            [corrector] = build_correctors([name], self.model, target).values()
            found = self.propose(self.fit(corrector, rows[learn]), rows[judge])
            score[judge], suggested[judge] = found.score, found.suggested
        return Proposal(self.data.ids[rows], score, suggested)

    def propose(self, corrector: Corrector, rows: Ints) -> Proposal:
        """What it makes of some of the rows."""
        return corrector.propose(self.seen(rows))

    def calibration(self, corrector: Corrector, rows: Ints) -> CalibrationSet:
        """The calibration set of rows that the corrector was not fitted on."""
        proposal = self.propose(corrector, rows)
        groups = group_ids(self.data)[rows].astype(str)
        base = self.seen(rows).predicted
        return CalibrationSet.of(proposal, self.data.labels[rows], base, groups)
