"""Treatments of unbalanced data: what they do, and that nothing but the training part reaches them."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import UsageError
from mien.imbalance import TREATMENTS, FittedTrainPart, Latents, TrainPart, Treatment, get_treatment
from mien.imbalance.latent import adjusted, new_head, of_neighbours, smote
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


def imagined(counts: tuple[int, ...], seed: int) -> tuple[np.ndarray, Latents]:
    """Labels and latents of a classifier that was led by the frequent classes."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    vectors = np.eye(len(counts), 8)[labels] * 2 + rng.normal(size=(len(labels), 8))
    scores = vectors[:, : len(counts)] * 1.5 + np.log(TRAINED_ON)
    probs = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return labels, Latents(vectors, probs)


TRAINED_ON = (600, 60, 12)


@pytest.mark.parametrize("after", [adjusted, new_head, smote, partial(of_neighbours, k=101, power=1.0)])
def test_what_is_done_afterwards_wins_rare_classes_back(after: object) -> None:
    if after is smote:
        pytest.importorskip("imblearn")
    assert callable(after)
    labels, latents = imagined(TRAINED_ON, 0)
    truth, new = imagined((200, 200, 200), 1)
    probs = after(FittedTrainPart(TrainPart(labels, 3), latents), new)
    assert probs.shape == (600, 3) and np.allclose(probs.sum(1), 1)
    plain, better = (macro_recall(truth, found.argmax(1), 3) for found in (new.probs, probs))
    assert better > plain + 0.05


def test_the_number_of_neighbours_is_heeded() -> None:
    labels = np.array([0, 1, 1])
    seen = Latents(np.array([[0.0, 1.0], [1.0, 0.0], [1.1, 0.1]]), np.full((3, 2), 0.5))
    new = Latents(np.array([[0.1, 0.9]]), np.full((1, 2), 0.5))
    one, all_, weighed = (
        get_treatment(name).after for name in ("latent-knn:1", "latent-knn:3", "weighted-latent-knn:3")
    )
    assert one and all_ and weighed
    learnt = FittedTrainPart(TrainPart(labels, 2), seen)
    assert one(learnt, new).argmax() == 0 and all_(learnt, new).argmax() == 1
    assert weighed(learnt, new).round(6).tolist() == [[0.5, 0.5]]


def test_adjusting_for_equal_classes_changes_nothing() -> None:
    labels, latents = imagined(TRAINED_ON, 0)
    even = Latents(latents.vectors, np.full_like(latents.probs, 1 / 3))
    assert np.allclose(adjusted(FittedTrainPart(TrainPart(labels, 3), even), latents), latents.probs)


@given(st.floats(0, 0.3), st.integers(1, 60))
def test_adjusting_knows_of_smoothing(smoothing: float, times: int) -> None:
    """A classifier that learnt smoothed targets to the end is as sure of what it knows once it is adjusted."""
    labels = np.repeat([0, 1], [10 * times, 10])
    learnt = np.eye(2)[labels] * (1 - smoothing) + smoothing / 2
    found = adjusted(
        FittedTrainPart(TrainPart(labels, 2), Latents(np.zeros((len(labels), 1)), learnt)),
        Latents(labels[:, None], learnt),
    )
    assert np.array_equal(found.argmax(1), labels)


def test_a_class_without_a_picture_is_never_answered() -> None:
    labels, latents = imagined(TRAINED_ON, 0)
    there = labels < 2
    learnt = FittedTrainPart(TrainPart(labels[there], 3), Latents(latents.vectors[there], latents.probs[there]))
    for after in (adjusted, new_head, partial(of_neighbours, k=101), partial(of_neighbours, k=101, power=1.0)):
        assert (after(learnt, latents)[:, 2] == 0).all()


def test_one_picture_of_a_class_is_enough_for_smote() -> None:
    pytest.importorskip("imblearn")
    labels, latents = imagined(TRAINED_ON, 0)
    rows = np.flatnonzero((labels < 2) | (np.cumsum(labels == 2) == 1))
    learnt = FittedTrainPart(TrainPart(labels[rows], 3), Latents(latents.vectors[rows], latents.probs[rows]))
    assert np.isfinite(smote(learnt, latents)).all()


@pytest.mark.parametrize("name", TREATMENTS)
def test_every_treatment_is_one_that_training_takes(name: str) -> None:
    treatment = get_treatment(name)
    assert treatment.name.partition(":")[0] == name and treatment.what
    settings = with_changes(TrainSettings(), treatment.train)
    steps = (treatment.rows, treatment.after, treatment.generated, treatment.uses_fit)
    assert name == "none" or any(steps) or settings != with_changes(TrainSettings(), get_treatment("none").train)
    if treatment.rows is not None:
        part = TrainPart(np.repeat([0, 1], [5, 2]), 2)
        assert set(np.unique(treatment.rows(part))) <= set(range(7))


def test_a_treatment_is_told_nothing_of_other_parts() -> None:
    """Rows are chosen by the training part's labels; answers are made anew for latents that bring none."""
    assert {field.name for field in dataclasses.fields(TrainPart)} == {"labels", "classes", "seed"}
    assert {field.name for field in dataclasses.fields(Latents)} == {"vectors", "probs"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainPart(np.zeros(1, int), 1).seed = 2  # type: ignore[misc]


def test_targets_are_named_and_wrong_names_answered() -> None:
    assert get_treatment("oversample:1000").name == "oversample:1000" and isinstance(
        get_treatment("undersample"), Treatment
    )
    assert (
        get_treatment("latent-knn").name == "latent-knn:101"
        and "the 7 nearest" in get_treatment("weighted-latent-knn:7").what
    )
    with pytest.raises(UsageError, match="did you mean 'oversample'"):
        get_treatment("oversampel")
    for wrong in ("focal:3", "oversample:0", "oversample:many"):
        with pytest.raises(UsageError):
            get_treatment(wrong)
