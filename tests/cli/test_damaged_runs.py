"""Run folders damaged by hand: the file is named, and nothing in it is run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Mien

CELL = Path("cells", "seed0", "without-happiness")
Damage = Callable[[Path], object]


def cut(name: Path | str) -> Damage:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:-60])


def text(name: Path | str, content: str) -> Damage:
    return lambda run: (run / name).write_text(content)


def edit(name: Path | str, change: Callable[[dict[str, Any]], object]) -> Damage:
    def damage(run: Path) -> None:
        values = json.loads((run / name).read_text())
        change(values)
        (run / name).write_text(json.dumps(values))

    return damage


def drop(name: Path, array: str) -> Damage:
    def damage(run: Path) -> None:
        arrays = dict(np.load(run / name))
        del arrays[array]
        np.savez(run / name, **arrays)

    return damage


MANIFEST = [
    cut("run.json"), text("run.json", "[1]"), text("run.json", ""),
    edit("run.json", lambda run: run.update(format="x")), edit("run.json", lambda run: run.pop("seeds")),
    edit("run.json", lambda run: run.pop("policy")),
    edit("run.json", lambda run: run["policy"].update(generous=True)),
    edit("run.json", lambda run: run["policy"].update(budget="all")),
    edit("run.json", lambda run: run.pop("correctors")),
]  # fmt: skip
ARRAYS = [
    cut(CELL / "scores" / "logistic.npz"), text(CELL / "scores" / "logistic.npz", "PK"),
    drop(CELL / "scores" / "logistic.npz", "calibrate_truth"),
]  # fmt: skip
MODEL = [
    cut(CELL / "model.safetensors"), text(CELL / "model.safetensors", "no weights"),
    lambda run: (run / CELL / "model.safetensors").unlink(),
    edit(CELL / "model.json", lambda card: card.update(known=[True])),
    edit(CELL / "model.json", lambda card: card.update(size=0)),
    edit(CELL / "model.json", lambda card: card.update(more=1)), text(CELL / "model.json", "{"),
    cut(CELL / "correctors" / "logistic.npz"), drop(CELL / "correctors" / "logistic.npz", "weights"),
]  # fmt: skip
REPORT = [
    cut(CELL / "test.npz"), drop(CELL / "test.npz", "probs"), text(CELL / "cell.json", "{"),
    text(CELL / "history.csv", "a,b\n1,2,3\n"),
    lambda run: (np.save(run / "one.npy", np.arange(3)), (run / "one.npy").replace(run / CELL / "test.npz")),
]  # fmt: skip


@pytest.mark.parametrize("damage", [*MANIFEST, *ARRAYS, *MODEL])
def test_predict_names_the_damage(mien: Mien, faces: Path, study: Path, damage: Damage) -> None:
    damage(study)
    mien("predict", faces / "fear", "--run", study, "--left-out", "happiness").refused(1, str(study))


@pytest.mark.parametrize("damage", [*MANIFEST, *ARRAYS, *REPORT])
def test_report_names_the_damage(mien: Mien, study: Path, damage: Damage) -> None:
    damage(study)
    mien("report", study).refused(1, str(study))


def test_a_newer_format_is_refused(mien: Mien, study: Path) -> None:
    edit("run.json", lambda run: run.update(format=99))(study)
    mien("report", study).refused(1, "newer mien")


def test_a_model_card_cannot_choose_what_is_imported(
    mien: Mien, faces: Path, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Model: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("os:system", "evil:Model"):
        edit(CELL / "model.json", lambda card, name=name: card.update(base=name))(study)
        said = mien("predict", faces / "fear", "--run", study, "--left-out", "happiness")
        said.refused(2, "model.json", name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name",
    ["run.json", "samples.png", CELL / "cell.json", CELL / "test.npz", CELL / "seconds.json",
     CELL / "scores" / "logistic.npz", CELL / "correctors" / "logistic.npz"],
)  # fmt: skip
def test_what_was_deleted_is_made_again(mien: Mien, study: Path, again: tuple[str, ...], name: Path | str) -> None:
    (study / name).unlink()
    weights = (study / CELL / "model.safetensors").stat().st_mtime_ns
    said = mien(*again, "--out", study)
    assert said.code == 0, said.err
    assert (study / name).exists() or name == CELL / "seconds.json"
    assert (study / CELL / "model.safetensors").stat().st_mtime_ns == weights


def test_report_wants_a_study(mien: Mien, faces: Path, tmp_path: Path) -> None:
    mien("report", faces).refused(1, "no run.json")
    mien("report", faces / "votes.csv").refused(1, "no such folder")
    mien("report", tmp_path / "nowhere").refused(1, "no such folder")
