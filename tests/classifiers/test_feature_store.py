"""Outputs of one classifier for some rows, and correctors fitted on them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer
from mien.classifiers.feature_store import FeatureStore, build_correctors
from mien.classifiers.sklearn import EstimatorClassifier
from mien.correctors.linear import Logistic
from mien.errors import UsageError
from mien.nets.settings import AugmentSettings
from mien.testing import example_bars
from mien.types import Dataset, FeatureRequest, LabelSet, Outputs

X, Y = load_iris(return_X_y=True)
IDS, NONE = np.arange(150).astype(str), np.full(150, "")
DATA = Dataset(IDS, Y, LabelSet(("0", "1", "2")), NONE, NONE, hashes=IDS, table=X)
ROWS = np.arange(0, 150, 2)


class Counted(EstimatorClassifier):
    calls = 0

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        self.calls += 1
        return super().outputs(batch, request)


def two() -> Counted:
    return Counted(LogisticRegression(max_iter=500).fit(X[Y < 2], Y[Y < 2]))


def test_it_asks_once_and_knows_the_classes_of_the_data() -> None:
    classifier = two()
    store = FeatureStore.of(classifier, DATA, AugmentSettings(), ROWS, [Logistic(2)])
    corrector = store.fit(*store.build(["logistic"], 2).values(), ROWS)
    calibration = store.calibration(corrector, ROWS)
    assert classifier.calls == 1 and store.outputs.known.tolist() == [True, True, False]
    assert calibration.score[0, Y[ROWS] == 2].mean() > calibration.score[0, Y[ROWS] < 2].mean()
    assert np.array_equal(store.seen(ROWS[3:5]).probs, store.outputs.probs[3:5])


def test_cross_fitting_answers_every_row() -> None:
    store = FeatureStore.of(two(), DATA, AugmentSettings(), ROWS, [Logistic(2)])
    found = store.cross_fitted(lambda: store.build(["logistic"], 2), ROWS, 3)
    assert found.ids.tolist() == IDS[ROWS].tolist() and (found.score != 0).all()


def test_an_adapter_needs_maps() -> None:
    with pytest.raises(UsageError, match="nystroem"):
        build_correctors(["adapter"], two(), 1)


class Mapped:
    """A classifier of images with a map and, in a subclass, changed views."""

    card = ClassifierCard("m", tuple("abc"), inputs=ImageSpec(32), layers=(Layer("small", (1, 8, 8), "map"),))

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        images = batch.checked(self.card, request).data / 255
        maps = {"small": self.small(images)[:, None]} if request.maps else {}
        return Outputs(batch.ids, np.full((len(batch), 3), 1 / 3), None, {}, maps)  # type: ignore[arg-type]

    def small(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(-1, 1, 8, 4, 8, 4).mean((3, 5)).astype(np.float16)


class Viewed(Mapped):
    def views(self, batch: Batch, layer: str, count: int, augment: AugmentSettings) -> np.ndarray:
        return np.repeat(self.small(batch.data / 255)[:, None], count, 1)


def test_an_adapter_stands_on_the_maps_of_any_classifier() -> None:
    pixels, labels = example_bars(60)
    ids, none = np.arange(60).astype(str), np.full(60, "")
    data = Dataset(ids, labels, LabelSet(tuple("abc")), none, none, pixels, hashes=ids)
    for classifier in (Viewed(), Mapped()):
        [adapter] = build_correctors(["adapter"], classifier, 2).values()
        adapter.epochs = 1  # type: ignore[attr-defined]
        store = FeatureStore.of(classifier, data, AugmentSettings(), np.arange(60), [adapter])
        if isinstance(classifier, Viewed):
            assert len(store.propose(store.fit(adapter, np.arange(40)), np.arange(40, 60)).score) == 20
        else:
            with pytest.raises(UsageError, match="`views`"):
                store.fit(adapter, np.arange(40))
