"""Treatments of unbalanced data change answers and rows as documented, and depend on the training part only."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import UsageError
from mien.imbalance import TREATMENTS, FittedTrainPart, Latents, TrainPart, Treatment, get_treatment
from mien.imbalance.latent import latent_neighbours, logit_adjusted, retrained_head, smote_head
from mien.imbalance.resampling import oversampled, resampled, undersampled
from mien.metrics.classification import macro_recall
from mien.nets.settings import TrainSettings, with_changes

COUNTS = st.lists(st.integers(0, 40), min_size=2, max_size=6).filter(any)


@given(COUNTS, st.integers(1, 60), st.integers(0, 9))
def test_resampling_gives_every_class_what_was_asked_for(counts: list[int], target: int, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    part, n = TrainPart(labels, len(counts), seed), np.array(counts)
    for resample, expected in (
        (undersampled, np.minimum(n, target)),
        (oversampled, np.where(n > 0, np.maximum(n, target), 0)),
        (resampled, np.where(n > 0, target, 0)),
    ):
        rows = resample(part, target)
        assert np.array_equal(np.bincount(labels[rows], minlength=len(n)), expected)
        times = np.bincount(rows, minlength=len(labels))
        for c in range(len(n)):  # no picture counts for more than another of its class
            assert np.ptp(times[labels == c]) <= 1 if n[c] else True
        assert np.array_equal(rows, resample(part, target))


def biased_latents(counts: tuple[int, ...], seed: int) -> tuple[np.ndarray, Latents]:
    """Labels and latents of a classifier that is biased towards frequent classes."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    vectors = np.eye(len(counts), 8)[labels] * 2 + rng.normal(size=(len(labels), 8))
    scores = vectors[:, : len(counts)] * 1.5 + np.log(TRAINED_ON)
    probs = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return labels, Latents(vectors, probs)


TRAINED_ON = (600, 60, 12)


@pytest.mark.parametrize(
    "postprocess", [logit_adjusted, retrained_head, smote_head, partial(latent_neighbours, k=101, power=1.0)]
)
def test_steps_after_training_recover_rare_classes(postprocess: object) -> None:
    if postprocess is smote_head:
        pytest.importorskip("imblearn")
    assert callable(postprocess)
    labels, latents = biased_latents(TRAINED_ON, 0)
    truth, new = biased_latents((200, 200, 200), 1)
    probs = postprocess(FittedTrainPart(TrainPart(labels, 3), latents), new)
    assert probs.shape == (600, 3) and np.allclose(probs.sum(1), 1)
    before, after = (macro_recall(truth, answers.argmax(1), 3) for answers in (new.probs, probs))
    assert after > before + 0.05


def test_the_number_of_neighbours_is_used() -> None:
    labels = np.array([0, 1, 1])
    train = Latents(np.array([[0.0, 1.0], [1.0, 0.0], [1.1, 0.1]]), np.full((3, 2), 0.5))
    new = Latents(np.array([[0.1, 0.9]]), np.full((1, 2), 0.5))
    nearest, all_three, weighted = (
        get_treatment(name).postprocess for name in ("latent-knn:1", "latent-knn:3", "weighted-latent-knn:3")
    )
    assert nearest and all_three and weighted
    fitted = FittedTrainPart(TrainPart(labels, 2), train)
    assert nearest(fitted, new).argmax() == 0 and all_three(fitted, new).argmax() == 1
    assert weighted(fitted, new).round(6).tolist() == [[0.5, 0.5]]


def test_adjusting_for_equal_classes_changes_nothing() -> None:
    labels, latents = biased_latents(TRAINED_ON, 0)
    even = Latents(latents.vectors, np.full_like(latents.probs, 1 / 3))
    assert np.allclose(logit_adjusted(FittedTrainPart(TrainPart(labels, 3), even), latents), latents.probs)


@given(st.floats(0, 0.3), st.integers(1, 60))
def test_adjusting_allows_for_label_smoothing(smoothing: float, times: int) -> None:
    """A classifier that reproduces its smoothed targets keeps its right answers when it is adjusted."""
    labels = np.repeat([0, 1], [10 * times, 10])
    probs = np.eye(2)[labels] * (1 - smoothing) + smoothing / 2
    adjusted = logit_adjusted(
        FittedTrainPart(TrainPart(labels, 2), Latents(np.zeros((len(labels), 1)), probs)),
        Latents(labels[:, None], probs),
    )
    assert np.array_equal(adjusted.argmax(1), labels)


def test_a_class_without_a_picture_is_never_answered() -> None:
    labels, latents = biased_latents(TRAINED_ON, 0)
    present = labels < 2
    fitted = FittedTrainPart(TrainPart(labels[present], 3), Latents(latents.vectors[present], latents.probs[present]))
    neighbours = [partial(latent_neighbours, k=101, power=power) for power in (0.0, 1.0)]
    for postprocess in (logit_adjusted, retrained_head, *neighbours):
        assert (postprocess(fitted, latents)[:, 2] == 0).all()


def test_one_picture_of_a_class_is_enough_for_smote() -> None:
    pytest.importorskip("imblearn")
    labels, latents = biased_latents(TRAINED_ON, 0)
    rows = np.flatnonzero((labels < 2) | (np.cumsum(labels == 2) == 1))
    fitted = FittedTrainPart(TrainPart(labels[rows], 3), Latents(latents.vectors[rows], latents.probs[rows]))
    assert np.isfinite(smote_head(fitted, latents)).all()


@pytest.mark.parametrize("name", TREATMENTS)
def test_training_accepts_every_treatment(name: str) -> None:
    treatment = get_treatment(name)
    assert treatment.name.partition(":")[0] == name and treatment.description
    settings = with_changes(TrainSettings(), treatment.train)
    steps = (treatment.rows, treatment.postprocess, treatment.generated, treatment.uses_fit)
    assert name == "none" or any(steps) or settings != with_changes(TrainSettings(), get_treatment("none").train)
    if treatment.rows is not None:
        part = TrainPart(np.repeat([0, 1], [5, 2]), 2)
        assert set(np.unique(treatment.rows(part))) <= set(range(7))


def test_a_treatment_has_no_access_to_other_parts() -> None:
    """Rows are chosen by the labels of the training part; latents of new pictures have no labels."""
    assert {field.name for field in dataclasses.fields(TrainPart)} == {"labels", "classes", "seed"}
    assert {field.name for field in dataclasses.fields(Latents)} == {"vectors", "probs"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainPart(np.zeros(1, int), 1).seed = 2  # type: ignore[misc]


def test_targets_are_part_of_names_and_wrong_names_are_refused() -> None:
    assert get_treatment("oversample:1000").name == "oversample:1000" and isinstance(
        get_treatment("undersample"), Treatment
    )
    assert (
        get_treatment("latent-knn").name == "latent-knn:101"
        and "the 7 nearest" in get_treatment("weighted-latent-knn:7").description
    )
    with pytest.raises(UsageError, match="did you mean 'oversample'"):
        get_treatment("oversampel")
    for wrong in ("focal:3", "oversample:0", "oversample:many"):
        with pytest.raises(UsageError):
            get_treatment(wrong)
