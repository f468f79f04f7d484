"""The corrected classifier as scikit-learn's users know estimators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import mien
from mien.classifiers.contract import ImageSpec
from mien.classifiers.function import FunctionClassifier
from mien.errors import DataError, UsageError
from mien.testing import example_bars

X, Y = load_digits(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(len(Y))
TRAIN, REST, TEST = ORDER[:500], ORDER[500:1400], ORDER[1400:]
SEEN = TRAIN[Y[TRAIN] != 9]
FOREST = RandomForestClassifier(50, random_state=0).fit(X[SEEN], Y[SEEN])
NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


def corrected(**changes: Any) -> mien.CorrectedClassifier:
    settings = {"corrector": "nystroem", "classes": [9], "budget": 0.05, "assume_unseen": True, **changes}
    return mien.CorrectedClassifier(FOREST, **settings)


@pytest.fixture(scope="module")
def fitted() -> mien.CorrectedClassifier:
    return corrected().fit(X[REST], Y[REST])


def test_it_wins_a_class_back_within_the_budget(fitted: mien.CorrectedClassifier) -> None:
    before, after = FOREST.predict(X[TEST]), fitted.predict(X[TEST])
    assert (after[Y[TEST] == 9] == 9).mean() > 0.6
    right = before == Y[TEST]
    assert (after[right] != Y[TEST][right]).mean() <= 0.08
    assert fitted.certificate_ is not None and fitted.certificate_.holds
    assert fitted.classes_.tolist() == list(range(10)) and fitted.score(X[TEST], Y[TEST]) > FOREST.score(
        X[TEST], Y[TEST]
    )


def test_decision_says_why(fitted: mien.CorrectedClassifier) -> None:
    found = fitted.decide(X[TEST])
    assert found.score is not None and found.threshold is not None
    assert np.array_equal(found.overridden, (found.score > found.threshold) & (found.base != 9))
    assert np.array_equal(fitted.classes_[found.base], FOREST.classes_[FOREST.predict_proba(X[TEST]).argmax(1)])


def test_probabilities_agree_with_answers(fitted: mien.CorrectedClassifier) -> None:
    probs, found = fitted.predict_proba(X[TEST]), fitted.decide(X[TEST])
    assert np.allclose(probs.sum(1), 1) and (probs >= 0).all()
    assert np.array_equal(probs.argmax(1), found.final)
    assert np.array_equal(probs[~found.overridden, :9], FOREST.predict_proba(X[TEST])[~found.overridden])


def test_without_a_word_on_the_training_rows_nothing_is_certified() -> None:
    unknown = corrected(assume_unseen=False).fit(X[REST], Y[REST]).certificate_
    assert unknown is not None and not unknown.holds and unknown.training == "unknown"
    assert "trained on" in str(unknown)


def test_training_rows_that_are_given_are_left_out() -> None:
    found = corrected(assume_unseen=False, trained_on=X[SEEN]).fit(X[ORDER[:1400]], Y[ORDER[:1400]])
    assert found.patch_ is not None and found.patch_.provenance.pictures >= len(SEEN)
    assert found.certificate_ is not None and found.certificate_.holds and found.certificate_.training == "stated"
    with pytest.raises(DataError, match="all of the rows"):
        corrected(trained_on=X).fit(X, Y)


def test_persons_stay_on_one_side() -> None:
    persons = np.arange(len(REST)) // 6
    found = corrected().fit(X[REST], Y[REST], groups=persons)
    assert found.patch_ is not None
    held = found.patch_.calibration
    assert held.grouped and len(np.unique(persons[held.row_keys.astype(int)])) * 6 == len(held)


def test_few_rows_are_silent_and_say_so() -> None:
    few = corrected(budget=0.01).fit(X[REST[:150]], Y[REST[:150]])
    assert few.certificate_ is not None and not few.certificate_.holds and "silent" in str(few.certificate_)
    assert np.array_equal(few.decide(X[TEST]).final, few.decide(X[TEST]).base)
    with pytest.raises(DataError, match="of class 9"):
        corrected().fit(X[SEEN], Y[SEEN])


def test_labels_may_be_names_lists_and_pandas() -> None:
    named = RandomForestClassifier(20, random_state=0).fit(X[SEEN], NAMES[Y[SEEN]])
    settings: dict[str, Any] = {"classes": ["nine"], "budget": 0.1, "assume_unseen": True}
    one = mien.CorrectedClassifier(named, **settings).fit(X[REST], NAMES[Y[REST]])
    same = mien.CorrectedClassifier(named, **settings).fit(X[REST].tolist(), NAMES[Y[REST]].tolist())
    assert one.classes_[-1] == "nine" and np.array_equal(one.predict(X[TEST]), same.predict(X[TEST]))
    pandas = pytest.importorskip("pandas")
    table = mien.CorrectedClassifier(named, **settings).fit(pandas.DataFrame(X[REST]), pandas.Series(NAMES[Y[REST]]))
    assert np.array_equal(one.predict(X[TEST]), table.predict(X[TEST]))
    with pytest.raises(UsageError, match=r"classes=\['nine'\]"):
        mien.CorrectedClassifier(named, classes=["eight"]).fit(X[REST], NAMES[Y[REST]])


def test_abstaining_and_flagging() -> None:
    silent = corrected(action="abstain").fit(X[REST], Y[REST])
    assert (silent.predict(X[TEST]) == -1).sum() == silent.decide(X[TEST]).overridden.sum() > 0
    flagged = corrected(action="flag").fit(X[REST], Y[REST])
    assert np.array_equal(flagged.predict(X[TEST]), FOREST.classes_[FOREST.predict_proba(X[TEST]).argmax(1)])


def test_clones_keep_the_classifier_and_forget_the_fit(fitted: mien.CorrectedClassifier) -> None:
    again = clone(fitted)
    assert again.classifier is FOREST and again.get_params(deep=False).keys() == fitted.get_params(deep=False).keys()
    with pytest.raises(NotFittedError):
        again.predict(X)
    assert again.set_params(budget=0.1).budget == 0.1 and "nystroem" in repr(again)
    assert np.array_equal(clone(fitted).fit(X[REST], Y[REST]).predict(X[TEST]), fitted.predict(X[TEST]))


def test_the_guarantee_and_the_aim_are_parameters() -> None:
    chosen: dict[str, Any] = {"guarantee": "expected", "aim": "accuracy", "class_budget": ["3=0.1"]}
    estimator = corrected(**chosen)
    again = clone(estimator)
    assert {name: again.get_params()[name] for name in chosen} == chosen
    assert again.set_params(**estimator.get_params()).get_params() == estimator.get_params()
    found = again.fit(X[REST], Y[REST])
    assert found.certificate_ is not None and found.patch_ is not None
    assert found.certificate_.kind == "expected" and found.certificate_.holds
    assert np.isnan(found.certificate_.confidence) and "in the mean over calibrations" in str(found.certificate_)
    policy, certified = found.patch_.policy, found.patch_.certified
    assert (policy.guarantee, policy.aim, policy.class_budget) == ("expected", "accuracy", ("3=0.1",))
    assert {given.kind for given in certified.others} == {"confident"}
    three = next(given for given in certified.guarantees if given.group == "3")
    assert three.budget == 0.1 and three.holds
    assert corrected().fit(X[REST], Y[REST]).certificate_.kind == "confident"  # type: ignore[union-attr]


def test_a_budget_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(UsageError, match="--class-budget") as caught:
        corrected(class_budget=["ten=0.1"]).fit(X[REST], Y[REST])
    assert caught.value.remedy


def test_it_is_searched_over_and_ends_a_pipeline() -> None:
    search = GridSearchCV(corrected(corrector="lda"), {"budget": [0.05, 0.2]}, cv=2).fit(X[REST], Y[REST])
    assert search.best_score_ > FOREST.score(X[REST], Y[REST])
    scaled = make_pipeline(
        StandardScaler(), mien.CorrectedClassifier(LogisticRegression(max_iter=500), "lda", budget=0.2)
    )
    assert scaled.fit(X[REST], Y[REST]).score(X[TEST], Y[TEST]) > 0.8


def test_an_estimator_that_is_not_fitted_is_trained_on_a_part() -> None:
    estimator = LogisticRegression(max_iter=2000)
    found = mien.CorrectedClassifier(estimator, "lda", budget=0.2, random_state=3).fit(X[REST], Y[REST])
    assert not hasattr(estimator, "classes_") and found.certificate_ is not None
    assert found.certificate_.training == "known" and found.certificate_.holds


def test_images_are_read_from_memory_and_from_files(tmp_path: Path) -> None:
    pixels, labels = example_bars(400)
    for row in range(20):
        Image.fromarray(pixels[row]).save(tmp_path / f"{row:03}.png")

    def top(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bars = images[:, 4:24].reshape(-1, 2, 10, 32).mean((2, 3)) / 40
        share = np.exp(bars) / np.exp(bars).sum(1, keepdims=True)
        return share, images.mean(2)

    f = FunctionClassifier(top, ["a", "b"], ImageSpec(32), "1")
    found = mien.CorrectedClassifier(f, classes=["c"], budget=0.1, assume_unseen=True)
    found.fit(pixels, np.array(["a", "b", "c"])[labels])
    assert (found.predict(pixels) == np.array(["a", "b", "c"])[labels]).mean() > 0.9
    files = sorted(tmp_path.iterdir())
    assert np.array_equal(found.predict(files), found.predict(pixels[:20]))
    assert np.array_equal(found.predict(str(tmp_path)), found.predict(pixels[:20]))
    streamed = list(found.stream([files[:12], [*files[12:], tmp_path / "gone.png"]]))
    assert [len(part.outputs) for part in streamed] == [12, 8] and len(streamed[1].problems) == 1
    assert streamed[1].ids[-1] == str(tmp_path / "gone.png")
    with pytest.raises(DataError, match="does not exist"):
        found.predict([tmp_path / "gone.png"])
    frames = np.repeat(pixels, 3, axis=0)  # more than are answered together
    assert np.array_equal(found.predict(frames), np.repeat(found.predict(pixels), 3))


@parametrize_with_checks([mien.CorrectedClassifier(LogisticRegression(max_iter=500), "lda")])
def test_it_keeps_the_rules_of_scikit_learn(estimator: mien.CorrectedClassifier, check: Any) -> None:
    check(estimator)
