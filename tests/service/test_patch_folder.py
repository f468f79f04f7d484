"""The patches of a folder, by name and hash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from serving import Bars

from mien.errors import RunError, UsageError
from mien.service.patches import PatchFolder


def test_patches_are_listed_with_what_they_promise(patches: Path) -> None:
    listed = PatchFolder(patches, Bars()).listed()
    assert [(each.name, each.targets, each.problem) for each in listed] == [
        ("first", ("lower",), ""), ("second", ("lower",), ""),
    ]  # fmt: skip
    assert all("certified with 95 % confidence: at most 10 %" in each.certificate for each in listed)
    assert PatchFolder(None, Bars()).listed() == PatchFolder(patches / "nowhere", Bars()).listed() == []


def test_a_patch_is_named_by_name_and_hash_a_hash_or_a_name(patches: Path) -> None:
    folder = PatchFolder(patches, Bars())
    first = folder.listed()[0]
    for reference in ("first", first.id, first.id[:8], f"first@{first.id[:8]}", first.reference):
        assert folder.find(reference) == first
    assert folder.find("none") is None
    for wrong in (
        "third",
        "first@00000000",
        f"second@{first.id}",
        "first@",
        first.id[:7],
        "",
        "../first",
        "first.patch",
    ):
        with pytest.raises(UsageError, match="is not known"):
            folder.find(wrong)


def test_a_name_that_means_two_patches_is_refused(patches: Path, tmp_path: Path) -> None:
    shutil.copytree(patches / "second.patch", tmp_path / "first.patch")
    folder = PatchFolder(patches, Bars(), [tmp_path / "first.patch"])
    with pytest.raises(UsageError, match="names 2 patches"):
        folder.find("first")
    assert len({each.reference for each in folder.listed()}) == 3


def test_a_loaded_patch_answers_and_stays_in_memory(patches: Path) -> None:
    folder = PatchFolder(patches, Bars())
    assert folder.load("none").patch is None
    first = folder.load("first")
    assert first.patch is not None and folder.load("first") is first


def test_a_damaged_patch_and_one_for_another_classifier_are_listed_and_refused(patches: Path, tmp_path: Path) -> None:
    shutil.copytree(patches / "first.patch", tmp_path / "other.patch")
    shutil.copytree(patches / "second.patch", tmp_path / "damaged.patch")
    (tmp_path / "other.patch" / "patch.json").write_text(
        (tmp_path / "other.patch" / "patch.json").read_text().replace('"bars 1"', '"bars 2"')
    )
    (tmp_path / "damaged.patch" / "corrector-0.npz").write_bytes(b"nothing")
    (tmp_path / "no.patch").mkdir()
    folder = PatchFolder(tmp_path, Bars())
    assert [(each.name, each.problem) for each in folder.listed()] == [
        ("damaged", ""), ("other", "was made for another classifier"),
    ]  # fmt: skip
    with pytest.raises(RunError, match="another classifier"):
        folder.load("other")
    with pytest.raises(RunError, match="corrector-0"):
        folder.load("damaged")


def test_a_patch_that_appears_or_changes_is_noticed(patches: Path, tmp_path: Path) -> None:
    folder = PatchFolder(tmp_path, Bars())
    assert folder.listed() == []
    shutil.copytree(patches / "first.patch", tmp_path / "new.patch")
    before = folder.load("new")
    shutil.rmtree(tmp_path / "new.patch")
    shutil.copytree(patches / "second.patch", tmp_path / "new.patch")
    after = folder.load("new")
    assert before.patch is not None and after.patch is not None and before.patch.id != after.patch.id


def test_what_may_not_be_looked_into_holds_no_patch(
    patches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_file = Path.is_file

    def refused(path: Path) -> bool:
        if path.parent.name == "lost+found":  # as on a disk of its own, where only root may read it
            raise PermissionError(path)
        return is_file(path)

    shutil.copytree(patches / "first.patch", tmp_path / "first.patch")
    (tmp_path / "lost+found").mkdir()
    monkeypatch.setattr(Path, "is_file", refused)
    assert [each.name for each in PatchFolder(tmp_path, Bars()).listed()] == ["first"]
    assert PatchFolder(tmp_path / "nothing", Bars()).listed() == []
