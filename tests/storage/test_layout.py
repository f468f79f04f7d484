"""Where things lie in a run, and how names become file names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.storage.layout import FULL, CellFolder, answers_of, cell_folders, file_name, left_out_of, name_of, without

FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in range(32)}


@given(st.text(min_size=1))
def test_a_file_name_is_safe_and_can_be_turned_back(name: str) -> None:
    file = file_name(name)
    assert name_of(file) == name
    assert not FORBIDDEN & set(file) and not file.startswith(".") and not file.endswith((".", " "))


@pytest.mark.parametrize("name", ["con", "NUL", "com1", "aux.txt", "..", "."])
def test_names_of_devices_and_folders_are_no_file_names(name: str) -> None:
    assert file_name(name) != name and name_of(file_name(name)) == name


@pytest.mark.parametrize("name", ["fear", "module-of:mine", "a/b", "ärger", "10 %", "Dr. No.", "../../x"])
def test_a_cell_lies_in_the_run(name: str, tmp_path: Path) -> None:
    cell = CellFolder.of(tmp_path, 3, without(name))
    assert cell.path.parent == tmp_path / "cells" / "seed3"
    assert cell.path.resolve().is_relative_to(tmp_path.resolve())
    cell.path.mkdir(parents=True)
    cell.finished.write_text("{}")
    assert [(seed, names) for seed, names, _ in cell_folders(tmp_path, "cell.json")] == [(3, (without(name),))]
    assert left_out_of(without(name)) == name and left_out_of(FULL) is None


def test_what_earlier_versions_spelt_otherwise_is_found(tmp_path: Path) -> None:
    old = tmp_path / "cells" / "seed0" / "mine-Net" / "oversample-30"
    (old / "scores").mkdir(parents=True)
    for name in ("answers-oversample-30.npz", "scores/mine:G.npz"):
        (old / name).touch()
    cell = CellFolder.of(tmp_path, 0, "mine:Net", "oversample:30")
    assert cell.path == old
    assert cell.scores("mine:G").name == "mine:G.npz" and cell.corrector("mine:G").name == "mine%3aG.npz"
    assert answers_of(tmp_path, 0, "mine:Net", "oversample:30") == [old / "answers-oversample-30.npz"]
    assert answers_of(tmp_path, 1, "mine:Net", "oversample:30") == []


def test_a_folder_of_today_is_preferred(tmp_path: Path) -> None:
    for name in ("oversample-30", "oversample%3a30"):
        (tmp_path / "cells" / "seed0" / "net" / name).mkdir(parents=True)
    assert CellFolder.of(tmp_path, 0, "net", "oversample:30").path.name == "oversample%3a30"
