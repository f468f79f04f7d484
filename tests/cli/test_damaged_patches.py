"""Patches, audits and discoveries damaged by hand: the file is named, and nothing in it is run."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Mien

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(patched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(patched, tmp_path / "p"))


SUMMARY: list[Change] = [
    lambda found: found.update(format=True), lambda found: found.update(format=0), lambda found: found.pop("known"),
    lambda found: found.update(classes=7), lambda found: found.update(classes=[]),
    lambda found: found.update(classes=found["classes"][::-1]), lambda found: found.update(classes=list(range(7))),
    lambda found: found.update(known=[True]), lambda found: found.update(known=["x"] * len(found["known"])),
    lambda found: found.update(policy=3), lambda found: found["policy"].update(budget="all"),
    lambda found: found.update(correctors="lda"), lambda found: found.update(correctors=["os:system"]),
    lambda found: found.update(provenance="known"), lambda found: found["provenance"].update(kind="sure"),
    lambda found: found["provenance"].update(pictures=-1), lambda found: found["provenance"].update(sources="abc"),
    lambda found: found["provenance"].update(sources=[7]), lambda found: found.update(targets=[]),
    lambda found: found.update(targets=["anger"]),
]  # fmt: skip


@pytest.mark.parametrize("change", SUMMARY)
def test_predict_names_a_damaged_summary(
    mien: Mien,
    trained: Path,
    faces: Path,
    folder: Path,
    change: Change,
) -> None:
    found = json.loads((folder / "patch.json").read_text())
    change(found)
    (folder / "patch.json").write_text(json.dumps(found))
    said = mien("predict", faces / "fear", "--run", trained, "--patch", folder)
    assert said.code in (1, 2) and "fault in mien" not in said.err and "→" in said.err


ARRAYS: list[Change] = [
    lambda found: found.update(truth=found["truth"][:-1]), lambda found: found.update(truth=found["truth"] + 50),
    lambda found: found.update(base=np.zeros(())), lambda found: found.update(score=found["score"][0]),
    lambda found: found.update(score=found["score"] * np.nan), lambda found: found.update(ids=found["ids"][[0] * 3]),
    lambda found: found.update(suggested=found["suggested"].astype(float)), lambda found: found.pop("group"),
    lambda found: found.update({name: values[..., :0] for name, values in found.items()}),
]  # fmt: skip


@pytest.mark.parametrize("change", ARRAYS)
def test_predict_names_damaged_scores(
    mien: Mien,
    trained: Path,
    faces: Path,
    folder: Path,
    change: Change,
) -> None:
    found = dict(np.load(folder / "calibration.npz"))
    change(found)
    np.savez(folder / "calibration.npz", **found)
    mien("predict", faces / "fear", "--run", trained, "--patch", folder).refused(1, "calibration.npz")


@pytest.mark.parametrize("change", [{"target": np.array(99)}, {"means": np.array([[np.nan]])}, {"basis": np.zeros(3)}])
def test_apply_refuses_a_damaged_corrector(
    mien: Mien,
    trained: Path,
    faces: Path,
    folder: Path,
    tmp_path: Path,
    change: dict[str, Any],
) -> None:
    found = dict(np.load(folder / "corrector-0.npz")) | change
    np.savez(folder / "corrector-0.npz", **found)
    base = Path(shutil.copytree(trained, tmp_path / "base"))
    mien("patch", "apply", folder, base).refused(1, "corrector-0.npz")
    assert mien("predict", faces / "fear", "--run", base).code == 0


def test_show_prints_nothing_that_a_terminal_would_obey(mien: Mien, folder: Path) -> None:
    found = json.loads((folder / "patch.json").read_text())
    found["about"]["command"] = "\x1b[2J\x1b]0;owned\x07"
    (folder / "patch.json").write_text(json.dumps(found))
    said = mien("patch", "show", folder)
    assert said.code == 0 and "\x1b]" not in said.out and "\x07" not in said.out
    found["certificate"] = [3]
    (folder / "patch.json").write_text(json.dumps(found))
    mien("patch", "show", folder).refused(1, "patch.json")


def test_an_applied_patch_that_lost_its_summary_is_said_and_can_be_taken_away(
    mien: Mien,
    trained: Path,
    faces: Path,
    folder: Path,
    tmp_path: Path,
) -> None:
    base = Path(shutil.copytree(trained, tmp_path / "base"))
    assert mien("patch", "apply", folder, base).code == 0
    (base / "cells" / "seed0" / "full" / "patch" / "patch.json").unlink()
    mien("predict", faces / "fear", "--run", base).refused(1, "holds no patch")
    assert mien("patch", "remove", base).code == 0
    assert mien("predict", faces / "fear", "--run", base).code == 0


def test_a_patch_made_with_older_numpy_can_be_used(
    mien: Mien,
    trained: Path,
    faces: Path,
    folder: Path,
    tmp_path: Path,
) -> None:
    """Before NumPy 2.1, every file of arrays got one more."""
    for path in folder.glob("*.npz"):
        with zipfile.ZipFile(path, "a") as archive, archive.open("allow_pickle.npy", "w") as member:
            np.lib.format.write_array(member, np.array(False))
    base = Path(shutil.copytree(trained, tmp_path / "base"))
    assert mien("patch", "apply", folder, base).code == 0
    assert mien("predict", faces / "fear", "--run", base).code == 0
