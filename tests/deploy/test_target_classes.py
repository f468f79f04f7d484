"""Which classes a patch corrects, where they are not named one by one, and what one corrector of several does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

import mien
from mien.certify.policy import Policy
from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec
from mien.data.prepare import DataSettings, prepare
from mien.data.provenance import TrainedOn
from mien.deploy.calibration_data import load_calibration_data
from mien.deploy.correction import correct
from mien.deploy.fitting import shared_out
from mien.deploy.opening import load_patch
from mien.deploy.settings import CorrectSettings
from mien.deploy.target_classes import chosen_classes, weak_classes
from mien.errors import RunError, UsageError
from mien.types import FeatureRequest, Outputs

DATA = DataSettings("synthetic:n=420,size=16", size=16)
PICTURES = prepare(DATA)
NAMES = PICTURES.labelset.names
ROWS = np.arange(len(PICTURES))
UNWELL = (1, 4)


class Weak:
    """Answers with the label, but for half of the pictures of two classes; it shows a noisy view of the label."""

    def __init__(self, trained_on: TrainedOn | None = None) -> None:
        self.card = ClassifierCard("weak", NAMES, inputs=ImageSpec(16), trained_on=trained_on)
        self.labels = {
            pixels.tobytes(): label for pixels, label in zip(PICTURES.pictures, PICTURES.labels, strict=True)
        }

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        truth = np.array([self.labels[pixels.tobytes()] for pixels in batch.data])
        odd = np.array([int(pixels.sum()) % 2 for pixels in batch.data], bool)
        answers = np.where(odd & np.isin(truth, UNWELL), 0, truth)
        probs = np.full((len(batch), len(NAMES)), 0.02)
        probs[np.arange(len(batch)), answers] = 1 - 0.02 * (len(NAMES) - 1)
        noise = np.random.default_rng(len(batch)).normal(0, 0.2, probs.shape)
        return Outputs(batch.ids, probs, None, {"view": (np.eye(len(NAMES))[truth] + noise).astype(np.float32)})


def test_weak_classes_are_those_below_the_median_beyond_chance() -> None:
    labels = np.repeat([0, 1, 2, 3], [100, 100, 4, 100])
    answers = labels.copy()
    answers[:10], answers[100:150], answers[200:202] = 1, 0, 0
    weak, recall, median = weak_classes(labels, answers, np.ones(4, bool))
    assert weak.tolist() == [False, True, False, False]  # two of four is chance
    assert recall.tolist() == [0.9, 0.5, 0.5, 1.0] and median == pytest.approx(0.7)


def test_a_class_that_the_classifier_lacks_is_weak() -> None:
    labels = np.repeat([0, 1, 2], 30)
    answers = np.where(labels == 2, 0, labels)
    known = np.array([True, True, False])
    assert weak_classes(labels, answers, known)[0].tolist() == [False, False, True]


def test_weak_classes_are_named_with_their_recalls() -> None:
    targets, [remark] = chosen_classes(["weak"], Weak(), PICTURES, ROWS)
    assert targets == UNWELL
    assert all(NAMES[c] in remark for c in UNWELL) and "the median of all is 1.00" in remark


def test_all_classes_with_pictures_are_corrected() -> None:
    rows = np.flatnonzero(PICTURES.labels != 2)
    assert chosen_classes(["all"], Weak(), PICTURES, rows)[0] == tuple(c for c in range(len(NAMES)) if c != 2)


def test_a_class_of_that_name_is_meant_itself() -> None:
    odd = PICTURES.replace(labelset=type(PICTURES.labelset)(("all", *NAMES[1:])))
    assert chosen_classes(["all"], Weak(), odd, ROWS)[0] == (0,)


def test_without_a_weak_class_there_is_nothing_to_choose() -> None:
    well = np.flatnonzero(~np.isin(PICTURES.labels, UNWELL))
    with pytest.raises(UsageError, match="no class has a recall that is clearly below"):
        chosen_classes(["weak"], Weak(), PICTURES, well)


@pytest.mark.parametrize("names", [["weak", "fear"], ["everything"], ["Weak "]])
def test_a_word_stands_alone(names: list[str]) -> None:
    with pytest.raises(UsageError):
        chosen_classes(names, Weak(), PICTURES, ROWS)


def test_one_corrector_takes_several_classes_where_its_kind_can() -> None:
    assert shared_out((4, 1), "nystroem") == ((1, 4),)
    assert shared_out((4, 1), "fisher") == (4, 1)
    assert shared_out((4,), "nystroem") == (4,)


def test_weak_classes_are_won_back_by_one_corrector(tmp_path: Path) -> None:
    settings = CorrectSettings(corrector="lda", classes=("weak",), trained_on=("unknown",))
    done = correct(Weak(), DATA, settings, Policy(0.1))
    patch, after = done.patch, done.scores.recall_after.values
    assert patch.targets == tuple(NAMES[c] for c in UNWELL) and len(patch.correctors) == 1
    assert patch.certified.guarantees[0].holds
    assert all(after[c] > done.scores.recall_before.values[c] + 0.2 for c in UNWELL)
    assert any("weak classes" in line for line in done.advice)
    curves = done.curves(np.array([0.05]))
    assert set(curves) == set(patch.targets) and all(curve[0] > 0.5 for curve in curves.values())
    patch.save(tmp_path / "weak.patch")
    stored = json.loads((tmp_path / "weak.patch" / "patch.json").read_text())
    assert stored["targets"] == [list(patch.targets)]
    again = load_patch(tmp_path / "weak.patch", Weak())
    assert again.id == patch.id and again.corrector_targets == patch.corrector_targets
    assert np.array_equal(again.decide(done.tested).final, patch.decide(done.tested).final)


def test_the_aim_weighs_classes_and_a_saved_patch_keeps_the_weights(tmp_path: Path) -> None:
    settings = CorrectSettings(corrector="lda", classes=("all",), trained_on=("unknown",))
    plain, weighed = (correct(Weak(), DATA, settings, Policy(0.2, aim=aim)) for aim in ("accuracy", "macro_recall"))
    counts = np.bincount(weighed.material.pictures.labels[weighed.material.to_fit])
    assert plain.patch.calibration.weights is None
    weights = weighed.patch.calibration.weights
    assert weights is not None and weights * counts == pytest.approx((weights * counts).mean())
    weighed.patch.save(tmp_path / "all.patch")
    again = load_patch(tmp_path / "all.patch", Weak())
    assert np.array_equal(again.decide(weighed.tested).final, weighed.patch.decide(weighed.tested).final)
    assert np.array_equal(again.certified.thresholds, weighed.patch.certified.thresholds)


def test_a_patch_that_weighs_classes_is_not_merged() -> None:
    settings = CorrectSettings(corrector="lda", trained_on=("unknown",))
    one = correct(Weak(), DATA, replace(settings, classes=(NAMES[0],)), Policy(0.2)).patch
    two = correct(Weak(), DATA, replace(settings, classes=(NAMES[1], NAMES[4])), Policy(0.2)).patch
    with pytest.raises(UsageError, match="weigh classes"):
        one.merged_with(two)


@pytest.mark.parametrize("targets", [[[]], [["no such class"]], [[3]], [{}], [None]])
def test_damaged_targets_are_refused(tmp_path: Path, targets: object) -> None:
    settings = CorrectSettings(corrector="lda", classes=("weak",), trained_on=("unknown",))
    correct(Weak(), DATA, settings, Policy(0.1)).patch.save(tmp_path / "weak.patch")
    place = tmp_path / "weak.patch" / "patch.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "targets": targets}))
    with pytest.raises(RunError):
        load_patch(tmp_path / "weak.patch", Weak())


def test_an_estimator_is_corrected_in_all_classes_by_default() -> None:
    X, y = load_digits(return_X_y=True)
    part = X[:, 16:40]
    f = GaussianNB().fit(part[:200], y[:200])
    corrected = mien.CorrectedClassifier(f, "nystroem", budget=0.05, assume_unseen=True).fit(part[200:], y[200:])
    assert len(corrected.patch_.correctors) == 1 and len(corrected.patch_.targets) == 10
    weak = mien.CorrectedClassifier(f, "lda", classes=["weak"], budget=0.05, assume_unseen=True).fit(
        part[200:], y[200:]
    )
    assert 0 < len(weak.patch_.targets) < 10


def test_pictures_that_it_was_trained_on_are_learnt_from_only_if_asked_for() -> None:
    trained_on = TrainedOn.from_dataset(PICTURES, np.arange(150), "elsewhere")
    plain = CorrectSettings(corrector="lda", classes=("all",))
    left = load_calibration_data(Weak(trained_on), DATA, plain)
    taken = load_calibration_data(Weak(trained_on), DATA, CorrectSettings(**{**vars(plain), "fit_trained_on": True}))
    assert taken.provenance == left.provenance and left.provenance.pictures >= 150
    assert len(taken.to_fit) >= len(left.to_fit) + 150
    for part in ("fit", "calibrate", "test"):
        assert set(taken.pictures.ids[taken.parts.rows(part)]) == set(left.pictures.ids[left.parts.rows(part)])
    shared = taken.with_fit_share(0.8)
    hashes = set(np.asarray(PICTURES.hashes)[:150])
    for part in ("calibrate", "test"):
        assert not hashes & set(np.asarray(shared.pictures.hashes)[shared.parts.rows(part)])
    done = correct(Weak(trained_on), DATA, CorrectSettings(**{**vars(plain), "fit_trained_on": True}), Policy(0.2))
    assert done.patch.certified.guarantees[0].holds
    assert done.material.counts["fit"] == len(taken.to_fit)


def test_without_pictures_that_were_trained_on_there_is_nothing_more_to_learn_from() -> None:
    settings = CorrectSettings(corrector="lda", classes=("all",), trained_on=("unknown",), fit_trained_on=True)
    with pytest.raises(UsageError, match="none of the pictures is known to be trained on"):
        load_calibration_data(Weak(), DATA, settings)


def test_learning_from_trained_pictures_is_not_for_folds() -> None:
    with pytest.raises(UsageError, match="not cross-fitted"):
        CorrectSettings(classes=("all",), fit_trained_on=True, cross_fit=3)


def test_a_layer_is_for_adapters() -> None:
    settings = CorrectSettings(corrector="lda", classes=("all",), trained_on=("unknown",), layer="view")
    with pytest.raises(UsageError, match="does not learn on a layer"):
        correct(Weak(), DATA, settings, Policy(0.1))


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_classes_are_chosen_on_rows_that_do_not_certify(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []
    whole = Weak.outputs

    def counted(self: Weak, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        asked.append(batch.ids)
        return whole(self, batch, request)

    monkeypatch.setattr(Weak, "outputs", counted)
    settings = CorrectSettings(corrector="lda", classes=("weak",), trained_on=("unknown",), fit_share=share)
    found = load_calibration_data(Weak(), DATA, settings, share)
    assert len(asked) == 1 and set(asked[0]) == set(found.pictures.ids[found.parts.rows("fit")])
    assert len(found.parts.rows("fit")) / len(found.parts.rows("correct")) == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize("word", ["weak", "all", ["weak"]])
def test_labels_that_are_numbers_stay_numbers(word: Any) -> None:
    X, y = load_digits(return_X_y=True)
    f = GaussianNB().fit(X[:200, 16:40], y[:200])
    corrected = mien.CorrectedClassifier(f, "lda", classes=word, assume_unseen=True).fit(X[200:, 16:40], y[200:])
    assert corrected.classes_.dtype.kind == "i" and corrected.score(X[200:, 16:40], y[200:]) > 0.5


def test_by_default_the_classes_that_there_are_rows_of_are_corrected() -> None:
    X, y = load_digits(return_X_y=True)
    f = GaussianNB().fit(X[:200, 16:40], y[:200])
    rows = np.flatnonzero(y != 9)[200:]
    corrected = mien.CorrectedClassifier(f, "lda", assume_unseen=True).fit(X[rows][:, 16:40], y[rows])
    assert "9" not in corrected.patch_.targets and len(corrected.patch_.targets) == 9
    nines = X[y == 9][:, 16:40]
    assert np.array_equal(corrected.predict(nines)[f.predict(nines) == 9], np.full((f.predict(nines) == 9).sum(), 9))


def test_weights_that_are_not_those_of_the_patch_are_refused(tmp_path: Path) -> None:
    settings = CorrectSettings(corrector="lda", classes=("all",), trained_on=("unknown",))
    correct(Weak(), DATA, settings, Policy(0.2)).patch.save(tmp_path / "p")
    arrays = dict(np.load(tmp_path / "p" / "calibration.npz"))
    for changed in ({**arrays, "weights": arrays["weights"] * 2}, {k: v for k, v in arrays.items() if k != "weights"}):
        np.savez(tmp_path / "p" / "calibration.npz", **changed)
        with pytest.raises(RunError, match="weights"):
            load_patch(tmp_path / "p", Weak())
