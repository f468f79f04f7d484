"""A disk that refuses: the message says where and what to do, and what is finished stays."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import QUICK, Mien


@pytest.fixture
def in_the_way(tmp_path: Path) -> Path:
    """A file where a folder should go."""
    path = tmp_path / "file"
    path.write_text("mine")
    return path


def test_a_file_in_the_way(mien: Mien, in_the_way: Path) -> None:
    for out in (in_the_way, in_the_way / "inside"):
        mien("study", "synthetic:n=120", *QUICK, "--out", out).refused(1, str(out), "--out")
        mien("train", "synthetic:n=120", "--epochs", "1", "--out", out).refused(1, str(out), "--out")
        mien("data", "draw", out, "--n", "5").refused(1, str(out))
    mien("data", "inspect", "synthetic:n=60", "--out", in_the_way.parent).refused(1, str(in_the_way.parent))
    mien("data", "draw", in_the_way.parent, "--n", "5").refused(1, "not empty")
    assert in_the_way.read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc, where nobody may write")
def test_a_place_that_takes_no_files(mien: Mien) -> None:
    mien("study", "synthetic:n=120", *QUICK, "--out", "/proc/run").refused(1, "/proc/run", "--out")
    mien("data", "draw", "/proc/faces", "--n", "5").refused(1, "/proc/faces")
    mien("data", "inspect", "synthetic:n=60", "--out", "/proc/page.html").refused(1, "/proc/page.html")


def test_out_inside_the_data(mien: Mien, faces: Path) -> None:
    before = sorted(faces.rglob("*"))
    for out in (faces, faces / "run"):
        mien("study", faces, *QUICK, "--out", out).refused(2, "--out", "inside the data")
    assert sorted(faces.rglob("*")) == before


def fails_after(calls: int, code: int) -> Callable[[int], None]:
    """An fsync that works `calls` times and then refuses."""
    left = iter(range(calls))

    def fsync(handle: int) -> None:
        if next(left, None) is None:
            raise OSError(code, os.strerror(code))

    return fsync


@pytest.mark.parametrize("calls", [0, 3, 12, 20])
def test_a_full_disk_costs_nothing_that_is_finished(
    mien: Mien, again: tuple[str, ...], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("mien.storage.files.os.fsync", fails_after(calls, errno.ENOSPC))
        mien(*again, "--out", out).refused(1, "No space left", str(out), "finished work is kept")
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("model.safetensors")}
    assert not [path for path in out.rglob(".*") if path.name != ".lock"]  # nothing half-written
    assert mien(*again, "--out", out).code == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for table in ("gain", "harm", "retention", "ranking"):
        name = Path("tables", f"{table}.csv")
        assert (out / name).read_text() == (finished / name).read_text()


def test_a_full_disk_does_not_spoil_the_cache(
    mien: Mien, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr("mien.data.pixel_cache.os.fsync", fails_after(0, errno.ENOSPC))
        said = mien("data", "inspect", faces, "--size", "16")
        assert said.code == 0 and "1 × no cache" in said.out and "MIEN_CACHE" in said.out
    assert "no cache" not in mien("data", "inspect", faces, "--size", "16").out
