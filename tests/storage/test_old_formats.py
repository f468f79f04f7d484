"""What the first edition wrote still opens, and goes on where it stopped: a study, a patch, an audit, a comparison."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mien.cli import run
from mien.data.provenance import TrainedOn
from mien.deploy import front_door
from mien.deploy.patch_record import PatchRecord
from mien.nets import saved

MADE = Path(__file__).parents[1] / "data_fixtures" / "before_second_edition"
STUDY = (
    "--base", "oneconv", "--epochs", "1", "--size", "16", "--engine", "serial", "--no-retrained",
    "--budget", "0.9", "--delta", "0.4",
)  # fmt: skip
CORRECTORS = ("--corrector", "logistic", "--corrector", "outside_centroid:Centroid")
COMPARE = ("--epochs", "1", "--size", "16", "--models", "oneconv", "--seeds", "0", "--engine", "serial")
Said = Callable[..., str]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of all that was made, in the current folder."""
    with zipfile.ZipFile(MADE / "made.zip") as archive:
        archive.extractall(tmp_path)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(MADE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Said:
    """Call mien, which must succeed; returns what it wrote."""

    def call(*arguments: object) -> str:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert code == 0, said
        return said.out

    return call


def written(*folders: Path) -> dict[str, int]:
    """Models and other results, with the time at which each was written."""
    kinds = ("model.safetensors", "*.npz", "cell.json")
    return {str(path): path.stat().st_mtime_ns for one in folders for kind in kinds for path in one.rglob(kind)}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def answers(text: str) -> list[tuple[str, ...]]:
    """Labels and probabilities of a CSV of predictions, whatever its columns are called."""
    header, *rows = csv.reader(text.splitlines())
    rows = [row[: header.index("error") + 1] for row in rows]  # what the log of decisions has besides came later
    if "status" in header:  # so did this
        rows = [[cell for name, cell in zip(header, row, strict=False) if name != "status"] for row in rows]
    return [tuple(f"{float(cell):.4f}" if "." in cell and "/" not in cell else cell for cell in row) for row in rows]


def test_a_report_is_made_again_with_the_same_figures(mien: Said, old: Path) -> None:
    for name in ("study", "compare"):
        tables = sorted((old / name / "tables").glob("*.csv"))
        before = {path.name: table(path) for path in tables}
        mien("report", name)
        for path in tables:  # certificates have more columns now
            rows = [{key: row[key] for key in then} for row, then in zip(table(path), before[path.name], strict=True)]
            assert rows == before[path.name], (name, path.name)
        assert (old / name / "report.html").is_file()


def test_a_study_goes_on(mien: Said, old: Path) -> None:
    before = written(old / "study")
    mien("study", "pictures.csv", *STUDY, *CORRECTORS, "--classes", "happiness", "--out", "study")
    assert written(old / "study") == before  # all was there
    more = (*STUDY, *CORRECTORS, "--corrector", "lda", "--classes", "happiness,neutral", "--out", "study")
    mien("study", "pictures.csv", *more)
    after = written(old / "study")
    models = [name for name in before if name.endswith((".safetensors", "trained_on.npz"))]
    scores = [name for name in before if "scores" in name or "correctors" in name]
    assert {name: after[name] for name in models + scores} == {name: before[name] for name in models + scores}
    manifest = json.loads((old / "study" / "run.json").read_text())
    assert manifest["left_out"] == ["happiness", "neutral"]
    assert manifest["correctors"] == ["logistic", "outside_centroid:Centroid", "lda"]
    gains = {(row["left_out"], row["corrector"]) for row in table(old / "study" / "tables" / "gain.csv")}
    assert len(gains) == 6
    page = (old / "study" / "report.html").read_text()
    assert "outside_centroid:Centroid" in page


def test_a_training_of_drawn_faces_goes_on(mien: Said, old: Path) -> None:
    """Their data are stored under the first edition's spelling."""
    before = written(old / "drawn")
    assert json.loads((old / "drawn" / "run.json").read_text())["settings"]["data"]["source"] == "faces:n=60,size=16"
    train = ("--base", "oneconv", "--epochs", "1", "--size", "16", "--out", "drawn")
    mien("train", "synthetic:n=60,size=16", *train)
    assert written(old / "drawn") == before
    mien("train", "synthetic:n=60,size=16", *train, "--seed", "1")
    assert {name: time for name, time in written(old / "drawn").items() if "seed0" in name} == before


def test_a_record_of_drawn_faces_is_recognised(mien: Said, old: Path) -> None:
    patch = ("--class", "happiness", "--corrector", "lda", "--budget", "0.9", "--delta", "0.4", "--no-keep-features")
    mien("correct", "drawn", "synthetic:n=60,size=16", *patch, "--out", "p")
    found = json.loads((old / "p" / "patch.json").read_text())["provenance"]
    assert found["kind"] == "known" and found["pictures"] == 0
    # without the record, the data of the run are drawn again from the spelling that it stores
    (old / "drawn" / "cells" / "seed0" / "full" / "trained_on.npz").unlink()
    mien("correct", "drawn", "synthetic:n=60,size=16", *patch, "--out", "q")
    assert (
        np.load(old / "p" / "calibration.npz")["ids"].tolist() == np.load(old / "q" / "calibration.npz")["ids"].tolist()
    )


@pytest.mark.parametrize(
    ("expected", "flags"),
    [
        ("predicted", ()),
        ("patched", ("--patch", "happiness.patch")),
        ("left_out", ("--left-out", "happiness", "--corrector", "outside_centroid:Centroid")),
    ],
)
def test_predictions_are_the_same(mien: Said, old: Path, expected: str, flags: tuple[str, ...]) -> None:
    said = mien("predict", "photos", "--run", "study", *flags, "--csv")
    assert answers(said) == answers((MADE / f"{expected}.csv").read_text())


def test_a_patch_is_applied(mien: Said, old: Path) -> None:
    assert "happiness" in mien("patch", "show", "happiness.patch")
    mien("patch", "apply", "happiness.patch", "study")
    said = mien("predict", "photos", "--run", "study", "--csv")
    assert answers(said) == answers((MADE / "patched.csv").read_text())
    mien("patch", "remove", "study")


def test_a_patch_without_an_aim_spends_the_whole_budget_as_it_did(old: Path) -> None:
    stored = json.loads((old / "happiness.patch" / "patch.json").read_text())
    assert not {"aim", "guarantee"} & set(stored["policy"])
    patch = front_door.open(old / "study", old / "happiness.patch").patch_
    assert patch is not None and (patch.policy.aim, patch.policy.guarantee) == ("gain", "confident")
    assert patch.certified.thresholds.tolist() == stored["thresholds"]
    assert patch.id == PatchRecord.read(old / "happiness.patch").id  # so that its decisions are watched as its own
    for guarantee, then in zip(patch.certified.guarantees, stored["certificate"], strict=True):
        assert then["threshold"] in (guarantee.threshold, None) and (guarantee.k, guarantee.holds) == (
            then["k"], then["holds"]
        )  # fmt: skip


def test_records_of_trained_on_pictures_belong_to_their_classifiers(old: Path) -> None:
    folders = [path.parent for path in old.rglob("model.json")]
    assert len(folders) == 5
    for folder in folders:
        model, card = saved.load(folder)
        assert TrainedOn.load(folder, partial(saved.is_identity, model=model, card=card)) is not None


def test_a_cluster_is_named(mien: Said, old: Path) -> None:
    about = (old / "found" / "found.json").read_text().replace("/tmp/fx/", f"{old}/")
    (old / "found" / "found.json").write_text(about)
    patch = ("--class", "happiness", "--corrector", "lda", "--budget", "0.9", "--delta", "0.4", "--no-keep-features")
    mien("correct", "study", "pictures.csv", *patch, "--found", "found:0", "--out", "p")


def test_an_audit_opens_and_is_made_again(mien: Said, old: Path) -> None:
    mien("export", "audit", "--data", "pictures.csv", "--out", "corrected")
    before = table(old / "audit" / "audit.csv")
    mien("audit", "pictures.csv", "--base", "oneconv", "--epochs", "2", "--size", "16", "--out", "audit")
    assert {row["id"] for row in table(old / "audit" / "audit.csv")} == {row["id"] for row in before}


def test_a_comparison_goes_on(mien: Said, old: Path) -> None:
    before = written(old / "compare")
    mien("compare", "pictures.csv", *COMPARE, "--treatments", "none,new-head,oversample:30", "--out", "compare")
    assert written(old / "compare") == before
    mien("compare", "pictures.csv", *COMPARE, "--treatments", "none,weights", "--out", "compare")
    assert {name: time for name, time in written(old / "compare").items() if name in before} == before
    rows = table(old / "compare" / "tables" / "treatments.csv")
    assert {row["treatment"] for row in rows} == {"none", "new-head", "oversample:30", "weights"}


def test_other_settings_are_still_other_settings(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = (*STUDY, "--low-res-share", "0.1", "--corrector", "logistic", "--classes", "happiness", "--out", "study")
    assert run(["study", "pictures.csv", *flags]) == 1
    assert "other training" in capsys.readouterr().err
