"""The files of a patch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.deploy.patch_io import CALIBRATION, PATCH, corrector_file, write_patch
from mien.errors import RunError
from mien.storage.folders import remove

ARRAYS = {"ids": np.array(["a"])}


def test_a_folder_appears_whole_and_goes_as_a_link(tmp_path: Path) -> None:
    folder, link = tmp_path / "new.patch", tmp_path / "link"
    write_patch(folder, {"classes": ["a"]}, ARRAYS, [ARRAYS, ARRAYS])
    files = {PATCH.file, CALIBRATION, corrector_file(0), corrector_file(1)}
    assert {path.name for path in folder.iterdir()} == files
    assert PATCH.read(folder)["classes"] == ["a"] and [path.name for path in tmp_path.iterdir()] == ["new.patch"]
    link.symlink_to(folder)
    remove(link)
    assert not link.exists() and folder.exists()


@pytest.mark.parametrize("stored", ["[]", '{"format": "1"}', '{"format": 0}', '{"format": 99}'])
def test_what_this_version_cannot_read_is_refused(tmp_path: Path, stored: str) -> None:
    with pytest.raises(RunError, match="holds no patch"):
        PATCH.read(tmp_path)
    (tmp_path / PATCH.file).write_text(stored)
    with pytest.raises(RunError) as error:
        PATCH.read(tmp_path)
    assert error.value.remedy
