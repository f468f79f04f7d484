"""Nearly equal pictures: found where bytes differ, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("imagehash", reason="ImageHash is not installed")
from mien.cli import run
from mien.data.faces import FaceSettings, draw
from mien.data.near import LABELS, PARTS_APART, near_copies, problems

FACES = draw(FaceSettings(n=80, size=48, duplicates=0)).dataset


def changed(picture: np.ndarray) -> np.ndarray:
    """Half a shade lighter."""
    return np.clip(picture * 1.05 + 4, 0, 255).astype(np.uint8)


def test_lightened_copies_are_found_and_strangers_are_not() -> None:
    pictures = FACES.pictures[np.arange(80)]
    copies = np.stack([changed(picture) for picture in pictures[:20]])
    found = near_copies(np.concatenate([pictures, copies]))
    pairs = {tuple(pair) for pair in found.tolist()}
    assert (found[:, 0] < found[:, 1]).all() and len(pairs) == len(found)
    assert sum((row, 80 + row) in pairs for row in range(20)) >= 18
    assert len(pairs) <= 22


def test_equal_pictures_are_no_problem_here_and_others_are_named() -> None:
    data = FACES.take(np.array([0, 1, 2, 3])).replace(
        labels=np.array([0, 0, 1, 0]), hashes=np.array(["a", "a", "b", "c"]), raw_labels=np.array(["x"] * 4)
    )
    pairs = np.array([[0, 1], [0, 2], [0, 3]])
    found = list(problems(data, pairs, np.array([0, 1, 0, 1]), ("train", "test")))
    assert [(one.kind, one.place) for one in found] == [
        (LABELS, f"{data.ids[0]} and {data.ids[2]}"),
        (PARTS_APART, f"{data.ids[0]} and {data.ids[3]}"),
    ]


def test_the_inspection_looks_for_them_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "draw", str(tmp_path / "faces"), "--n", "60"]) == 0
    original = next((tmp_path / "faces").glob("happiness/*.png"))
    Image.fromarray(changed(np.asarray(Image.open(original)))).save(tmp_path / "faces" / "fear" / "again.png")
    for flags in ((), ("--near",)):
        assert run(["data", "inspect", str(tmp_path / "faces"), *flags]) == 0
        assert (LABELS in " ".join(capsys.readouterr().out.split())) == bool(flags)
