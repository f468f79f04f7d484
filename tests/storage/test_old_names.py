"""Names of earlier versions: read from files, named in errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.cli import run
from mien.data.prepare import DataSettings
from mien.errors import RunError
from mien.nets.settings import TrainSettings
from mien.storage.files import Record
from mien.storage.old_names import SETTINGS


def test_every_new_name_is_that_of_a_setting() -> None:
    known = {*TrainSettings.__dataclass_fields__, *DataSettings.__dataclass_fields__}
    assert set(SETTINGS.values()) <= known and not set(SETTINGS) & known


def test_a_record_of_old_names_and_one_of_both() -> None:
    stored = {"source": "faces:n=60", "fit": "crop", "shape": "raf"}
    found = Record(stored, Path("run.json")).record(DataSettings)
    assert (found.source, found.resize_mode, found.class_counts) == ("synthetic:n=60", "crop", "raf")
    with pytest.raises(RunError, match="is corrupt"):
        Record({**stored, "fitt": "crop"}, Path("run.json")).record(DataSettings)


@pytest.mark.parametrize(
    ("flag", "now"),
    [
        (("--small", "0.5"), "--small is now --low-res-share"),
        (("--weighs=pictures",), "--weighs is now --class-weight-target"),
        (("--deferred", "0.5"), "--deferred is now --reweight-after"),
        (("--drawn", "9"), "--drawn is now --synthetic"),
        (("--no-mirror",), "--no-mirror is now --no-flip-tta"),
        (("--fit", "crop"), "--fit is now --resize-mode"),
        (("--shape", "raf"), "--shape is now --class-counts"),
    ],
)
def test_an_old_flag_is_answered_with_the_new_one(
    flag: tuple[str, ...], now: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["study", "synthetic", *flag]) == 2
    assert now in capsys.readouterr().err


def test_a_verb_without_the_new_flag_does_not_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "photos", "--small", "1"]) == 2
    assert "--low-res-share" not in capsys.readouterr().err


def test_an_old_key_in_a_file_of_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").write_text("small = 0.25\n")
    assert run(["study", "synthetic", "--config", str(tmp_path / "s.toml")]) == 2
    assert "small is now low_res_share" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["faces", "faces:n=60"])
def test_drawn_faces_by_their_old_name(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "inspect", source]) == 1
    assert f"drawn faces are now called {source.replace('faces', 'synthetic')}" in capsys.readouterr().err


def test_a_folder_called_faces_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "draw", "faces", "--n", "20", "--size", "16"]) == 0
    assert run(["data", "inspect", "faces"]) == 0
