"""Stopped, started again, started twice, started with something else."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import QUICK, Mien

from mien.runs import Run
from mien.study.cells import Cell, run_cell


def test_stopped_work_goes_on(
    mien: Mien, again: tuple[str, ...], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"

    def stopped_at_the_second(cell: Cell) -> None:
        if cell.key != "full":
            raise KeyboardInterrupt
        run_cell(cell)

    with monkeypatch.context() as patch:
        patch.setattr("mien.study.leave_one_out.run_cell", stopped_at_the_second)
        said = mien(*again, "--out", out)
    assert said.code == 1 and "finished work is kept" in said.err and "Traceback" not in said.err
    weights = (out / "cells" / "seed0" / "full" / "model.safetensors").stat().st_mtime_ns
    assert mien("report", out).code == 0
    assert mien(*again, "--out", out).code == 0
    assert (out / "cells" / "seed0" / "full" / "model.safetensors").stat().st_mtime_ns == weights
    assert (out / "tables" / "gain.csv").read_text() == (finished / "tables" / "gain.csv").read_text()


def test_ctrl_c_ends_a_study_and_its_processes(tmp_path: Path) -> None:
    out = tmp_path / "run"
    settings = ("--epochs", "5000", "--patience", "5000", "--size", "32", "--no-retrained", "--classes", "happiness")
    command = [
        sys.executable,
        "-c",
        # a suite in a shell's background has passed on that Ctrl-C is to be ignored
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from mien.cli import main; main()",
        "study",
        "faces:n=120",
        *settings,
        "--out",
        out,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    checkpoints = out / "cells" / "seed0"
    until = time.monotonic() + 60
    while not list(checkpoints.glob("*/checkpoint.safetensors")) and time.monotonic() < until:
        time.sleep(0.1)
    try:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, said = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # no other test is to wait for it
        raise
    assert process.returncode == 1
    assert "finished work is kept" in said and "Traceback" not in said
    assert list(checkpoints.glob("*/checkpoint.safetensors"))


def test_two_at_once(mien: Mien, again: tuple[str, ...], study: Path) -> None:
    holder = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX);"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(study / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        mien(*again, "--out", study).refused(1, str(study), "another mien")
        other.communicate()
    assert mien(*again, "--out", study).code == 0


@pytest.mark.parametrize(
    "other",
    [
        ("study", "faces:n=120", *QUICK, "--classes", "happiness"),
        ("train", "faces:n=120", "--epochs", "1", "--size", "32"),
    ],
)
def test_another_run_in_the_folder(mien: Mien, study: Path, other: tuple[str, ...]) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file() and path.name != ".lock"}
    mien(*other, "--out", study).refused(1, "holds a run with other", "--out")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_other_training_is_another_run(mien: Mien, again: tuple[str, ...], study: Path) -> None:
    mien(*again, "--batch-size", "64", "--out", study).refused(1, "other training")


def test_json_of_a_finished_study_is_json_alone(mien: Mien, again: tuple[str, ...], study: Path) -> None:
    said = mien(*again, "--json", "--out", study)
    assert said.code == 0
    assert list(json.loads(said.out)["classes"]["logistic"]) == ["happiness"]


def test_json_of_train(mien: Mien, faces: Path, tmp_path: Path) -> None:
    flags = ("--epochs", "1", "--size", "32", "--out", tmp_path / "run")
    result = json.loads(mien("train", faces, *flags, "--json").out)
    parts = Run(tmp_path / "run").read_table("splits")
    tested = sum(row["count"] for row in parts if row["part"] == "test")
    assert sum(row["total"] for row in result["classes"]) == tested > 30
    assert mien("train", faces, *flags).out.count("│") > 7  # again, from what is there, as a table
