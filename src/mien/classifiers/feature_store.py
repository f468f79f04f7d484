"""The outputs of one classifier for some labelled rows, and correctors fitted on them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Self

import numpy as np

from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.classifiers.cache import cache_key, cached_outputs
from mien.classifiers.contract import Batch, Classifier, ClassifierCard, MapClassifier, check_maps
from mien.classifiers.drawn import can_draw, drawn_examples
from mien.correctors.contract import (
    Corrector,
    LayerSource,
    Target,
    fitted_targets,
    requested_features,
    weighed_proposal,
)
from mien.data.split import group_ids
from mien.errors import DataError, UsageError
from mien.nets.settings import AugmentSettings
from mien.types import Dataset, FeatureRequest, Floats, Ints, Outputs, Proposal, SoftLabels


@dataclass(frozen=True)
class _Shown:
    """What an adapter may stand on where there is no network to copy layers from."""

    card: ClassifierCard

    @property
    def layers(self) -> tuple[str, ...]:
        maps = tuple(layer.name for layer in self.card.layers if layer.kind == "map")
        if not maps:
            remedy = "give a corrector that learns on vectors, such as nystroem or logistic"
            raise UsageError("the classifier shows no map of a layer", place="adapter", remedy=remedy)
        return maps


def build_corrector(
    kind: type[Corrector], classifier: Classifier, target: Target, classes: int | None = None, layer: str = ""
) -> Corrector:
    """An unfitted corrector of this kind, see `build_correctors`.

    Parameters
    ----------
    layer : the map that an adapter learns on; by default that which suits it.
    """
    head_source = getattr(classifier, "head_source", None)
    count = len(classifier.card.classes) if classes is None else classes
    beside: LayerSource = head_source(count) if head_source else _Shown(classifier.card)
    corrector = correctors.for_classifier(kind, beside, target)
    if layer and getattr(corrector, "layer", None) != layer:
        corrector = _on_layer(kind, classifier, target, layer)
    check_maps(classifier.card, requested_features(corrector).maps)
    return corrector


def _on_layer(kind: type[Corrector], classifier: Classifier, target: Target, layer: str) -> Corrector:
    """An adapter with new weights on a layer."""
    if "layer" not in signature(kind).parameters:
        remedy = "leave --layer out, or give --corrector adapter"
        raise UsageError("does not learn on a layer of one's choice", place=kind.name, remedy=remedy)
    check_maps(classifier.card, (layer,))
    return kind(target, layer=layer)  # type: ignore[call-arg]


def build_correctors(
    names: Iterable[str], classifier: Classifier, target: Target, classes: int | None = None, layer: str = ""
) -> dict[str, Corrector]:
    """Unfitted correctors of these names, for one classifier.

    Parameters
    ----------
    target : index of the class, or of several.
    classes : K, the classifier's own and those that it lacks; by default its own.
    layer : see `build_corrector`.

    Raises
    ------
    UsageError : a name that is not known, or a corrector that needs what the classifier does not show.
    """
    kinds = {name: correctors.get_corrector(name) for name in names}
    return {name: build_corrector(kind, classifier, target, classes, layer) for name, kind in kinds.items()}


@dataclass(frozen=True)
class FeatureStore:
    """A classifier, some rows of a data set, and its outputs for them.

    Attributes
    ----------
    classifier, data : the classifier, which is not changed, and the rows with their labels.
    augment : how images are changed for correctors that learn on changed views.
    rows : ascending, those that outputs are there for.
    outputs : of these rows, in the classes of the data: those that the classifier lacks are unknown.
    drawn : how many drawn faces of each class those correctors learn from that can, see `mien.classifiers.drawn`.
    """

    classifier: Classifier
    data: Dataset
    augment: AugmentSettings
    rows: Ints
    outputs: Outputs
    drawn: int = 0

    @classmethod
    def of(
        cls,
        classifier: Classifier,
        data: Dataset,
        augment: AugmentSettings,
        rows: Ints,
        beside: Iterable[Corrector],
        keep: Path | None = None,
    ) -> Self:
        """Ask the classifier once for the given rows, for all that the correctors need.

        Parameters
        ----------
        rows : of the data. keep : folder to keep the outputs in, with all vectors, so that the next corrector has them.
        """
        rows, request = np.unique(rows), FeatureRequest.for_reading(map(requested_features, beside))
        if keep is not None or not (request.vectors or request.maps):
            request = FeatureRequest(maps=request.maps)

        def ask() -> Outputs:
            return classifier.outputs(Batch.of(data, rows), request)

        outputs = ask() if keep is None else cached_outputs(keep, cache_key(classifier.card, data, rows, request), ask)
        return cls(classifier, data, augment, rows, outputs.padded_to(len(data.labelset)))

    def seen(self, rows: Ints) -> Outputs:
        """The outputs of some of the rows."""
        return self.outputs.take(np.searchsorted(self.rows, rows))

    def labels(self, rows: Ints) -> SoftLabels:
        """The labels of some rows, with the shares of their votes where the data have votes."""
        return self.data.soft_labels(rows)

    def build(self, names: Iterable[str], target: Target, layer: str = "") -> dict[str, Corrector]:
        """Unfitted correctors of these names, see `build_correctors`."""
        return build_correctors(names, self.classifier, target, len(self.data.labelset), layer)

    def fit(self, corrector: Corrector, rows: Ints) -> Corrector:
        """Fit it on some of the rows.

        Raises
        ------
        UsageError : it learns on maps of changed images, and the classifier shows none.
        """
        outputs, request = self.seen(rows), requested_features(corrector)
        if request.layer:
            if not isinstance(self.classifier, MapClassifier):
                remedy = "give the classifier a method `views`, or another corrector, such as nystroem"
                raise UsageError("the classifier shows no changed images", place=corrector.name, remedy=remedy)
            batch = Batch.of(self.data, rows)
            views = self.classifier.views(batch, request.layer, request.views, self.augment)
            outputs = outputs.with_features(maps={request.layer: views})
        classes = [self.data.labelset.names[target] for target in fitted_targets(corrector)]
        if not self.drawn or not can_draw(self.classifier, corrector, classes):
            return corrector.fit(outputs, self.labels(rows))
        corrector.drawn = self._drawn_examples  # type: ignore[attr-defined]
        fitted = corrector.fit(outputs, self.labels(rows))
        fitted.drawn = None  # type: ignore[attr-defined]  # they are learnt, and large
        return fitted

    @cached_property
    def _drawn_examples(self) -> tuple[Outputs, Ints]:
        return drawn_examples(self.classifier, self.data.labelset, self.drawn)

    def cross_fitted(
        self, build: Callable[[], Mapping[str, Corrector]], rows: Ints, folds: int, weights: Floats | None = None
    ) -> Proposal:
        """Proposals for rows by correctors that were fitted on other rows: each fold by one fitted on the others.

        Persons, and copies of an image, stay in one fold; classes are shared out evenly.

        Parameters
        ----------
        build : gives an unfitted corrector, as `build` does. weights : see `propose`.
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
            [corrector] = build().values()
            proposal = self.propose(self.fit(corrector, rows[learn]), rows[judge], weights)
            score[judge], suggested[judge] = proposal.score, proposal.suggested
        return Proposal(self.data.ids[rows], score, suggested)

    def propose(self, corrector: Corrector, rows: Ints, weights: Floats | None = None) -> Proposal:
        """Its proposal for some of the rows; weights: (K,) what a right answer of each class is worth."""
        return weighed_proposal(corrector, self.seen(rows), weights)

    def calibration(self, corrector: Corrector, rows: Ints) -> CalibrationSet:
        """The calibration set of rows that the corrector was not fitted on."""
        proposal = self.propose(corrector, rows)
        groups = group_ids(self.data)[rows].astype(str)
        base = self.seen(rows).predicted
        return CalibrationSet.of(proposal, self.data.labels[rows], base, groups)
