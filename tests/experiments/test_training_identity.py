"""What a run and its trainings are known by."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from mien.errors import RunError
from mien.experiments.identity import WORK, is_begun, known_as
from mien.nets.settings import TrainSettings
from mien.storage.run import Run


@pytest.mark.parametrize("name", WORK)
def test_a_run_is_begun_as_soon_as_one_of_its_files_is_there(tmp_path: Path, name: str) -> None:
    run = Run(tmp_path)
    file = run.path("cells", "seed0", "full", name.replace("*", "x"))
    file.parent.mkdir(parents=True)
    file.touch()
    assert not is_begun(run)  # without a manifest it is no run
    run.write_manifest({"kind": "study"})
    assert is_begun(run)
    file.unlink()
    assert not is_begun(run)


def test_a_training_is_known_without_its_machine_and_as_earlier_versions_knew_it(tmp_path: Path) -> None:
    run, now = Run(tmp_path), TrainSettings(epochs=2, threads=4)
    assert known_as(now, run) == [now.anywhere, now]
    run.write_manifest({"settings": {"train": asdict(TrainSettings(epochs=2, threads=1))}})
    assert known_as(now, run) == [now.anywhere, TrainSettings(epochs=2, threads=1)]
    run.write_manifest({"settings": {"train": {}}})
    with pytest.raises(RunError):
        known_as(now, run)
