"""Which files of a folder are pictures: content decides, and what cannot be read is counted."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from mien.data import files, folders, signatures
from mien.data.checks import by_kind
from mien.data.files import each_image_in, images_in, list_folder, walk
from mien.data.images import ImageSettings, read_pictures
from mien.data.load import load
from mien.data.signatures import format_of
from mien.errors import DataError

NOISE = np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
needs_avif = pytest.mark.skipif(not features.check("avif") if "avif" in features.modules else True, reason="no AVIF")
needs_jp2 = pytest.mark.skipif(not features.check("jpg_2000"), reason="no JPEG 2000")


def save(path: Path, format: str | None = None, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(NOISE).convert(mode).save(path, format)
    return path


def kinds(root: Path) -> list[str]:
    return [problem.kind for folder in walk(root) for problem in folder.problems]


class TestContentDecides:
    @pytest.mark.parametrize(
        ("name", "format"),
        [
            *((f"no extension {format}", format) for format in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM", "TIFF")),
            *((name, "JPEG") for name in ("a.jpe", "a.JFIF", "a.JPG", "a.jpg_original", "a.001", "a.txt", "a.heic")),
            ("a.apng", "PNG"), ("a.pnm", "PPM"), ("a.pdf", "PNG"),
            pytest.param("a.avif", "AVIF", marks=needs_avif), pytest.param("no extension", "AVIF", marks=needs_avif),
            pytest.param("a.jp2", "JPEG2000", marks=needs_jp2), pytest.param("a.j2k", "JPEG2000", marks=needs_jp2),
        ],
    )  # fmt: skip
    def test_whatever_the_name(self, tmp_path: Path, name: str, format: str) -> None:
        save(tmp_path / name, format)
        found = list_folder(tmp_path)
        assert found.pictures == [name] and not found.problems
        assert len(read_pictures([tmp_path / name], ("a",), ImageSettings(16))) == 1

    def test_bitmaps_of_one_bit(self, tmp_path: Path) -> None:
        save(tmp_path / "a.pbm", "PPM", "1")
        save(tmp_path / "b", "PPM", "1")
        assert list_folder(tmp_path).pictures == ["a.pbm", "b"]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("notes.txt", b"P2 things to do"), ("BMI.csv", b"BMI,weight,height\n20,60,170\n"),
            ("labels.csv", b"image,label\n"),
            ("a.json", b"{}"), ("Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1"), (".DS_Store", b"\0\0\0\1Bud1"),
            ("desktop.ini", b"[.ShellClassInfo]"), ("empty", b""), ("page.html", b"<html><svg></svg></html>"),
            ("._a.jpg", b"\0\5\x16\7"), (".hidden.png", b"\x89PNG\r\n\x1a\n"), ("a.npy", b"\x93NUMPY"), ("Icon\r", b""),
            ("a.zip", b"PK\3\4"), ("a.safetensors", b"\x40\0\0\0\0\0\0\0{}"),
        ],
    )  # fmt: skip
    def test_what_is_no_picture_is_left_out_without_a_word(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        found = list_folder(tmp_path)
        assert (found.pictures, found.problems, dict(found.unread)) == ([], [], {})

    @pytest.mark.parametrize(
        ("name", "content", "format"),
        [
            ("a.cr2", b"II*\0\x10\0\0\0CR\2\0", "camera raw"), ("a.NEF", b"MM\0*\0\0\0\x08", "camera raw"),
            ("a.dng", b"II*\0\x08\0\0\0", "camera raw"), ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1", "camera raw"),
            ("a.raf", b"FUJIFILMCCD-RAW 0201", "camera raw"), ("a.jxl", b"\xff\x0a\xff\x07", "JPEG XL"),
            ("a.psd", b"8BPS\0\1", "Photoshop"), ("a.pdf", b"%PDF-1.4", "PDF"), ("a", b"%PDF-1.4", "PDF"),
            ("a.svg", b"<?xml version='1.0'?>\n<!-- x --><svg xmlns='y'>", "SVG"),
            ("a.tga", b"\0\0\2\0\0\0\0\0", "TGA"),
            ("a.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isom", "video"),
            ("a.mov", b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video"),
            ("a.avi", b"RIFF\0\0\0\0AVI LIST", "video"), ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
            ("a.exr", b"v/1\x01\2\0\0\0", "OpenEXR"), ("a.dcm", bytes(128) + b"DICM", "DICOM"),
            ("a.ico", b"\0\0\1\0\1\0", "ICO"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_is_one_problem_with_count_and_help(
        self, tmp_path: Path, name: str, content: bytes, format: str
    ) -> None:
        save(tmp_path / "good.png")
        for place in range(3):
            (tmp_path / f"{place}-{name}").write_bytes(content)
        found = list_folder(tmp_path)
        assert found.pictures == ["good.png"] and list(found.unread) == [format]
        (problem,) = found.problems
        assert problem.kind == "format not read" and f"3 files of format {format}" in problem.cause and problem.remedy

    def test_heic_without_its_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(signatures, "readable", lambda: ("PNG", "JPEG"))
        for name in ("a.heic", "b.HEIF", "c"):
            (tmp_path / name).write_bytes(HEIC)
        (problem,) = list_folder(tmp_path).problems
        assert "3 files of format HEIC" in problem.cause and "pillow-heif" in problem.remedy

    def test_avif_where_pillow_has_no_decoder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(signatures, "readable", lambda: ("PNG", "JPEG"))
        (tmp_path / "a.avif").write_bytes(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif")
        assert "Pillow 11.3" in list_folder(tmp_path).problems[0].remedy

    def test_an_empty_file_with_the_name_of_a_picture_is_listed(self, tmp_path: Path) -> None:
        (tmp_path / "a.heic").touch()
        assert list_folder(tmp_path).pictures == ["a.heic"]  # reading it tells that it is empty

    def test_files_that_are_no_files(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "dead").symlink_to("nowhere")
        (tmp_path / "zero").symlink_to("/dev/zero")
        (tmp_path / "link").symlink_to(save(tmp_path / "a.png"))
        assert list_folder(tmp_path).pictures == ["a.png", "link"]

    def test_a_file_that_may_not_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(path: str) -> bytes:
            raise PermissionError

        (tmp_path / "unknown").write_text("x")
        monkeypatch.setattr(files, "first_bytes", refused)
        assert "1 file cannot be opened" in list_folder(tmp_path).problems[0].cause

    def test_usual_extensions_are_believed_without_opening(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def opened(path: str) -> bytes:
            raise AssertionError(path)

        for name in ("a.png", "b.JPG", "c.webp", "d.tiff"):
            (tmp_path / name).touch()
        monkeypatch.setattr(files, "first_bytes", opened)
        assert len(list_folder(tmp_path).pictures) == 4

    def test_brands_of_boxes(self) -> None:
        assert format_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
        assert format_of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic") == "HEIC"
        assert format_of(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom") == "video"


class TestFolders:
    @pytest.mark.parametrize(
        "name", ["@eaDir", "#recycle", "__MACOSX", "$RECYCLE.BIN", "@Recycle", "lost+found", ".git"]
    )
    def test_folders_of_systems_are_left_out_without_a_word(self, tmp_path: Path, name: str) -> None:
        save(tmp_path / "a.png")
        save(tmp_path / name / "deep" / "b.png")
        assert [folder.pictures for folder in walk(tmp_path)] == [["a.png"]] and kinds(tmp_path) == []

    @pytest.mark.parametrize("name", ["@home", "#1", "__new", "$x"])
    def test_folders_that_begin_like_those_are_left_out_and_reported(self, tmp_path: Path, name: str) -> None:
        save(tmp_path / "a.png")
        save(tmp_path / name / "b.png")
        assert kinds(tmp_path) == ["folder left out"]

    @pytest.mark.parametrize("name", ["thumbs", "Thumbnails", "thumb"])
    def test_thumbnails_are_left_out_beside_pictures_only(self, tmp_path: Path, name: str) -> None:
        save(tmp_path / "set" / name / "b.png")
        assert [folder.pictures for folder in walk(tmp_path)] == [[], [], ["b.png"]]
        save(tmp_path / "set" / "a.png")
        assert kinds(tmp_path) == ["thumbnails"]

    def test_a_class_keeps_its_pictures_whatever_systems_put_beside(self, tmp_path: Path) -> None:
        for name in ("happy", "sad"):
            save(tmp_path / name / "1.png")
            save(tmp_path / name / "@eaDir" / "1.png" / "SYNOPHOTO_THUMB_M.jpg")
            save(tmp_path / name / "thumbs" / "1.png")
        data = folders.read(tmp_path)
        assert data.ids.tolist() == ["happy/1.png", "sad/1.png"]
        assert {kind.name: kind.count for kind in by_kind(data.problems)} == {"thumbnails": 2}

    def test_a_folder_that_may_not_be_read_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        save(tmp_path / "open" / "a.png")
        (tmp_path / "closed").mkdir()
        scandir = os.scandir

        def refused(path: str) -> object:
            if os.fspath(path).endswith("closed"):
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refused)
        assert kinds(tmp_path) == ["unreadable folder"]

    def test_a_folder_of_unread_pictures_is_not_called_empty(self, tmp_path: Path) -> None:
        save(tmp_path / "happy" / "a.png")
        (tmp_path / "sad").mkdir()
        (tmp_path / "sad" / "a.psd").write_bytes(b"8BPS\0\1")
        assert kinds(tmp_path) == ["format not read"]

    def test_data_of_unread_pictures_alone_are_told_so(self, tmp_path: Path) -> None:
        (tmp_path / "sad").mkdir()
        (tmp_path / "sad" / "a.psd").write_bytes(b"8BPS\0\1")
        with pytest.raises(DataError, match="1 file of format Photoshop"):
            load(str(tmp_path))


class TestGather:
    def test_pictures_in_and_below_folders_and_one_problem_a_format(self, tmp_path: Path) -> None:
        for name in ("a", "b/c"):
            save(tmp_path / name / "1.png")
            (tmp_path / name / "x.psd").write_bytes(b"8BPS\0\1")
        (tmp_path / "empty").mkdir()
        pictures, (problem,) = images_in(tmp_path)
        assert [path.relative_to(tmp_path).as_posix() for path in pictures] == ["a/1.png", "b/c/1.png"]
        assert "2 files of format Photoshop" in problem.cause and problem.place == str(tmp_path)

    def test_a_file_that_is_named_is_taken_whatever_it_is(self, tmp_path: Path) -> None:
        assert images_in(tmp_path / "gone.txt") == ([tmp_path / "gone.txt"], [])


def test_a_walk_holds_one_folder_at_a_time(tmp_path: Path) -> None:
    """The second folder is not listed before the pictures of the first are taken."""
    for name in ("a/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    paths = each_image_in(tmp_path, print)
    assert next(paths).name == "1.png"
    (tmp_path / "b/3.png").write_bytes(b"x")
    assert [path.name for path in paths] == ["2.png", "3.png"]
