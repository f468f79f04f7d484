"""What users have, in the form that a classifier reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.classifiers.contract import ClassifierCard, ImageSpec, TableSpec
from mien.classifiers.inputs import as_batch, paths_in, read_rows
from mien.errors import AlignmentError, DataError
from mien.testing import example_bars

PIXELS, _ = example_bars(3)
IMAGES = ClassifierCard("a", ("calm", "fear"), inputs=ImageSpec(16))
TABLE = ClassifierCard("a", ("calm", "fear"), inputs=TableSpec(2))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for row, one in enumerate(PIXELS):
        Image.fromarray(one).save(tmp_path / f"{row}.png")
    return sorted(tmp_path.iterdir())


def test_files_folders_and_arrays_are_the_same_images(files: list[Path]) -> None:
    from_files, from_array = as_batch(IMAGES, files), as_batch(IMAGES, PIXELS)
    assert np.array_equal(from_files.data, from_array.data) and from_files.data.shape == (3, 16, 16)
    assert np.array_equal(as_batch(IMAGES, files[0].parent).data, from_array.data)
    assert from_files.ids.tolist() == list(map(str, files)) and from_array.ids.tolist() == ["0", "1", "2"]
    assert np.array_equal(as_batch(IMAGES, np.array(list(map(str, files)))).data, from_array.data)


def test_a_file_that_cannot_be_read_is_an_error_or_a_problem(files: list[Path]) -> None:
    wanted = [*files, files[0].parent / "gone.png"]
    found = read_rows(IMAGES, wanted)
    assert found.rows.tolist() == [0, 1, 2] and [problem.place for problem in found.problems] == [str(wanted[3])]
    with pytest.raises(DataError, match="does not exist"):
        as_batch(IMAGES, wanted)


def test_images_of_the_right_form_are_not_copied() -> None:
    images = np.zeros((2, 16, 16), np.uint8)
    assert as_batch(IMAGES, images).data is images
    assert as_batch(ClassifierCard("a", ("b",), inputs=ImageSpec(16, True)), images).data.shape == (2, 16, 16, 3)


def test_tables_are_numbers() -> None:
    assert as_batch(TABLE, [[1, 2], [3, 4]]).data.dtype == np.float64
    for wrong in ([[1, 2, 3]], [1, 2]):
        with pytest.raises(AlignmentError):
            as_batch(TABLE, wrong)
    with pytest.raises(DataError, match="text"):
        as_batch(TABLE, [["a", "b"]])


def test_only_text_is_paths() -> None:
    assert paths_in(["a.png"]) == [Path("a.png")] and paths_in(PIXELS) is None and paths_in([[1, 2]]) is None
