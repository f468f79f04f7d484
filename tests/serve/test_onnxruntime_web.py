"""Where onnxruntime-web comes from: npm, a folder, an archive; and what is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from mien.errors import RunError, UsageError
from mien.serve.onnxruntime_web import DIGESTS, VERSION, runtime_files


def packed(path: Path, names: tuple[str, ...] = tuple(DIGESTS)) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    return path


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A stand-in for npm."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_archive_a_package_and_its_files_will_do(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tgz")
    files = {name: name.encode() for name in DIGESTS}
    assert runtime_files(archive) == files
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    assert runtime_files(tmp_path / "package") == runtime_files(tmp_path / "package" / "dist") == files


@pytest.mark.parametrize("content", ["empty", "other", "text", "missing"])
def test_what_is_no_copy_is_refused(content: str, tmp_path: Path) -> None:
    place = tmp_path / "copy"
    if content == "empty":
        place.mkdir()
    elif content == "other":
        packed(place, ("other.js",))
    elif content == "text":
        place.write_text("no archive")
    with pytest.raises(UsageError, match="no copy of onnxruntime-web") as refused:
        runtime_files(place)
    assert VERSION in refused.value.remedy


def test_without_npm_the_message_has_two_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="is not installed") as refused:
        runtime_files()
    assert "nodejs.org" in refused.value.remedy and "--onnxruntime-web" in refused.value.remedy


def test_what_npm_says_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", monkeypatch, "echo 'no network' >&2; exit 1")
    with pytest.raises(RunError, match="no network"):
        runtime_files()
    npm(tmp_path / "bin2", monkeypatch, "exit 0")
    with pytest.raises(RunError, match="npm cannot fetch"):
        runtime_files()


def test_other_files_than_those_known_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", monkeypatch, f"cp {packed(tmp_path / 'a.tgz')} .")
    with pytest.raises(RunError, match="is not that of onnxruntime-web"):
        runtime_files()


def test_npm_fetches_what_is_expected(onnxruntime_web: Path) -> None:
    """The digests are those of the package in the registry."""
    import hashlib

    files = runtime_files(onnxruntime_web)
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == DIGESTS
