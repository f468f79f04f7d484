"""Classifiers tuned on votes: what they see, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from mien.data.faces import FaceSettings, draw
from mien.experiments.labels.tuning import Votes, out_of_fold_probs, tuned
from mien.labels.reviewed import vote_folds
from mien.nets import saved
from mien.nets.examples import Examples
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.types import Dataset, Floats

TRAIN = TrainSettings(epochs=3, threads=1)


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return draw(FaceSettings(n=160, size=24)).dataset


@pytest.fixture(scope="module")
def trained(faces: Dataset) -> Network:
    model = saved.build("oneconv", faces.counts() > 0, colour=False)
    fit(model, Examples.of(faces, np.arange(len(faces))), None, TRAIN)
    return model


def shares_of(faces: Dataset) -> Floats:
    return np.eye(len(faces.labelset))[faces.labels] * 0.9 + 0.1 / len(faces.labelset)


def votes_of(faces: Dataset) -> Votes:
    return Votes(faces, shares_of(faces), [])


def test_the_classifier_itself_is_left_as_it_is(faces: Dataset, trained: Network) -> None:
    before = probabilities(trained, faces.pictures)
    one = tuned(trained, votes_of(faces), np.arange(len(faces)), TRAIN)
    assert np.array_equal(probabilities(trained, faces.pictures), before)
    assert not np.allclose(probabilities(one, faces.pictures), before)


def test_no_picture_is_answered_by_one_that_saw_its_votes(faces: Dataset, trained: Network) -> None:
    folds = vote_folds(faces.labels, np.arange(len(faces)).astype(str))
    judged = folds[0][1]
    shares, other = shares_of(faces), shares_of(faces)
    other[judged] = np.roll(shares[judged], 1, axis=1)
    one, changed = (out_of_fold_probs(trained, Votes(faces, given, folds), TRAIN) for given in (shares, other))
    assert np.allclose(one.sum(1), 1, atol=1e-3)
    assert np.array_equal(one[judged], changed[judged])
    assert not np.allclose(one, changed)


def test_votes_for_classes_that_it_does_not_know_are_left_out(faces: Dataset) -> None:
    known = np.arange(len(faces.labelset)) > 0
    rows = np.flatnonzero(faces.labels > 0)
    model = saved.build("oneconv", known, colour=False)
    fit(model, Examples.of(faces, rows), None, TRAIN)
    one = tuned(model, votes_of(faces), np.arange(len(faces)), TRAIN)
    found = probabilities(one, faces.pictures)
    assert np.isfinite(found).all() and (found[:, 0] == 0).all()
