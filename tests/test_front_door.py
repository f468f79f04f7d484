"""The snippets of the design, as users type them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mien
from mien.data.faces import FaceSettings, draw, write
from mien.errors import UsageError
from mien.nets import saved
from mien.testing import example_bars

CORRECTED = """
corrected = mien.CorrectedClassifier(forest, corrector="nystroem", classes=["nine"], budget=0.02).fit(X, y, groups=persons)
corrected.predict(X); corrected.predict_proba(X); corrected.decide(X)
corrected.certificate_; corrected.patch_.save("nine.patch")
mien.audit(y, probabilities, X); mien.plot.gain_curve(corrected, X, y, ax=ax)
"""  # noqa: E501 -- word for word
NETWORK = """
patch = mien.correct(f, "photos/", ["neutral"], budget=0.02)
patch.save("fear.patch")
mien.open("runs/base", patch="fear.patch").predict(frames_uint8)
"""


def test_an_estimator_is_corrected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    pixels, digits = load_digits(return_X_y=True)
    train = (np.arange(len(digits)) % 3 == 0) & (digits != 9)
    forest = RandomForestClassifier(30, random_state=0).fit(pixels[train], names[digits[train]])
    X, y, persons = pixels[~train], names[digits[~train]], np.arange((~train).sum()) // 2
    probabilities = np.full((len(y), 10), 0.01) + 0.9 * (y[:, None] == np.unique(names))
    ax = plt.figure().add_subplot()
    place = {
        "mien": mien,
        "forest": forest,
        "X": X,
        "y": y,
        "persons": persons,
        "probabilities": probabilities,
        "ax": ax,
    }
    exec(CORRECTED, place)
    assert (tmp_path / "nine.patch" / "patch.json").exists() and ax.lines
    again = mien.open(forest, patch="nine.patch")
    assert np.array_equal(again.predict(X), place["corrected"].predict(X))
    assert not place["corrected"].certificate_.holds  # nobody vouched for the rows


def test_a_network_is_corrected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    faces = draw(FaceSettings(n=240, size=24))
    write(faces, Path("photos"))
    data = mien.prepare(mien.DataSettings("photos", size=24))
    names = data.labelset.names
    known = np.array([name != "neutral" for name in names])
    network = saved.build("oneconv", known, colour=False)
    learnt = saved.TrainedOn.from_dataset(data, np.arange(3), "elsewhere")
    saved.save(
        network, saved.ModelCard("oneconv", names, tuple(known.tolist()), 24, False, "pad"), Path("runs/base"), learnt
    )
    frames_uint8 = np.zeros((3, 48, 48), np.uint8)
    exec(NETWORK, {"mien": mien, "f": mien.open("runs/base"), "frames_uint8": frames_uint8})
    assert mien.open("runs/base").patch_ is None and len(mien.open("runs/base").predict(frames_uint8)) == 3
    with pytest.raises(UsageError, match="'left_uot'"):
        mien.open("runs/base", left_uot="fear")
    with pytest.raises(UsageError, match="'budgte'"):
        mien.correct("runs/base", "photos/", ["neutral"], budgte=0.02)


def test_a_model_file_needs_what_its_inputs_are_declared_by(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'inputs' is not known"):
        mien.open("fer.onnx", inputs=..., classes=["anger", "fear"])


def test_suspicious_labels_are_found() -> None:
    pixels, digits = load_digits(return_X_y=True)
    given = digits.copy()
    given[:5] = (given[:5] + 1) % 10
    found = mien.audit(given, np.eye(10)[digits] * 0.9 + 0.01, pixels)
    assert set(found.worst_first[:5].tolist()) == set(range(5)) and "5 of 1797" in repr(found)
    assert np.array_equal(found.suggested[:5], digits[:5])
    with pytest.raises(UsageError, match="9 columns"):
        mien.audit(given, np.eye(10)[digits][:, :9], pixels)


def digits() -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return pixels[order], labels[order]


def test_rows_correct_what_is_any_step_of_scikit_learn(tmp_path: Path) -> None:
    """A pipeline, a frozen one, and one that is not fitted yet; its scaling stays its own affair."""
    X, y = digits()
    known, rest, test = np.flatnonzero(y[:600] != 9), slice(600, 1400), slice(1400, None)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X[known], y[known])
    persons = np.arange(800) // 2
    how: dict[str, Any] = {"corrector": "nystroem", "budget": 0.05, "assume_unseen": True}
    corrected = mien.correct(pipeline, (X[rest], y[rest], persons), [9], **how)
    assert (corrected.predict(X[test])[y[test] == 9] == 9).mean() > 0.6
    assert corrected.predict_proba(X[test]).shape == (len(y[test]), 10) and corrected.decide(X[test]).overridden.any()
    assert corrected.certificate_ is not None and corrected.certificate_.holds
    assert corrected.patch_ is not None and corrected.patch_.calibration.grouped
    corrected.save(tmp_path / "nine.patch")
    for patch in (tmp_path / "nine.patch", corrected.patch_, corrected):
        assert np.array_equal(mien.open(pipeline, patch=patch).predict(X[test]), corrected.predict(X[test]))
    fitted = mien.CorrectedClassifier(pipeline, classes=[9], **how).fit(X[rest], y[rest], persons)
    assert np.array_equal(fitted.predict(X[test]), corrected.predict(X[test]))
    frozen = mien.correct(FrozenEstimator(pipeline), (X[rest], y[rest], persons), [9], **how)
    assert np.array_equal(frozen.predict(X[test]), corrected.predict(X[test]))
    trained = mien.correct(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)), (X, y), [], budget=0.1)
    assert trained.certificate_ is not None and trained.certificate_.training == "known"


def test_an_onnx_file_is_corrected_on_arrays_and_on_paths(tmp_path: Path) -> None:
    onnx_models = pytest.importorskip("onnx_models")
    images, labels = example_bars(120)
    names = np.array(onnx_models.CLASSES)[labels]
    f = mien.open(str(onnx_models.bars(tmp_path / "m.onnx", classes=2)), classes=["left", "middle"], scaling="0..255")
    how: dict[str, Any] = {"corrector": "logistic", "budget": 0.2, "assume_unseen": True}
    corrected = mien.correct(f, (images, names), ["right"], **how)
    assert (corrected.predict(images) == names).mean() > 0.9
    paths = [tmp_path / f"{row:03}.png" for row in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    assert np.array_equal(mien.correct(f, (paths, names), ["right"], **how).predict(images), corrected.predict(images))
    assert mien.correct(f, (images, names), ["right"], budget=0.3).patch_.names == ("adapter",)  # type: ignore[union-attr]


def test_what_is_no_labelled_data_or_no_setting_is_refused(tmp_path: Path) -> None:
    X, y = digits()
    forest = RandomForestClassifier(5, random_state=0).fit(X[y != 9], y[y != 9])
    for data in (X, (X,), (X, y, y, y), None):
        with pytest.raises(UsageError, match="the data are"):
            mien.correct(forest, data, [9])
    for setting in ({"budgte": 0.1}, {"size": 48}, {"classifier": forest}):
        with pytest.raises((UsageError, TypeError), match=next(iter(setting))):
            mien.correct(forest, (X, y), [9], **setting)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no patch"):
        mien.open(forest).save(tmp_path / "p")
    assert not (tmp_path / "p").exists()
