"""mien predict finds faces in pictures, videos and cameras."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Mien
from moving_faces import moving, scene, write_video
from PIL import Image

from mien.incoming.camera import Camera

for package in ("av", "retinaface", "cv2"):
    pytest.importorskip(package)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a face that moves; the first two frames have none."""
    frames = [scene(), scene(), *moving(18)]
    return write_video(tmp_path_factory.mktemp("videos") / "clip.mp4", frames, rate=10)


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_face_of_a_picture_has_a_row(mien: Mien, trained: Path, tmp_path: Path) -> None:
    Image.fromarray(scene((10, 20), (200, 100))).save(tmp_path / "a.png")
    Image.fromarray(scene()).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("no picture")
    said = mien("predict", trained, tmp_path, "--faces", "retina")
    rows = rows_of(said.out)
    place = tmp_path / "a.png"
    assert said.code == 0 and "1 of 4 pictures could not be read" in said.err
    assert [row["file"] for row in rows[:2]] == [f"{place}#face=1", f"{place}#face=2"]
    assert [row["status"] for row in rows] == ["ok", "ok", "no_face", "unreadable"]
    assert rows[0]["face"] == 1 and rows[0]["box"][0] < 60 < 200 < rows[1]["box"][0] and "label" in rows[1]
    assert "label" not in rows[2] and "track" not in rows[0] and "seconds" not in rows[0]


def test_faces_of_a_video_have_times_and_tracks(mien: Mien, trained: Path, clip: Path) -> None:
    rows = rows_of(mien("predict", trained, clip, "--faces", "retina").out)
    assert [row["seconds"] for row in rows] == [number / 10 for number in range(20)]
    assert [row["status"] for row in rows] == ["no_face"] * 2 + ["ok"] * 18
    assert {row["track"] for row in rows[2:]} == {"track1"} and rows[2]["group"] == f"{clip}#track1"
    assert np.diff([row["box"][0] for row in rows[2:]]).mean() == pytest.approx(4, abs=0.5)


def test_frames_as_they_are_and_some_of_them(mien: Mien, trained: Path, clip: Path) -> None:
    said = mien("predict", trained, clip, "--every", "500ms", "--csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["file"] for row in rows] == [f"{clip}#t={time}" for time in ("0.000", "0.500", "1.000", "1.500")]
    assert "track" not in rows[0] and rows[3]["label"]
    assert mien("predict", trained, clip, "--every", "0.5", "--csv").out == said.out


def test_a_video_that_is_cut_keeps_its_rows(mien: Mien, trained: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", moving(40, 2), rate=10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = mien("predict", trained, path, "--faces", "retina", "--every", "0.3s")
    rows = rows_of(said.out)
    assert said.code == 0 and len(rows) > 3 and rows[-1]["file"] == str(path) and "ends after" in rows[-1]["error"]


def test_the_watch_counts_a_track_as_one_unit(
    mien: Mien, trained: Path, patched: Path, clip: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    assert mien("predict", trained, clip, "--faces", "retina", "--patch", patched, "--out", log).code == 0
    rows = rows_of(log.read_text())
    assert {row["group"] for row in rows if row["status"] == "ok"} == {f"{clip}#track1"}
    (tmp_path / "verdicts.csv").write_text("file,verdict\n")
    patch = shutil.copytree(patched, tmp_path / "sadness.patch")
    assert mien("watch", patch, log, tmp_path / "verdicts.csv", "--out", tmp_path / "page.html").code in (0, 1, 3)


def test_an_interrupted_video_is_continued(
    mien: Mien, trained: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.deploy import predictor

    monkeypatch.setattr(predictor, "CHUNK", 4)
    call = ("predict", trained, clip, "--faces", "retina", "--out", tmp_path / "a.jsonl")
    assert mien(*call).code == 0
    whole = (tmp_path / "a.jsonl").read_text()
    (tmp_path / "a.jsonl").unlink()
    answer, count = predictor.Predictor.answer, 0

    def interrupted(self: Any, batch: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return answer(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(predictor.Predictor, "answer", interrupted)
        assert mien(*call).code != 0
    said = mien(*call, "--resume")
    assert said.code == 0 and "answered already" in said.err and (tmp_path / "a.jsonl").read_text() == whole


def test_a_camera_is_answered_until_it_stops(mien: Mien, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Capture:
        number = 0

        def isOpened(self) -> bool:  # noqa: N802
            return True

        def read(self) -> tuple[bool, Any]:
            self.number += 1
            return self.number <= 3, scene((90, 60))[..., ::-1]

        def release(self) -> None: ...

    monkeypatch.setattr(Camera, "open", lambda place: Camera(place, Capture()))
    rows = rows_of(mien("predict", trained, "camera:0", "--faces", "retina").out)
    assert rows[-1]["status"] == "unreadable" and "no more frames" in rows[-1]["error"]
    assert all(row["file"].startswith("camera:0#t=") and row["track"] == "track1" for row in rows[:-1])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--faces", "retinna"), "did you mean 'retina'"),
        (("--face-size", "30"), "--faces retina"),
        (("--faces", "retina", "--crop", "nowhere"), "--crop nowhere"),
        (("--faces", "gone.onnx"), "gone.onnx"),
        (("--faces", "retina", "--face-confidence", "2"), "--face-confidence"),
        (("--every", "soon"), "0.5s"),
    ],
)
def test_wrong_flags(mien: Mien, trained: Path, clip: Path, flags: tuple[str, ...], words: str) -> None:
    said = mien("predict", trained, clip, *flags)
    said.refused(said.code, words)
    assert said.code in (1, 2)


def test_flags_without_effect_are_refused(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    mien("predict", trained, faces / "fear", "--every", "1s").refused(2, "--every")
    (tmp_path / "table.csv").write_text("id,a,b\n1,0.5,0.5\n")
    mien("predict", tmp_path / "table.csv", "--patch", "p", "--faces", "retina").refused(2, "--faces")
