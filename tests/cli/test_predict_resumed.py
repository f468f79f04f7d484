"""mien predict, killed at any moment and continued: the file is that of a call that was never stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Mien
from onnx_models import bars
from PIL import Image

from mien.cli import predict_pictures
from mien.cli.looking import Looking
from mien.deploy import predictor
from mien.deploy.decisions.rows import Columns
from mien.deploy.decisions.unfinished import Unfinished
from mien.faces.settings import FinderSettings
from mien.testing import example_bars

ADOPT = ("--classes", "left,middle,right", "--scaling", "0..255")
SLOW = """
import sys, time
from mien.deploy import predictor
from mien.deploy.decisions.unfinished import Unfinished
predictor.CHUNK = 16
append = Unfinished.append
def slowly(self, rows):
    append(self, rows)
    time.sleep(0.05)
Unfinished.append = slowly
from mien.cli import main
main()
"""
"""mien with small batches that take a while each."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    images, _ = example_bars(200, seed=1)
    for row, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{row:03d}.png")
    (folder / "050.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def f(mien: Mien, tmp_path: Path) -> Path:
    assert mien("adopt", bars(tmp_path / "bars.onnx"), *ADOPT, "--out", tmp_path / "f").code == 0
    return tmp_path / "f"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "CHUNK", 16)


def partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_killed_again_and_again(
    mien: Mien, f: Path, pictures: Path, tmp_path: Path, name: str, small_batches: None
) -> None:
    out, whole = tmp_path / name, tmp_path / f"whole {name}"
    assert mien("predict", f, pictures, "--out", whole).code == 0
    command = [sys.executable, "-c", SLOW, "predict", f, pictures, "--out", out, "--resume"]
    sizes = [0]
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            if partial(out).exists() and partial(out).stat().st_size > sizes[-1] + 2000:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists()
        sizes.append(partial(out).stat().st_size)
        with partial(out).open("ab") as file:  # as if it had been killed within a line
            file.write(b'{"file": "half a li')
    assert sizes == sorted(sizes) and sizes[1] > 0
    said = mien("predict", f, pictures, "--out", out, "--resume")
    assert said.code == 0 and "pictures are answered already" in said.err
    assert "1 of 200 pictures could not be read" in said.err
    assert out.read_bytes() == whole.read_bytes()
    assert not partial(out).exists() and not out.with_name(f".{out.name}.lock").exists()


@pytest.fixture
def stopped(mien: Mien, f: Path, pictures: Path, tmp_path: Path, small_batches: None) -> Path:
    """The output of a call that was stopped by Ctrl-C after three batches."""
    out = tmp_path / "a.jsonl"
    append, count = Unfinished.append, [0]

    def stopping(self: Unfinished, rows: list[dict[str, object]]) -> None:
        append(self, rows)
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Unfinished, "append", stopping)
        said = mien("predict", f, pictures, "--out", out)
    assert said.code == 1 and "--resume continues" in said.err and "Traceback" not in said.err
    assert not out.exists() and partial(out).read_text().count("\n") == 1 + 48
    return out


def test_what_was_stopped_is_continued_or_given_up(mien: Mien, f: Path, pictures: Path, stopped: Path) -> None:
    before = partial(stopped).read_bytes()
    mien("predict", f, pictures, "--out", stopped).refused(2, "left its rows", "--resume", "--fresh")
    assert partial(stopped).read_bytes() == before
    assert mien("predict", f, pictures, "--out", stopped, "--resume", "--workers", "1").code == 0
    printed = mien("predict", f, pictures).out
    assert stopped.read_text() == printed
    partial(stopped).write_bytes(before)
    said = mien("predict", f, pictures, "--out", stopped, "--fresh")
    assert said.code == 0 and "already" not in said.err and stopped.read_text() == printed


def test_a_finished_file_is_not_written_over(mien: Mien, f: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    out.write_text("of somebody else")
    mien("predict", f, pictures, "--out", out).refused(2, "exists already", "--fresh")
    said = mien("predict", f, pictures, "--out", out, "--resume")
    assert said.code == 0 and "finished already" in said.err and out.read_text() == "of somebody else"
    assert mien("predict", f, pictures, "--out", out, "--fresh").code == 0
    assert out.read_text().startswith("file,status") and not partial(out).exists()


def test_killed_before_the_rows_are_removed(mien: Mien, f: Path, pictures: Path, stopped: Path) -> None:
    """Both are there then: the file is made again from the rows."""
    stopped.write_text("cut")
    assert mien("predict", f, pictures, "--out", stopped, "--resume").code == 0
    assert stopped.read_text() == mien("predict", f, pictures).out and not partial(stopped).exists()


def test_another_call_is_refused(mien: Mien, f: Path, pictures: Path, stopped: Path, tmp_path: Path) -> None:
    before = partial(stopped).read_bytes()
    mien("predict", f, pictures / "*.png", "--out", stopped, "--resume").refused(1, "with other places")
    bars(tmp_path / "other.onnx", softmax=False)
    assert mien("adopt", tmp_path / "other.onnx", *ADOPT, "--out", tmp_path / "g").code == 0
    said = mien("predict", tmp_path / "g", pictures, "--out", stopped, "--resume")
    said.refused(1, "with other classifier", "--fresh")
    assert partial(stopped).read_bytes() == before and not stopped.exists()


def test_pictures_that_have_changed_are_refused(mien: Mien, f: Path, pictures: Path, stopped: Path) -> None:
    moved = pictures / "000.png"
    content = moved.read_bytes()
    moved.unlink()
    try:
        said = mien("predict", f, pictures, "--out", stopped, "--resume")
    finally:
        moved.write_bytes(content)
    said.refused(1, "the pictures have changed", "000.png")
    assert mien("predict", f, pictures, "--out", stopped, "--resume").code == 0


def test_killed_while_the_file_is_made(
    mien: Mien, f: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_batches: None
) -> None:
    out = tmp_path / "a.csv"

    def killed(self: Unfinished, format: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "finish", killed)
        assert mien("predict", f, pictures, "--out", out).code == 1
    assert mien("predict", f, pictures, "--out", out, "--resume").code == 0
    assert out.read_text() == mien("predict", f, pictures, "--csv").out


def test_two_at_once(mien: Mien, f: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    holder = (
        "import sys; from pathlib import Path; from mien.storage.locks import exclusive_lock\n"
        "with exclusive_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    lock = tmp_path / ".a.jsonl.lock"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        mien("predict", f, pictures, "--out", out).refused(1, str(out), "another mien", "wait")
        assert not partial(out).exists()
        other.communicate()
    assert mien("predict", f, pictures, "--out", out).code == 0


def test_a_full_disk_leaves_the_rows(
    mien: Mien, f: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_batches: None
) -> None:
    out = tmp_path / "a.jsonl"

    def full(self: Unfinished, format: str) -> None:
        from mien.storage.files import storage_errors

        with storage_errors(self.out):
            raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "finish", full)
        mien("predict", f, pictures, "--out", out).refused(1, "No space left", "--resume continues")
    assert mien("predict", f, pictures, "--out", out, "--resume").code == 0
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 200


def test_a_patch_that_is_silenced_meanwhile_is_another_call() -> None:
    """The rows of a patch in force and of a silenced one do not stand in one file."""
    from types import SimpleNamespace

    def about(restraint: str) -> dict[str, str]:
        patch = SimpleNamespace(id="p", restraint=restraint)
        system = SimpleNamespace(patch=patch, classifier=SimpleNamespace(card=SimpleNamespace(id="f")))
        source = SimpleNamespace(ranges=None)
        columns = Columns(("a",))
        looking = Looking(0, None, None, FinderSettings())
        answering = predict_pictures._Answering(system, source, columns, looking, None, print)  # type: ignore[arg-type]
        return answering.about(())

    assert about("")["patch"] != about("overrides nothing")["patch"]
