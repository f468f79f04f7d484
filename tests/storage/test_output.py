"""Where commands write: never into the data, never among somebody else's files, never two at once."""

import threading
from pathlib import Path

import pytest

from mien.errors import MienError, RunError, StorageError, UsageError
from mien.storage.output import prepare_output, prepare_output_dir


def test_a_new_folder_in_which_nothing_was_written_is_gone_afterwards(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), prepare_output_dir(tmp_path / "a" / "b", "audit", "audit.json"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with prepare_output_dir(tmp_path / "a" / "b", "audit", "audit.json"):
        (tmp_path / "a" / "b" / "x").write_text("")
    with prepare_output_dir(tmp_path / "a" / "b", "audit", "audit.json"):  # stopped before its marker: still its own
        pass
    with (
        pytest.raises(UsageError, match="not written by this command"),
        prepare_output_dir(tmp_path / "a" / "b", "study", "run.json"),
    ):
        pass
    assert (tmp_path / "a" / "b" / "x").exists()


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for hold in (
        prepare_output_dir(tmp_path, "study", "run.json"),
        prepare_output(tmp_path, "patch.json"),
        prepare_output(tmp_path / "mine.txt", "patch.json"),
    ):
        with pytest.raises(UsageError), hold:
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_a_file_manager_leaves_is_no_content(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_text("")
    with prepare_output_dir(tmp_path, "study", "run.json"):
        pass


@pytest.mark.parametrize("inside", [".", "run", "deep/er/run"])
def test_nothing_is_written_into_the_data(tmp_path: Path, inside: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    for out in (tmp_path / "data" / inside, tmp_path / "link" / inside):
        for hold in (
            prepare_output_dir(out, "study", "run.json", sources=[str(tmp_path / "data")]),
            prepare_output(out, sources=[tmp_path / "other", tmp_path / "link"]),
        ):
            with pytest.raises(UsageError, match="inside the data"), hold:
                pass
    assert not list((tmp_path / "data").iterdir())


def test_sources_that_are_no_folders_forbid_nothing(tmp_path: Path) -> None:
    for source in ("synthetic:n=20,size=16", str(tmp_path / "table.csv"), "a\0b", "~nobody-here/x"):
        with prepare_output_dir(tmp_path / "out", "study", "run.json", sources=[source]):
            pass


def test_the_second_is_refused(tmp_path: Path) -> None:
    found: list[MienError] = []

    def second() -> None:
        for hold in (
            prepare_output_dir(tmp_path / "run", "study", "run.json"),
            prepare_output(tmp_path / "a.patch", "patch.json"),
        ):
            try:
                with hold:
                    pass
            except MienError as error:
                found.append(error)

    with prepare_output_dir(tmp_path / "run", "study", "run.json"), prepare_output(tmp_path / "a.patch", "patch.json"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert [type(error) for error in found] == [RunError] * 2
    assert all("another mien is working" in error.cause and "wait" in error.remedy for error in found)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    long = tmp_path / ("x" * 250)
    for hold in (
        prepare_output_dir(tmp_path / "file", "study", "run.json"),
        prepare_output_dir(tmp_path / "file" / "run", "study", "run.json"),
        prepare_output(tmp_path / "file" / "a.patch", "patch.json"),
        prepare_output(long, "patch.json"),
    ):
        with pytest.raises(StorageError), hold:
            raise AssertionError("it began")
