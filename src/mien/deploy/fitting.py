"""Fit correctors on calibration data, and make the patch: what `mien correct` and the estimator have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mien.certify.aims import aim_weights
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.classifiers.borrowing import FLAG, Encoder, borrowing, open_encoders, without_borrowed
from mien.classifiers.contract import Classifier
from mien.classifiers.feature_store import FeatureStore, build_correctors
from mien.classifiers.table import TableClassifier
from mien.correctors import get_corrector
from mien.correctors.contract import Corrector, requested_features
from mien.data.provenance import KNOWN, STATED, UNKNOWN, Provenance
from mien.data.split import group_ids
from mien.deploy.calibration_data import CalibrationData
from mien.deploy.patch import Patch
from mien.deploy.settings import CorrectSettings
from mien.errors import UsageError
from mien.nets.settings import AugmentSettings
from mien.types import Floats, Ints


def fit_patch(
    classifier: Classifier,
    material: CalibrationData,
    settings: CorrectSettings,
    policy: Policy,
    *,
    about: Mapping[str, Any] | None = None,
    say: Callable[[str], object] = lambda stage: None,
) -> tuple[Patch, FeatureStore]:
    """A patch for a classifier, and the classifier's outputs for the parts correct and test.

    Parameters
    ----------
    material : rows with labels, divided into fit, calibrate and perhaps test.
    settings : which corrector, and whether it is cross-fitted. policy : the budget, and what an override does.
    about : for people, kept in the patch. say : called with each stage.
    """
    classifier = borrowing(classifier, open_encoders(settings.features, classifier))
    pictures, parts = material.pictures, material.parts
    policy.check_classes(pictures.labelset)
    count = len(pictures.labelset)
    targets = shared_out(material.targets, settings.corrector)
    made = (build_correctors([settings.corrector], classifier, target, count, settings.layer) for target in targets)
    beside = tuple(corrector for correctors in made for corrector in correctors.values())
    encoders: tuple[Encoder, ...] = getattr(classifier, "encoders", ())
    _check_reads(beside, encoders)
    rows = np.concatenate([material.to_fit, *(parts.rows(part) for part in ("correct", "test"))])
    keep = getattr(classifier, "cache_folder", None) if settings.keep_features else None
    store = FeatureStore.of(classifier, pictures, AugmentSettings(), rows, beside, keep)
    store = replace(store, drawn=settings.drawn_faces)
    calibration = _fitted(store, material, dict(zip(targets, beside, strict=True)), settings, policy, say)
    known = np.pad(classifier.card.known_mask, (0, count - len(classifier.card.known)))
    patch = Patch(
        pictures.labelset.names, known, (settings.corrector,) * len(beside), beside, policy, calibration,
        without_borrowed(classifier).card.id, pictures.fingerprint(), bool(settings.cross_fit), about or {},
        _provenance(material, settings, encoders), unit=material.unit, encoders=encoders,
        columns=classifier.columns if isinstance(classifier, TableClassifier) else None,
    )  # fmt: skip
    return patch, store


def _check_reads(beside: Sequence[Corrector], encoders: Sequence[Encoder]) -> None:
    """Raise UsageError where no corrector reads the features of an encoder."""
    for encoder in encoders:
        if not any(encoder.wanted(requested_features(corrector)) for corrector in beside):
            remedy = "give --corrector adapter_blend or nystroem, or leave --features out"
            cause = f"the corrector {beside[0].name} reads none of the features of {encoder.name}"
            raise UsageError(cause, place=FLAG, remedy=remedy)


def _provenance(material: CalibrationData, settings: CorrectSettings, encoders: Sequence[Encoder]) -> Provenance:
    """How it is known that none of the pictures was trained on: of an encoder no record has that, its user may."""
    known = material.provenance
    if not encoders or known.kind != KNOWN:
        return known
    stated = any(source != UNKNOWN for source in settings.trained_on)
    return replace(known, kind=STATED if stated else UNKNOWN)


def shared_out(targets: tuple[int, ...], corrector: str) -> tuple[int | tuple[int, ...], ...]:
    """What each corrector suggests: all target classes together where the kind can, else a class each.

    >>> shared_out((1, 3), "logistic"), shared_out((1, 3), "fisher")
    (((1, 3),), (1, 3))
    """
    together = len(targets) > 1 and getattr(get_corrector(corrector), "several_classes", False)
    return (tuple(sorted(targets)),) if together else targets


def _fitted(
    store: FeatureStore,
    material: CalibrationData,
    beside: Mapping[int | tuple[int, ...], Corrector],
    settings: CorrectSettings,
    policy: Policy,
    say: Callable[[str], object],
) -> CalibrationSet:
    """Fit the correctors, and keep their proposals for rows that they were not fitted on."""
    pictures, parts = material.pictures, material.parts
    held = parts.rows("correct" if settings.cross_fit else "calibrate")
    fit = parts.rows("correct") if settings.cross_fit else material.to_fit
    weights = _weights(beside, pictures.labels[fit], len(pictures.labelset), policy)
    proposals = []
    for target, corrector in beside.items():
        named = ", ".join(pictures.labelset.names[each] for each in np.atleast_1d(target))
        say(f"fitting {settings.corrector} for {named}")
        store.fit(corrector, fit)
        if settings.cross_fit:
            build = partial(store.build, [settings.corrector], target, settings.layer)
            proposals.append(store.cross_fitted(build, held, settings.cross_fit, weights))
        else:
            proposals.append(store.propose(corrector, held, weights))
    outputs = store.seen(held)
    return CalibrationSet(
        pictures.labels[held], outputs.predicted,
        np.stack([proposal.score for proposal in proposals]), np.stack([proposal.suggested for proposal in proposals]),
        group_ids(pictures)[held].astype(str), pictures.ids[held],
        outputs.probs.max(1), weights,
    )  # fmt: skip


def _weights(
    beside: Mapping[int | tuple[int, ...], Corrector], labels: Ints, count: int, policy: Policy
) -> Floats | None:
    """Class weights for a corrector of several classes; None where there is none, or the aim has none."""
    if not any(isinstance(target, tuple) for target in beside):
        return None
    power = getattr(next(iter(beside.values())), "weight_power", 0.0)
    return aim_weights(labels, count, policy.aim, power)
