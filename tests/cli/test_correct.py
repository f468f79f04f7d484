"""mien correct, patch, discover: a class won back for a classifier that stays as it is."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK_PATCH as QUICK
from conftest import Mien
from PIL import Image

from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.nets.extraction import extract

CELL = Path("cells", "seed0", "full")


@pytest.fixture
def base(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run folder, to be patched."""
    return Path(shutil.copytree(trained, tmp_path / "base"))


def labels(mien: Mien, base: Path, faces: Path, *flags: object) -> list[str]:
    said = mien("predict", *sorted(faces.glob("*/*.png")), "--run", base, *flags)
    assert said.code == 0, said
    return [json.loads(line)["corrected"] for line in said.out.splitlines()]


def test_a_known_class_is_corrected_and_the_classifier_stays_as_it_was(
    mien: Mien, trained: Path, faces: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in (trained / CELL).iterdir() if path.is_file()}
    out = tmp_path / "s.patch"
    said = mien("correct", trained, faces, "--class", "sadness", *QUICK, "--json", "--out", out)
    assert said.code == 0, said
    found = json.loads(said.out)
    assert set(found["classes"]) >= {"sadness", "happiness"}
    assert found["certificate"][0]["group"] == "pooled" and found["approximate"] is False
    assert found["classes"]["sadness"]["recall_after"] > found["classes"]["sadness"]["recall_before"]
    assert {path.name: path.read_bytes() for path in (trained / CELL).iterdir() if path.is_file()} == before
    assert {path.name for path in out.iterdir()} == {"patch.json", "calibration.npz", "corrector-0.npz", "report.html"}


def test_the_page_of_a_patch_says_what_the_command_says(patched: Path) -> None:
    page = (patched / "report.html").read_text()
    summary = json.loads((patched / "patch.json").read_text())
    assert "<script" not in page and "Recall of <b>sadness</b>" in page and "mien correct" in page
    assert str(summary["certificate"][0]["n"]) in page and page.count("<svg") >= 1
    standing = "certified" if summary["certificate"][0]["holds"] else "not certified"
    assert f"<small>{standing}" in page and summary["base"] in page


def test_the_parts_are_those_of_the_classifiers_own_run(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    """Pictures that f was trained on correct nothing and judge nothing."""
    said = mien("correct", trained, faces, "--class", "sadness", *QUICK, "--json", "--out", tmp_path / "p")
    tested = np.load(trained / CELL / "test.npz")
    assert json.loads(said.out)["pictures"]["test"] == len(tested["ids"])
    calibrated = np.load(tmp_path / "p" / "calibration.npz")["ids"]
    assert not set(calibrated) & set(tested["ids"])


def test_predict_uses_a_patch_that_is_named_or_applied(mien: Mien, base: Path, patched: Path, faces: Path) -> None:
    plain = labels(mien, base, faces)
    named = labels(mien, base, faces, "--patch", patched)
    assert mien("patch", "apply", patched, base).code == 0
    assert labels(mien, base, faces) == named
    assert {new for new, old in zip(named, plain, strict=True) if new != old} == {"sadness"}
    assert mien("patch", "remove", base).code == 0
    assert labels(mien, base, faces) == plain
    mien("patch", "remove", base).refused(1, "no patch is applied")


def test_two_patches_become_one_in_any_order(
    mien: Mien, base: Path, patched: Path, faces: Path, tmp_path: Path
) -> None:
    other = tmp_path / "surprise.patch"
    assert mien("correct", base, faces, "--class", "surprise", *QUICK, "--out", other).code == 0
    found = []
    for pair in ((patched, other), (other, patched)):
        for patch in pair:
            assert mien("patch", "apply", patch, base).code == 0
        found.append(labels(mien, base, faces))
        assert mien("patch", "remove", base).code == 0
    assert found[0] == found[1]
    assert mien("patch", "apply", patched, base).code == 0
    mien("patch", "apply", patched, base).refused(2, "same class")


def test_show_says_what_it_is(mien: Mien, patched: Path) -> None:
    said = mien("patch", "show", patched)
    assert said.code == 0
    assert all(word in said.out for word in ("sadness", "lda", "pooled", "budget 30 %"))
    assert json.loads(mien("patch", "show", patched, "--json").out)["targets"] == ["sadness"]


def test_a_patch_is_for_its_own_classifier_only(mien: Mien, finished: Path, patched: Path, faces: Path) -> None:
    picture = next((faces / "fear").iterdir())
    mien("predict", picture, "--run", finished, "--patch", patched).refused(1, "another classifier")
    mien("patch", "apply", patched, finished).refused(1, "another classifier")


def test_a_class_that_the_classifier_has_no_name_for(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    """Its pictures come in another data set, as a folder more."""
    data = tmp_path / "data"
    shutil.copytree(faces, data)
    (data / "bored").mkdir()
    for place, path in enumerate(sorted((data / "neutral").iterdir())):
        path.rename(data / "bored" / f"{place}.png")
    (data / "votes.csv").unlink(missing_ok=True)
    out = tmp_path / "bored.patch"
    said = mien("correct", trained, data, "--class", "bored", *QUICK, "--out", out, "--json")
    assert said.code == 0, said
    assert json.loads(said.out)["classes"]["bored"]["recall_before"] == 0
    plain, patched = labels(mien, trained, data), labels(mien, trained, data, "--patch", out)
    assert {new for old, new in zip(plain, patched, strict=True) if new != old} == {"bored"}


def test_cross_fitting_is_said_to_be_approximate(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    flags = (*QUICK, "--cross-fit", "3", "--out", tmp_path / "p")
    said = mien("correct", trained, faces, "--class", "sadness", *flags)
    assert said.code == 0 and "about (scores are cross-fitted)" in said.out
    assert len(np.load(tmp_path / "p" / "calibration.npz")["ids"]) > 30


def test_a_cluster_of_strange_pictures_becomes_a_corrector(
    mien: Mien, trained: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures = tmp_path / "pictures"
    assert mien("data", "draw", pictures, "--n", "60", "--size", "32", "--seed", "5").code == 0
    (pictures / "photo.psd").write_bytes(b"8BPS\0\1")
    said = mien("discover", trained, pictures, "--clusters", "3", "--share", "0.5")
    assert said.code == 0 and "30 of 60 pictures in 3 clusters" in said.out
    assert "1 file of format Photoshop cannot be read here" in said.err
    found = json.loads(Path("found/found.json").read_text())
    scores = [row["score"] for row in found["pictures"]]
    assert scores == sorted(scores, reverse=True)
    page = Path("found/index.html").read_text()
    assert page.count("<h3>Cluster") == 3 and "<script" not in page
    assert mien("correct", trained, faces, "--class", "disgust", "--found", "found:0", *QUICK).code == 0
    mien("correct", trained, faces, "--class", "disgust", "--found", "found:9", *QUICK).refused(2, "no cluster 9")
    mien("correct", trained, faces, "--class", "disgust", "--found", "found", *QUICK).refused(2, "FOLDER:NUMBER")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--class", "sadnes"], 2, ["--class", "did you mean 'sadness'"]),
        (["--class", "sadness", "--corrector", "ldda"], 2, ["did you mean 'lda'"]),
        (["--class", "sadness", "--cross-fit", "1"], 2, ["--cross-fit"]),
        (["--class", "sadness", "--left-out", "fear"], 2, ["--left-out"]),
        (["--class", "sadness", "--budget", "2"], 2, ["--budget"]),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(
    mien: Mien, trained: Path, faces: Path, tmp_path: Path, flags: list[str], code: int, words: list[str]
) -> None:
    mien("correct", trained, faces, *flags, "--out", tmp_path / "p").refused(code, *words)


def test_a_folder_that_is_no_patch_is_not_written_over(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "work").write_text("years of it")
    mien("correct", trained, faces, "--class", "fear", "--out", tmp_path / "precious").refused(
        2, "not written by this command"
    )
    mien("patch", "show", tmp_path / "precious").refused(1, "holds no patch")


def never_seen(trained: Path, faces: Path) -> set[str]:
    """Names of the pictures that the classifier of `trained` never saw."""
    data = prepare(DataSettings(str(faces), size=32))
    parts = split(data, 0)
    rows = np.concatenate([parts.rows("correct"), parts.rows("test")])
    return {Path(name).stem for name in data.ids[rows].tolist()}


def test_pictures_that_the_classifier_was_trained_on_do_not_correct_it(
    mien: Mien, trained: Path, faces: Path, tmp_path: Path
) -> None:
    """The same faces in another folder, with some new ones: only what f never saw is used."""
    data = tmp_path / "data"
    assert mien("data", "draw", data, "--n", "150", "--size", "32", "--seed", "7").code == 0
    (data / "votes.csv").unlink()
    for path in faces.glob("*/*.png"):
        shutil.copy(path, data / path.parent.name / f"old-{path.name}")
    said = mien("correct", trained, data, "--class", "sadness", *QUICK, "--json", "--out", tmp_path / "p")
    assert said.code == 0, said
    found = json.loads(said.out)
    assert found["pictures"]["trained on, left out"] >= 70
    calibrated = np.load(tmp_path / "p" / "calibration.npz")["ids"]
    trained_on = {path.stem for path in faces.glob("*/*.png")} - never_seen(trained, faces)
    assert not {Path(name).stem.removeprefix("old-") for name in calibrated.tolist() if "old-" in name} & trained_on


def test_it_says_when_correction_cannot_help(mien: Mien, trained: Path, tmp_path: Path) -> None:
    """Pictures of noise, labelled at random."""
    data, rng = tmp_path / "noise", np.random.default_rng(0)
    for number in range(240):
        folder = data / ("sadness" if number % 3 == 0 else "happiness")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (32, 32)).astype(np.uint8)).save(folder / f"{number}.png")
    said = mien("correct", trained, data, "--class", "sadness", *QUICK, "--out", tmp_path / "p")
    assert said.code == 0 and "correction cannot help" in said.out
    assert "only 36 training pictures" in said.out


def test_a_flag_counts_as_if_it_had_overridden(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    found = {}
    for action in ("relabel", "flag", "abstain"):
        flags = ("--action", action, "--json", "--out", tmp_path / action)
        found[action] = json.loads(mien("correct", trained, faces, "--class", "sadness", *QUICK, *flags).out)
    gains = {action: one["classes"]["sadness"]["gain"] for action, one in found.items()}
    assert gains["relabel"] == gains["flag"] == gains["abstain"]
    assert found["flag"]["classes"]["sadness"]["recall_after"] == found["flag"]["classes"]["sadness"]["recall_before"]


def test_more_folds_than_there_are_pictures_are_refused(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    flags = ("--cross-fit", "50", "--out", tmp_path / "p")
    mien("correct", trained, faces, "--class", "sadness", *QUICK, *flags).refused(1, "--cross-fit")


def test_what_the_classifier_thinks_is_read_once(
    mien: Mien, base: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second corrector on the same pictures takes up what was kept, unless it is damaged."""
    features = base / "cells" / "seed0" / "full" / "features"
    shutil.rmtree(features, ignore_errors=True)
    asked = []

    def counted(*arguments: object, **more: object) -> object:
        asked.append(arguments)
        return extract(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("mien.classifiers.network.extract", counted)

    def patch(name: str, *flags: str) -> dict[str, bytes]:
        out = tmp_path / name
        assert mien("correct", base, faces, "--class", "sadness", *QUICK, *flags, "--out", out).code == 0
        return {path.name: path.read_bytes() for path in out.glob("*.npz")}

    first = patch("first")
    assert len(asked) == 1 and patch("second") == first and len(asked) == 1
    [kept] = features.iterdir()
    damaged = kept / "vectors0.npy"
    damaged.write_bytes(damaged.read_bytes()[:200])
    assert patch("third") == first and len(asked) == 2
    assert patch("fourth", "--no-keep-features") == first and len(asked) == 3
    shutil.rmtree(features)
    features.write_text("in the way")
    assert patch("fifth") == first and len(asked) == 4


@pytest.mark.parametrize("corrector", ["lda", "adapter"])
@pytest.mark.parametrize("aim", ["accuracy", "macro_recall"])
def test_one_patch_corrects_all_classes(mien: Mien, base: Path, faces: Path, corrector: str, aim: str) -> None:
    out = base.parent / "all.patch"
    flags = ("--class", "all", "--corrector", corrector, "--budget", 0.3, "--aim", aim)
    said = mien("correct", base, faces, *flags, "--json", "--out", out)
    assert said.code == 0, said
    found = json.loads(said.out)
    stored = json.loads((out / "patch.json").read_text())
    assert stored["correctors"] == [corrector] and sorted(stored["targets"][0]) == sorted(found["classes"])
    moved = found["classes"].values()
    assert sum(row["taken"] for row in moved) == sum(row["given"] for row in moved)
    assert found["accuracy_after"] >= found["accuracy_before"] - 0.05
    page = (out / "report.html").read_text()
    assert "What each class took and gave" in page and "Accuracy went from" in page
    named = labels(mien, base, faces, "--patch", out)
    assert mien("patch", "apply", out, base).code == 0
    assert labels(mien, base, faces) == named
    shown = mien("patch", "show", out)
    assert shown.code == 0 and all(name in shown.out for name in found["classes"])


def test_no_class_is_weak_is_an_error_in_words(mien: Mien, base: Path, faces: Path, tmp_path: Path) -> None:
    said = mien("correct", base, faces, "--class", "weak", "--class", "fear", *QUICK, "--out", tmp_path / "p")
    assert said.code == 2 and "weak" in said.err and not (tmp_path / "p").exists()


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_a_patch_on_a_named_layer_is_read_back(mien: Mien, base: Path, faces: Path, tmp_path: Path, layer: str) -> None:
    out = tmp_path / "p"
    flags = ("--class", "sadness", "--corrector", "adapter", "--layer", layer, "--budget", 0.3, "--aim", "gain")
    said = mien("correct", base, faces, *flags, "--out", out)
    assert said.code == 0, said
    assert len(labels(mien, base, faces, "--patch", out)) > 0


def test_a_layer_that_there_is_not_is_an_error_in_words(mien: Mien, base: Path, faces: Path, tmp_path: Path) -> None:
    said = mien("correct", base, faces, "--class", "sadness", "--layer", "nowhere", *QUICK[2:], "--out", tmp_path / "p")
    assert said.code == 2 and "nowhere" in said.err and not (tmp_path / "p").exists()


def test_drawn_faces_for_a_corrector_that_does_not_learn_from_them(mien: Mien, trained: Path, faces: Path) -> None:
    command = ("correct", trained, faces, "--class", "sadness", "--corrector", "lda")
    mien(*command, "--drawn-faces", "50").refused(2, "--drawn-faces", "--corrector prototypes")
