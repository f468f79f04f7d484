"""The comparison of treatments: its plan, what it refuses, and how it goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.errors import DataError, RunError, UsageError
from mien.experiments.settings import CompareSettings
from mien.experiments.treatments.comparison import Comparison, compare, grouped, possible
from mien.experiments.treatments.task import TreatedCell, learnt_from
from mien.imbalance import TrainPart, get_treatment
from mien.nets.settings import TrainSettings
from mien.storage.files import read_arrays
from mien.storage.run import Run

TINY = CompareSettings(
    DataSettings("synthetic:n=160,size=16", size=16),
    TrainSettings(epochs=1),
    models=("knn", "oneconv"),
    treatments=("none", "new-head", "balanced"),
    seeds=(0,),
)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return compare(TINY, tmp_path_factory.mktemp("compare") / "run", executor="serial")


def test_one_training_serves_all_treatments_that_come_after_it(compared: Run) -> None:
    folder = compared.path("cells", "seed0", "oneconv")
    assert {path.name for path in folder.iterdir()} == {"none", "balanced"}
    assert {path.name for path in (folder / "none").glob("answers-*")} == {"answers-none.npz", "answers-new-head.npz"}
    assert grouped(TINY.treatments) == {"none": ("none", "new-head"), "balanced": ("balanced",)}


def test_neighbours_are_given_only_what_serves_them(compared: Run) -> None:
    assert compared.manifest()["given"]["knn"] == list(possible("knn", TINY, prepare(TINY.data)))
    assert "new-head" not in compared.manifest()["given"]["knn"]


def test_answers_are_of_calibrate_and_test(compared: Run) -> None:
    data = prepare(TINY.data)
    parts = split(data, 0)
    stored = read_arrays(compared.path("cells", "seed0", "oneconv", "none", "answers-none.npz"))
    judged = np.concatenate([parts.rows("calibrate"), parts.rows("test")])
    assert stored["ids"].tolist() == data.ids[judged].tolist()
    assert np.array_equal(stored["truth"], data.labels[judged])
    assert float(stored["seconds"]) > 0


def test_models_treatments_and_counts_grow(compared: Run, tmp_path: Path) -> None:
    old = compared.manifest()
    new = {**old, "models": ["oneconv", "threeconv"], "treatments": ["weights"], "seeds": [1]}
    new |= {"given": {"oneconv": ["weights"], "threeconv": ["weights"]}, "train_counts": {"1": [3, 3, 1]}}
    grown = Comparison(TINY).grow(old, new)
    assert grown["models"] == ["knn", "oneconv", "threeconv"] and grown["seeds"] == [0, 1]
    assert grown["given"]["oneconv"] == ["none", "new-head", "balanced", "weights"]
    assert grown["given"]["knn"] == old["given"]["knn"] and grown["given"]["threeconv"] == ["weights"]
    assert grown["train_counts"] == {**old["train_counts"], "1": [3, 3, 1]}


def test_another_policy_is_another_run(compared: Run) -> None:
    other = replace(TINY, policy=replace(TINY.policy, budget=0.3))
    with pytest.raises(RunError, match="other training"):
        compare(other, compared.folder)


def test_a_model_that_cannot_be_imported_is_named_as_the_user_named_it() -> None:
    with pytest.raises(UsageError, match="--models nowhere:Net"):
        Comparison(replace(TINY, models=("nowhere:Net",))).check()


def test_parts_without_two_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="classes that count for"):
        compare(replace(TINY, data=replace(TINY.data, class_counts="happiness=30")), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_names_with_a_colon_are_no_folders_of_their_own() -> None:
    cell = TreatedCell("run", TINY, 0, "package:Net", "oversample:300", ("oversample:300",))
    assert cell.path == Path("run", "cells", "seed0", "package%3aNet", "oversample%3a300")
    assert cell.file("oversample:300").name == "answers-oversample%3a300.npz" and not cell.finished()
    assert json.dumps(cell.missing()) == '["oversample:300"]'


def test_oversampled_rows_are_of_the_training_part() -> None:
    data = prepare(TINY.data)
    parts = split(data, 0)
    train = TrainPart(data.labels[parts.rows("train")], len(data.labelset), 0)
    rows = learnt_from(get_treatment("oversample:60"), parts, train)
    assert len(rows) > len(parts.rows("train")) and set(rows) <= set(parts.rows("train"))
    more = learnt_from(get_treatment("with-fit"), parts, train)
    assert set(more) == {*parts.rows("train"), *parts.rows("fit")}
