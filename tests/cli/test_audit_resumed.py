"""An audit that was stopped goes on, and ends as if it had not been."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien

from mien.cli import run
from mien.experiments.labels.audit import UNFINISHED

FLAGS = ("--size", "24", "--base", "oneconv", "--epochs", "40", "--votes", "--tune", "--precision", "float32")


@pytest.fixture(scope="module")
def uninterrupted(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audits") / "whole"
    assert run(["audit", str(faces), *FLAGS, "--out", str(folder)]) == 0
    return folder


def newest(out: Path) -> tuple[int, int]:
    """How many checkpoints there are, and when one was written last."""
    times = []
    for path in (out / UNFINISHED).rglob("*.safetensors"):
        with contextlib.suppress(FileNotFoundError):
            times.append(path.stat().st_mtime_ns)
    return len(times), max(times, default=0)


def test_killed_at_any_moment_it_ends_with_the_same_table(
    mien: Mien, faces: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "audit"
    command = [sys.executable, "-m", "mien", "audit", str(faces), *FLAGS, "--out", str(out)]
    killed = 0
    for delay in np.random.default_rng(1).uniform(0, 0.4, 3):
        before = newest(out)
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while started.poll() is None and newest(out) <= before:
            time.sleep(0.01)
        time.sleep(delay)
        started.send_signal(signal.SIGKILL)
        killed += started.wait() == -signal.SIGKILL
    assert killed and newest(out)[0], "it was never in the middle of a training"
    assert not (out / "audit.csv").exists()
    done = mien("audit", faces, *FLAGS, "--out", out)
    assert done.code == 0
    assert "epoch 1 of" not in done.err  # those before the kill are not done again
    for name in ("audit.csv", "suggested.csv"):
        assert (out / name).read_text() == (uninterrupted / name).read_text()
    assert {path.name for path in out.iterdir()} - {".lock"} == {
        path.name for path in uninterrupted.iterdir()
    } - {".lock"}  # fmt: skip


def test_what_was_watched_of_other_pictures_is_not_taken_up(
    mien: Mien, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--size", "24", "--base", "oneconv", "--epochs", "3", "--out", tmp_path / "audit")

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mien.experiments.labels.audit.extract", stop)
        said = mien("audit", faces, *flags)
    assert said.code == 1 and "finished work is kept" in said.err
    assert "epoch 1 of 3" in mien("audit", faces, *flags, "--seed", "1").err
    assert not (tmp_path / "audit" / UNFINISHED).exists()
