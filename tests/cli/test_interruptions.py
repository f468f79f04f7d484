"""Stopped, started again, started twice, started with something else."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import QUICK, QUICK_PATCH, Mien

from mien.experiments.leave_one_out.task import Cell, run_cell
from mien.experiments.tables import TABLES
from mien.report.study import tables
from mien.storage.output import prepare_output_dir
from mien.storage.run import Run


def test_stopped_work_goes_on(
    mien: Mien, again: tuple[str, ...], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"

    def stopped_at_the_second(cell: Cell) -> None:
        if cell.key != "full":
            raise KeyboardInterrupt
        run_cell(cell)

    with monkeypatch.context() as patch:
        patch.setattr("mien.experiments.leave_one_out.study.Study.do", staticmethod(stopped_at_the_second))
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
        "synthetic:n=120",
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


WRITERS = {
    "study": ("study", "FACES", *QUICK, "--classes", "happiness", "--out", "STUDY"),
    "train": ("train", "FACES", "--out", "NEW"),
    "compare": ("compare", "FACES", "--out", "NEW"),
    "audit": ("audit", "FACES", "--out", "NEW"),
    "discover": ("discover", "TRAINED", "FACES/happiness", "--out", "NEW"),
    "correct": ("correct", "TRAINED", "FACES", "--class", "sadness", *QUICK_PATCH, "--out", "NEW"),
    "draw": ("data", "draw", "NEW", "--n", "20", "--size", "16"),
    "apply": ("patch", "apply", "PATCH", "TRAINED"),
}


@pytest.mark.parametrize("verb", WRITERS)
def test_two_at_once(
    mien: Mien, study: Path, trained: Path, patched: Path, faces: Path, tmp_path: Path, verb: str
) -> None:
    """The second is refused before it works, and nothing that is there is lost."""
    new, base = tmp_path / "new", tmp_path / "base"
    shutil.copytree(trained, base)
    words = {"STUDY": study, "NEW": new, "TRAINED": base, "PATCH": patched}
    command = [str(words.get(word, word)).replace("FACES", str(faces)) for word in WRITERS[verb]]
    beside = {"correct": new, "draw": new, "apply": base / "cells" / "seed0" / "full" / "patch"}
    place = beside.get(verb, study if verb == "study" else new)
    if verb in beside:
        lock = place.with_name(f".{place.name}.lock")
    else:
        place.mkdir(exist_ok=True)
        lock = place / ".lock"
    holder = (
        "import sys; from pathlib import Path; from mien.storage.locks import exclusive_lock\n"
        "with exclusive_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
        mien(*command).refused(1, str(place), "another mien", "wait")
        assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
        other.communicate()
    if verb in ("study", "draw", "apply", "discover"):
        assert mien(*command).code == 0


def test_a_report_of_a_run_that_goes_on(mien: Mien, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for nobody, and has the cells that are finished while it is made."""
    last, kept = study / "cells" / "seed0" / "without-happiness" / "cell.json", study.parent / "cell.json"
    last.rename(kept)
    build = tables.build

    def slowly(run: Run) -> None:
        build(run)
        if kept.exists():
            assert not run.read_table(TABLES["gain"])
            kept.rename(last)

    monkeypatch.setattr(tables, "build", slowly)
    with prepare_output_dir(study, "study", "run.json"), ThreadPoolExecutor(1) as beside:  # a lock is of one thread
        assert beside.submit(mien, "report", study).result().code == 0
    assert Run(study).read_table(TABLES["gain"])


@pytest.mark.parametrize(
    "other",
    [
        ("study", "synthetic:n=120", *QUICK, "--classes", "happiness"),
        ("train", "synthetic:n=120", "--epochs", "1", "--size", "32"),
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
    parts = Run(tmp_path / "run").read_table(TABLES["splits"])
    tested = sum(row["count"] for row in parts if row["part"] == "test")
    assert sum(row["total"] for row in result["classes"]) == tested > 30
    assert mien("train", faces, *flags).out.count("│") > 7  # again, from what is there, as a table
