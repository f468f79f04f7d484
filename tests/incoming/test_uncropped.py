"""The note on whole photographs, once, and never for crops of faces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from packed import png
from PIL import Image

from mien.incoming.item import Item
from mien.incoming.uncropped import LOOKED_AT, looks_uncropped, noting_uncropped


def notes(sizes: list[tuple[int, int]], side: int = 48) -> list[tuple[int, int]]:
    noted: list[tuple[int, int]] = []
    items = [Item(str(row), "", png(0, *size)) for row, size in enumerate(sizes)]
    passed = list(noting_uncropped(items, side, lambda *size: noted.append(size)))
    assert [item.id for item in passed] == [item.id for item in items]
    return noted


def test_photographs_are_noted_once() -> None:
    assert notes([(640, 480)] * (2 * LOOKED_AT)) == [(640, 480)]
    assert notes([(48, 48), (640, 480), (480, 640)]) == [(640, 480)]


def test_crops_and_a_few_photographs_are_not() -> None:
    assert notes([(48, 48)] * 50) == notes([(224, 224), (54, 72)] * 10) == notes([]) == []
    assert notes([(48, 48), (640, 480)]) == []
    assert notes([(48, 48)] * LOOKED_AT + [(640, 480)] * 500) == []


def test_pixels_and_what_cannot_be_read() -> None:
    noted: list[tuple[int, int]] = []
    items = [
        Item("0", "", np.zeros((480, 640, 3), np.uint8)), Item("1", "", None), Item("2", "", b"no picture"),
        Item("3", "", Path("gone.png")),
    ]  # fmt: skip
    assert len(list(noting_uncropped(items, 48, lambda *size: noted.append(size)))) == 4 and noted == [(640, 480)]


def test_a_picture_is_passed_on_before_the_next_is_asked_for() -> None:
    def items() -> Iterator[Item]:
        yield Item("0", "", png())
        raise AssertionError("the second was asked for")

    assert next(noting_uncropped(items(), 48, print)).id == "0"


@pytest.mark.parametrize("side", [48, 64])
def test_real_crops_of_faces_are_none(real_data: Path, side: int) -> None:
    """Of emotion_detection, 551 of 13,718 crops are oblong; FER+ is 48 × 48 throughout."""
    shapes = 0
    for path in sorted((real_data / "emotion_detection" / "images").iterdir())[::7]:
        with Image.open(path) as image:
            shapes += max(image.size) > 1.25 * min(image.size)
            assert not looks_uncropped(*image.size, side), path
    assert shapes > 50
