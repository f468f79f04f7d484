"""The study as a whole: what it writes, that it repeats itself, that it survives being killed, and what it refuses."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data.prepare import DataSettings
from mien.errors import DataError, RunError, UsageError
from mien.experiments.leave_one_out.study import run
from mien.experiments.settings import StudySettings
from mien.experiments.tables import TABLES
from mien.nets.settings import TrainSettings
from mien.report.study import tables
from mien.storage.files import read_arrays
from mien.storage.run import Run

SOURCE = "synthetic:n=240,size=32,weakest=1,blending=0"
TINY = StudySettings(
    DataSettings(SOURCE, size=32),
    TrainSettings(epochs=2, batch_size=16),
    correctors=("logistic",),
    classes=("happiness", "neutral"),
    retrained=False,
)
FLAGS = "--size 32 --epochs 2 --batch-size 16 --corrector logistic --classes happiness,neutral --no-retrained"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    done = run(TINY, tmp_path_factory.mktemp("study") / "run", executor="serial")
    tables.build(done)
    return done


def contents(done: Run) -> dict[str, str]:
    """Every table but the seconds."""
    return {path.name: path.read_text() for path in sorted(done.path("tables").iterdir()) if path.name != "cost.csv"}


def test_it_writes_all_tables(finished: Run) -> None:
    wanted = "splits history retention harm gain delta_fpr restored ranking curves confusion certificates mcnemar"
    wanted += " summary cost"
    assert {path.stem for path in finished.path("tables").iterdir()} == set(wanted.split())
    assert {row["left_out"] for row in finished.read_table(TABLES["gain"])} == {"happiness", "neutral"}
    assert all(np.isfinite(row["seconds"]) for row in finished.read_table(TABLES["cost"]))


def test_parts_never_share_a_person_and_test_is_the_same_in_every_cell(finished: Run) -> None:
    cells = [read_arrays(path) for path in finished.path("cells", "seed0").glob("*/test.npz")]
    assert len(cells) == 3
    for cell in cells[1:]:
        assert np.array_equal(cell["ids"], cells[0]["ids"])
    scores = read_arrays(finished.path("cells", "seed0", "without-neutral", "scores", "logistic.npz"))
    assert not set(scores["calibrate_group"]) & set(cells[0]["groups"])


def test_the_left_out_class_is_unknown_to_f_and_known_to_the_full_model(finished: Run) -> None:
    index = finished.manifest()["classes"].index("neutral")
    without = read_arrays(finished.path("cells", "seed0", "without-neutral", "test.npz"))
    full = read_arrays(finished.path("cells", "seed0", "full", "test.npz"))
    assert (without["probs"][:, index] == 0).all()
    assert (full["probs"][:, index] > 0).all()


def test_the_processes_engine_gives_the_same_numbers(finished: Run, tmp_path: Path) -> None:
    other = run(TINY, tmp_path / "run", executor="processes")
    tables.build(other)
    assert contents(other) == contents(finished)


def test_run_again_it_does_nothing_twice_and_it_can_grow(finished: Run, tmp_path: Path) -> None:
    def models(of: Run) -> dict[str, int]:
        return {path.parent.name: path.stat().st_mtime_ns for path in of.path("cells").rglob("*.safetensors")}

    shutil.copytree(finished.folder, tmp_path / "run")
    grown = run(replace(TINY, correctors=("logistic", "xgboost")), tmp_path / "run", executor="serial")
    assert models(grown) == models(finished)
    tables.build(grown)
    assert grown.manifest()["correctors"] == ["logistic", "xgboost"]
    assert set(contents(finished)["gain.csv"].splitlines()) < set(contents(grown)["gain.csv"].splitlines())


def test_a_folder_with_another_run_is_refused(finished: Run) -> None:
    with pytest.raises(RunError, match="other training"):
        run(replace(TINY, train=TrainSettings(epochs=3)), finished.folder, executor="serial")
    with pytest.raises(RunError, match="other data"):
        run(replace(TINY, data=DataSettings(f"{SOURCE},seed=1", size=32)), finished.folder, executor="serial")


def test_killed_at_any_moment_and_started_again_it_ends_with_the_same_tables(finished: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-c", "from mien.cli import main; main()", "study", SOURCE, "--out", str(out)]
    interrupted = 0
    for delay in np.random.default_rng(0).uniform(0, 0.6, 3):
        before = _newest_checkpoint(out)
        started = subprocess.Popen([*command, *FLAGS.split()], stderr=subprocess.DEVNULL)
        while started.poll() is None and _newest_checkpoint(out) <= before:
            time.sleep(0.02)
        time.sleep(delay)
        started.send_signal(signal.SIGKILL)  # only the parent: its workers must notice and end
        interrupted += started.wait() == -signal.SIGKILL
    assert interrupted  # in the middle of a training, at least once
    done = run(TINY, out, executor="serial")
    tables.build(done)
    assert contents(done) == contents(finished)


def _newest_checkpoint(out: Path) -> int:
    """When a checkpoint was written last, in nanoseconds; 0 without one."""
    times = [0]
    for path in out.glob("cells/*/*/checkpoint.safetensors"):
        with contextlib.suppress(FileNotFoundError):  # finished meanwhile
            times.append(path.stat().st_mtime_ns)
    return max(times)


def test_a_model_of_other_data_is_never_taken_up(finished: Run, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    other = replace(TINY, data=DataSettings(f"{SOURCE},seed=1", size=32), correctors=("xgboost",))
    with pytest.raises(RunError, match="model of other data"):
        run(other, tmp_path / "run", executor="serial")


def test_a_grown_run_keeps_the_parts_of_its_first_seeds(finished: Run, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    grown = run(replace(TINY, seeds=(1,), classes=("neutral",)), tmp_path / "run", executor="serial")
    assert {row["seed"] for row in grown.read_table(TABLES["splits"])} == {0, 1}
    assert grown.manifest()["data"]["too_rare"] == finished.manifest()["data"]["too_rare"]


def test_two_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another mien is working"):
            run(TINY, tmp_path, executor="serial")


def test_a_class_too_rare_to_leave_out_is_refused_by_name_and_skipped_otherwise(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few pictures to leave out fear"):
        run(replace(TINY, classes=("fear",), min_pictures=50), tmp_path / "a", executor="serial")
    with pytest.raises(UsageError, match="did you mean 'happiness'"):
        run(replace(TINY, classes=("happines",)), tmp_path / "b", executor="serial")


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    only = DataSettings(SOURCE, size=32, class_counts="happiness=40")
    with pytest.raises(DataError, match="of class happiness"):
        run(replace(TINY, data=only, classes=()), tmp_path, executor="serial")
