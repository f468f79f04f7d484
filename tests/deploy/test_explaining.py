"""Heat maps show what carries an answer: known places, removed places, and every kind of classifier."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression

import mien
from mien.classifiers.contract import Batch, ImageSpec, TableSpec
from mien.classifiers.function import FunctionClassifier
from mien.data import faces
from mien.data.heat import hottest
from mien.deploy.explaining import HeatMaps, blurred, heat_maps, occluded
from mien.deploy.predictor import Predictor
from mien.errors import DataError, UsageError
from mien.types import Bools, Floats, Proposal

SIZE = 32
KNOWN = ("fear", "disgust", "happiness", "sadness", "anger", "neutral")
SETTINGS = faces.FaceSettings(
    n=1600, size=SIZE, profile=dict.fromkeys((*KNOWN, "surprise"), 1.0), weakest=0.9, blending=0, noise=0, occlusion=0,
    pose=0.2,
)  # fmt: skip


@cache
def drawn() -> faces.DrawnFaces:
    return faces.draw(SETTINGS)


@cache
def without_expression() -> faces.DrawnFaces:
    """The same persons in the same light, with no action unit."""
    with pytest.MonkeyPatch.context() as patched:
        actions = faces.expression.actions
        patched.setattr(faces.expression, "actions", lambda *given: 0 * actions(*given))
        return faces.draw(SETTINGS)


@cache
def predictor() -> Predictor:
    """A linear classifier that lacks surprise, with a patch that adds it."""
    data = drawn().dataset
    names = np.array(data.labelset.names)[data.labels]
    images = np.asarray(data.pictures)
    learnt = np.flatnonzero(np.isin(names[:600], KNOWN))
    model = LogisticRegression(C=0.01, max_iter=300).fit(images[learnt].reshape(len(learnt), -1) / 255, names[learnt])

    def linear(rows: np.ndarray) -> tuple[Floats, Floats]:
        flat = rows.reshape(len(rows), -1) / 255
        return model.predict_proba(flat), flat

    classifier = FunctionClassifier(linear, model.classes_.tolist(), ImageSpec(SIZE))
    corrected = mien.CorrectedClassifier(
        classifier, corrector="logistic", classes=["surprise"], budget=0.1, aim="gain", assume_unseen=True
    ).fit(images[600:1300], names[600:1300])
    return Predictor(classifier, corrected.patch_)


@cache
def explained() -> tuple[np.ndarray, HeatMaps, Predictor]:
    """The overridden faces of surprise among those that nothing was learnt from, and their maps."""
    data, judge = drawn().dataset, predictor()
    surprised = np.flatnonzero(
        (drawn().truth == data.labelset.names.index("surprise")) & (np.arange(len(data)) >= 1300)
    )
    rows = surprised[judge.answer(Batch(np.asarray(data.pictures[surprised]))).decision.overridden]
    return rows, heat_maps(judge, Batch(np.asarray(data.pictures[rows]))), judge


def test_the_heat_lies_where_the_expression_was_drawn() -> None:
    """Mouth, brows and eyes: the pixels that differ from the same face without an expression."""
    rows, maps, _ = explained()
    assert len(rows) >= 20 and maps.overridden.all() and (maps.evidence > 0).all()
    changed = np.abs(drawn().dataset.pictures[rows].astype(float) - without_expression().dataset.pictures[rows])
    inside = np.array([hottest(gaussian_filter(each, 1.0), 0.25) for each in changed])
    heat = maps.maps.clip(0)
    share = (heat * inside).sum((1, 2)) / heat.sum((1, 2))
    assert share.mean() > 0.5  # of the heat, in a quarter of the picture
    assert maps.maps[inside].mean() > 5 * maps.maps[~inside].mean()


def removed(images: np.ndarray, masks: Bools) -> np.ndarray:
    """Pictures with some pixels filled from around them, otherwise than the maps do it."""
    filled = []
    for image, mask in zip(images, masks, strict=True):
        near = gaussian_filter((~mask).astype(float), 3, mode="nearest")
        fill = gaussian_filter(image * ~mask * 1.0, 3, mode="nearest") / np.maximum(near, 1e-3)
        filled.append(np.rint(np.where(mask, fill, image)).clip(0, 255).astype(np.uint8))
    return np.stack(filled)


def test_the_hottest_fifth_carries_more_than_a_random_one_and_than_that_of_another_face() -> None:
    rows, maps, judge = explained()
    rng, images = np.random.default_rng(0), np.asarray(drawn().dataset.pictures[rows])
    hot = np.array([hottest(heat) for heat in maps.maps])
    random = np.array([hottest(gaussian_filter(rng.normal(size=(SIZE, SIZE)), 3)) for _ in rows])

    def score(masks: Bools) -> Floats:
        assert judge.patch is not None
        answers = judge.answer(Batch(removed(images, masks)))
        proposal: Proposal = judge.patch.propose(answers.outputs)
        return proposal.score

    assert (score(hot) < score(random)).mean() > 0.75
    assert score(hot).mean() < score(np.roll(hot, 1, axis=0)).mean()


def test_maps_do_not_depend_on_the_batch_and_are_the_same_twice() -> None:
    rows, maps, judge = explained()
    images = np.asarray(drawn().dataset.pictures[rows[:9]])
    assert np.allclose(heat_maps(judge, Batch(images[::-1])).maps[::-1], maps.maps[:9], atol=1e-5)
    answers = judge.answer(Batch(images))
    assert np.array_equal(heat_maps(judge, Batch(images), answers).maps, heat_maps(judge, Batch(images)).maps)


def test_a_picture_that_is_not_overridden_has_the_evidence_of_the_classifier() -> None:
    judge, data = predictor(), drawn().dataset
    answers = judge.answer(Batch(np.asarray(data.pictures[1300:1400])))
    rows = 1300 + np.flatnonzero(~answers.decision.overridden)[:4]
    batch = Batch(np.asarray(data.pictures[rows]))
    maps, outputs = heat_maps(judge, batch), judge.classifier.outputs(batch)
    assert not maps.overridden.any() and np.allclose(maps.evidence, np.log(outputs.probs.max(1)))
    assert np.array_equal(maps.maps, heat_maps(Predictor(judge.classifier), batch).maps)


def square(images: np.ndarray) -> Floats:
    share = images[:, 6:14, 6:14].reshape(len(images), -1).mean(1) / 255
    return np.stack([1 - share, share], 1)


@pytest.mark.parametrize("colour", [False, True])
def test_grey_and_colour_pictures_of_any_size(colour: bool) -> None:
    judge = Predictor(FunctionClassifier(square, ["dark", "bright"], ImageSpec(20, colour)))
    image = np.zeros((1, 20, 20, 3)[: 4 if colour else 3], np.uint8)
    image[:, 6:14, 6:14] = 255
    [heat] = heat_maps(judge, Batch(image)).maps
    assert heat.shape == (20, 20) and heat[8:12, 8:12].min() > 5 * heat[:2].max()
    assert np.unravel_index(heat.argmax(), heat.shape)[0] in range(6, 14)


def test_a_patch_changes_nothing_but_its_place() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 24), dtype=np.uint8)
    mask = np.zeros((1, 24, 24), bool)
    mask[0, 3:8, 9:14] = True
    [covered] = occluded(image, mask)
    assert np.array_equal(covered[~mask[0]], image[~mask[0]])
    assert covered[mask[0]].std() < image[mask[0]].std() / 2 and blurred(image).shape == image.shape


def test_no_pictures_no_maps_and_tables_are_refused() -> None:
    judge = Predictor(FunctionClassifier(square, ["dark", "bright"], ImageSpec(20)))
    assert heat_maps(judge, Batch(np.empty((0, 20, 20), np.uint8))).maps.shape == (0, 20, 20)
    with pytest.raises(DataError, match="reads grey images"):
        heat_maps(judge, Batch(np.zeros((1, 9, 9), np.uint8)))
    table = Predictor(FunctionClassifier(lambda rows: np.full((len(rows), 2), 0.5), ["a", "b"], TableSpec(3)))
    with pytest.raises(UsageError, match="heat maps are of pictures"):
        heat_maps(table, Batch(np.zeros((1, 3))))
