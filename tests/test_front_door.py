"""The snippets of the design, as users type them."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import mien
from mien.data.faces import FaceSettings, draw, write
from mien.errors import UsageError
from mien.nets import saved

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
