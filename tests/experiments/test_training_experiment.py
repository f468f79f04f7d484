"""The training of one base classifier, as an experiment of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mien.data.prepare import DataSettings
from mien.errors import DataError, RunError, UsageError
from mien.experiments.settings import ClassifierSettings
from mien.experiments.training.task import TrainTask
from mien.experiments.training.training import Training, train
from mien.nets.settings import TrainSettings
from mien.storage.run import Run

TINY = ClassifierSettings(DataSettings("synthetic:n=120,size=16", size=16), TrainSettings(epochs=1), base="oneconv")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(TINY, tmp_path_factory.mktemp("train") / "run")


def test_it_leaves_a_classifier_its_answers_and_its_costs(trained: Run) -> None:
    task = TrainTask(str(trained.folder), TINY, 0)
    assert task.finished() and task.left_out is None and not task.more
    cell = json.loads((task.path / "cell.json").read_text())
    assert cell["key"] == "full" and set(cell["seconds"]) == {"train", "extract"}
    manifest = trained.manifest()
    assert (manifest["kind"], manifest["left_out"], manifest["correctors"]) == ("train", [], [])
    assert manifest["seconds"] > 0 and manifest["base"]["name"] == "oneconv"


def test_another_seed_is_added_and_the_first_one_kept(trained: Run, tmp_path: Path) -> None:
    first = train(TINY, tmp_path / "run").path("cells", "seed0", "full", "model.safetensors")
    before = first.stat().st_mtime_ns
    both = train(replace(TINY, seeds=(1,)), tmp_path / "run")
    assert both.manifest()["seeds"] == [0, 1] and set(both.manifest()["splits"]) == {"0", "1"}
    assert first.stat().st_mtime_ns == before


def test_one_class_cannot_be_trained(tmp_path: Path) -> None:
    only = DataSettings("synthetic:n=120,size=16", size=16, class_counts="happiness=20")
    with pytest.raises(DataError, match="of class happiness"):
        train(replace(TINY, data=only), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_classifier_that_cannot_be_imported_is_refused_before_pictures_are_read() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        Training(replace(TINY, base="nowhere:Net")).check()


def test_another_training_is_refused(tmp_path: Path) -> None:
    train(TINY, tmp_path / "run")
    with pytest.raises(RunError, match="other training"):
        train(replace(TINY, train=TrainSettings(epochs=1, loss="gce")), tmp_path / "run")
