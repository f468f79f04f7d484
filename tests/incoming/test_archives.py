"""Pictures in archives: the same as in a folder, whatever the archive, and never an error."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packed import TARS, as_folder, as_tar, as_zip, png

from mien.data.files import images_in
from mien.incoming import archives, tars
from mien.incoming.item import OK, UNREADABLE, Item
from mien.incoming.member import FLOOR
from mien.types import Problem

PICTURES = {f"{number:02d}.png": png(number) for number in range(20)}


def read(path: Path) -> tuple[list[Item], list[Problem]]:
    problems: list[Problem] = []
    return list(archives.items_in(path, problems.append)), problems


def contents(path: Path) -> dict[str, object]:
    items, _ = read(path)
    assert all(item.status == OK for item in items), items
    return {item.id.removeprefix(f"{path}/"): item.image for item in items}


@pytest.mark.parametrize("name", ["a.zip", *TARS])
def test_all_pictures_in_order(tmp_path: Path, name: str) -> None:
    write = as_tar if name in TARS else as_zip
    path = write(tmp_path / name, PICTURES, *([TARS[name]] if name in TARS else []))  # type: ignore[operator]
    assert archives.is_archive(path)
    assert contents(path) == PICTURES and list(contents(path)) == list(PICTURES)
    assert archives.count_in(path) == (20 if name == "a.zip" else None)
    unnamed = path.rename(tmp_path / "no extension")
    assert archives.is_archive(unnamed) and contents(unnamed) == PICTURES


names = st.sampled_from(
    ["a.png", "b.jpg", "no extension", "labels.csv", "c.psd", ".hidden.png", "inner/a.png", "inner/deep/b.PNG",
     "__MACOSX/._a.png", "@eaDir/a.png", "inner/.git/a.png", "#odd/a.png", "__own/a.png"]
)  # fmt: skip


@settings(max_examples=40)
@given(st.sets(names, min_size=1))
def test_an_archive_has_the_pictures_of_the_folder(tmp_path_factory: pytest.TempPathFactory, chosen: set[str]) -> None:
    tmp_path = tmp_path_factory.mktemp("same")
    kinds = {"csv": b"id,label", "psd": b"8BPS\0\1"}
    content = {name: kinds.get(name.rpartition(".")[2], png(len(name))) for name in sorted(chosen)}
    folder = as_folder(tmp_path / "folder", content)
    pictures, problems = images_in(folder)
    expected = {str(path.relative_to(folder)): path.read_bytes() for path in pictures}
    for path in (as_zip(tmp_path / "a.zip", content), as_tar(tmp_path / "a.tar", content)):
        items, left_out = read(path)
        if expected:
            assert {item.id.removeprefix(f"{path}/"): item.image for item in items} == expected
        else:
            assert [item.status for item in items] == [UNREADABLE]
        assert sorted(problem.kind for problem in left_out) == sorted(problem.kind for problem in problems)


@pytest.mark.parametrize("name", ["a.zip", *TARS])
def test_a_cut_archive_keeps_what_was_read(tmp_path: Path, name: str) -> None:
    """Of a ZIP that is cut, the directory is gone: it stands at the end."""
    write = as_tar if name in TARS else as_zip
    noise = {f"{number}.bmp": png() + zlib.crc32(str(number).encode()).to_bytes(4, "big") * 500 for number in range(30)}
    path = write(tmp_path / name, noise, *([TARS[name]] if name in TARS else []))  # type: ignore[operator]
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.95 if name == "a.zip" else 0.7):
        path.write_bytes(whole[: int(share * len(whole))])
        items, _ = read(path)
        assert items[-1].status == UNREADABLE and items[-1].id == str(path) and items[-1].problem is not None
        assert "cannot be read" in items[-1].problem.cause and "again" in items[-1].problem.remedy
        for item in items[:-1]:
            assert item.image == noise[item.id.removeprefix(f"{path}/")]
    if name == "a.tar":
        assert len(items) > 15


def test_a_broken_header_in_a_tar_is_no_end(tmp_path: Path) -> None:
    path = as_tar(tmp_path / "a.tar", PICTURES)
    content = bytearray(path.read_bytes())
    content[10 * 1024 : 10 * 1024 + 100] = b"\xff" * 100  # a header and a picture take two blocks
    path.write_bytes(content)
    items, _ = read(path)
    assert [item.status for item in items] == [OK] * 10 + [UNREADABLE]


def test_one_broken_member_of_a_zip(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "a.zip", PICTURES)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("05.png").header_offset + 30 + len("05.png")
    content = bytearray(path.read_bytes())
    content[start : start + 20] = bytes(20)
    path.write_bytes(content)
    items, _ = read(path)
    assert [item.id for item in items if item.status != OK] == [f"{path}/05.png"] and len(items) == 20


def test_a_member_whose_end_is_broken_keeps_its_name(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "a.zip", {"a.png": png() + random.Random(0).randbytes(100_000), **PICTURES})
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("a.png").compress_size
    content = bytearray(path.read_bytes())
    content[size - 20 : size] = bytes(20)
    path.write_bytes(content)
    items, _ = read(path)
    assert [item.id for item in items if item.status != OK] == [f"{path}/a.png"]


def test_encrypted_members_have_a_row_each(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "a.zip", {**PICTURES, "notes.txt": b"x"})
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):  # the flag alone is looked at
        place = content.find(start)
        while place >= 0:
            content[place + flags] |= 1
            place = content.find(start, place + 1)
    path.write_bytes(content)
    items, _ = read(path)
    assert len(items) == 20 and {item.problem.cause for item in items if item.problem} == {"is encrypted"}


def test_a_member_that_expands_too_far(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "a.zip", {"bomb.png": png() + bytes(2 * FLOOR), "good.png": png()})
    bomb, good = read(path)[0]
    assert bomb.status == UNREADABLE and bomb.problem is not None and "expands" in bomb.problem.cause
    assert good.image == png()
    inner = as_tar(tmp_path / "a.tar", {"good.png": png(), "bomb.png": png() + bytes(2 * FLOOR), "late.png": png()})
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(inner.read_bytes()))
    items, _ = read(tmp_path / "a.tar.gz")
    assert [item.image for item in items if item.status == OK] == [png()] and "expands" in str(items[-1].problem)


def test_a_member_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST", 1000)
    content = {"large.png": png() + b"x" * 1000, "small.png": png()}
    for path in (as_zip(tmp_path / "a.zip", content), as_tar(tmp_path / "a.tar", content)):
        large, small = read(path)[0]
        assert "larger than 1,000 bytes" in str(large.problem) and small.image == png()


def test_names_that_stand_twice_are_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for grey in range(3):
            archive.writestr("a.png", png(grey))
    items, _ = read(tmp_path / "a.zip")
    names = [item.id.removeprefix(f"{tmp_path}/a.zip/") for item in items]
    assert names == ["a.png", "a.png#copy=2", "a.png#copy=3"] and {item.file for item in items} == {items[0].id}
    assert [item.image for item in items] == [png(0), png(1), png(2)]


def test_links_in_a_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("a.png")
        info.size = len(png())
        archive.addfile(info, io.BytesIO(png()))
        for name, kind in (("hard.png", tarfile.LNKTYPE), ("soft.png", tarfile.SYMTYPE), ("notes", tarfile.SYMTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "a.png"
            archive.addfile(link)
        archive.addfile(_folder("inner"))
    first, *links = read(tmp_path / "a.tar")[0]
    assert first.image == png() and [Path(link.id).name for link in links] == ["hard.png", "soft.png"]
    assert all("links to a.png" in str(link.problem) for link in links)


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info


def test_a_name_without_end(tmp_path: Path) -> None:
    path = as_tar(tmp_path / "a.tar", {"a.png": png(), "long.png": png()})
    content = path.read_bytes()
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 2**33
    path.write_bytes(content[:1024] + name.tobuf(tarfile.GNU_FORMAT) + content[1024:])
    first, last = read(path)[0]
    assert first.image == png() and "a name of 8,589,934,592 bytes" in str(last.problem)


def test_nothing_that_is_kept_of_a_tar(tmp_path: Path) -> None:
    path = as_tar(tmp_path / "a.tar", {f"{number}.png": b"x" for number in range(500)})
    members = tars.members(path)
    archive = next(members).open.__closure__[0].cell_contents  # type: ignore[attr-defined]
    assert sum(1 for _ in members) == 499 and len(archive.members) <= 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", b""), ("a.zip", b"PK\3\4 and no more"), ("a.tar", b"no archive at all"), ("a.tar.gz", b"\x1f\x8b"),
        ("a.tar.xz", b"plain"), ("empty.zip", b"PK\5\6" + bytes(18)), ("a.zip", b"\x89PNG\r\n\x1a\n"),
        ("a.tar.zst", b"\x28\xb5\x2f\xfd" + struct.pack("<Q", 0)),
    ],
)  # fmt: skip
def test_what_is_no_archive_has_a_row(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    if content:
        (item,), _ = read(path)
        assert archives.is_archive(path) and item.id == str(path) and item.status == UNREADABLE
        assert item.problem is not None and item.problem.remedy
    else:
        assert not archives.is_archive(path)  # as any empty file


def test_what_else_begins_with_compressed_bytes(tmp_path: Path) -> None:
    (tmp_path / "notes.gz").write_bytes(gzip.compress(b"some text"))
    (tmp_path / "a.png").write_bytes(png())
    assert not archives.is_archive(tmp_path / "notes.gz") and not archives.is_archive(tmp_path / "a.png")
    assert not archives.is_archive(tmp_path / "gone.zip") and not archives.is_archive(tmp_path)


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 4000), st.sampled_from(["a.zip", "a.tar", "a.tar.gz"]))
def test_damage_never_raises(tmp_path_factory: pytest.TempPathFactory, damage: bytes, place: int, name: str) -> None:
    tmp_path = tmp_path_factory.mktemp("damage")
    write = as_tar if name in TARS else as_zip
    path = write(tmp_path / name, dict(list(PICTURES.items())[:5]), *([TARS[name]] if name in TARS else []))  # type: ignore[operator]
    content = path.read_bytes()
    path.write_bytes(content[:place] + damage + content[place + len(damage) :])
    for item in read(path)[0]:
        assert item.status == OK or item.problem is not None
