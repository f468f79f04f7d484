"""mien compare: treatments beside each other, resumable, and advice that test pictures did not choose."""

import csv
import json
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien

from mien.cli import run
from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.experiments.settings import CompareSettings
from mien.imbalance import get_treatment
from mien.imbalance import treatments as named
from mien.metrics.classification import common_classes
from mien.nets.generator import train_generator
from mien.storage.files import read_arrays
from mien.storage.layout import file_name
from mien.storage.run import Run
from mien.types import PARTS

DATA = "synthetic:n=1200,size=32"
SHAPE = (
    "--class-counts",
    "surprise=60,happiness=420,neutral=280",
    "--size",
    "32",
    "--epochs",
    "3",
    "--engine",
    "serial",
)
GENEROUS = ("--budget", "0.3", "--aim", "gain")
"""So that few pictures certify a corrector."""
TREATMENTS = "none,weights,oversample:200,new-head,logit-adjustment,corrector"
BOTH = ("--models", "threeconv,knn", "--treatments", TREATMENTS, "--seeds", "0,1")
COMMAND = ("compare", DATA, *SHAPE, *GENEROUS, *BOTH)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of two models on two seeds. Read it only."""
    folder = tmp_path_factory.mktemp("compared") / "one"
    assert run([*COMMAND, "--out", str(folder)]) == 0
    return folder


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_model_is_judged_under_every_treatment_that_it_can_have(compared: Path) -> None:
    found = {(row["seed"], row["model"], row["treatment"]) for row in table(compared, "treatments")}
    assert {treatment for _, model, treatment in found if model == "threeconv"} == set(TREATMENTS.split(","))
    knn = {treatment for _, model, treatment in found if model == "knn"}
    assert knn == {"none", "weights", "oversample:200"}
    assert {seed for seed, _, _ in found} == {"0", "1"}


def test_only_the_test_part_is_counted_and_it_is_as_it_was(compared: Path) -> None:
    """No treatment adds, repeats or removes a picture there: supports are those of the split."""
    data = prepare(DataSettings(DATA, size=32, class_counts="surprise=60,happiness=420,neutral=280"))
    truth = data.labels[split(data, 0).rows("test")]
    supports = dict(zip(data.labelset.names, np.bincount(truth).tolist(), strict=True))
    for row in table(compared, "treated_classes"):
        assert int(row["total"]) == supports[row["class"]]
        assert int(row["hits"]) <= min(int(row["total"]), int(row["named"]))


def test_macro_recall_is_the_mean_over_common_classes(compared: Path) -> None:
    classes = table(compared, "treated_classes")
    assert {row["class"] for row in classes if row["common"] == "0"} == {"surprise"}
    for row in table(compared, "treatments"):
        own = [one for one in classes if all(one[key] == row[key] for key in ("seed", "model", "treatment"))]
        recalls = [float(one["recall"]) for one in own if one["common"] == "1"]
        assert float(row["macro_recall"]) == pytest.approx(np.mean(recalls), abs=1e-6)


def test_a_corrector_stands_beside_the_untreated_network(compared: Path) -> None:
    folder = compared / "cells" / "seed0" / "threeconv" / "none"
    plain, corrected = (read_arrays(folder / f"answers-{name}.npz") for name in ("none", "corrector"))
    assert np.array_equal(plain["probs"], corrected["probs"]) and np.array_equal(plain["ids"], corrected["ids"])
    changed = plain["answers"] != corrected["answers"]
    rare = Run(compared).manifest()["classes"].index("surprise")
    assert (corrected["answers"][changed] == rare).all()
    for part in ("calibrate", "test"):
        assert changed[plain["part"] == PARTS.index(part)].any(), f"the corrector says nothing on {part}"


def test_the_same_command_does_nothing_and_more_may_be_asked_for(mien: Mien, compared: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    command = ("compare", DATA, *SHAPE, *GENEROUS, "--models", "threeconv", "--seeds", "0", "--out", whole)
    assert mien(*command, "--treatments", "none").code == 0
    model = whole / "cells" / "seed0" / "threeconv" / "none" / "model.safetensors"
    before = model.stat().st_mtime_ns
    assert mien(*command, "--treatments", "none,new-head").code == 0
    assert model.stat().st_mtime_ns == before, "a treatment of the answers trains again"
    found = {row["treatment"]: row["macro_recall"] for row in table(whole, "treatments")}
    same = {
        row["treatment"]: row["macro_recall"]
        for row in table(compared, "treatments")
        if row["seed"] == "0" and row["model"] == "threeconv"
    }
    assert found == {name: same[name] for name in ("none", "new-head")}
    other = mien(*command, "--treatments", "none", "--learning-rate", "0.01")
    assert other.code != 0 and "other training" in other.err


def test_json_has_the_ranking_and_the_advice(mien: Mien, compared: Path) -> None:
    said = mien(*COMMAND, "--json", "--out", compared)
    assert said.code == 0, said
    found = json.loads(said.out)
    assert len(found["ranking"]) == 9 and found["advice"]
    for row in found["ranking"]:
        against = row["against_none"]
        assert (against is None) == (row["treatment"] == "none")
        assert against is None or against["low"] <= against["difference"] <= against["high"]


def test_the_report_is_made_again_from_what_there_is(mien: Mien, compared: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    shutil.copytree(compared, part)
    for file in (part / "cells" / "seed1").rglob("answers-weights.npz"):
        file.unlink()
    said = mien("report", part)
    assert said.code == 0, said
    assert "This comparison is not finished" in (part / "report.html").read_text()
    assert mien("report", compared).code == 0
    assert "not finished" not in (compared / "report.html").read_text()
    wrong = mien("report", part, "--beside", compared)
    assert wrong.code != 0 and "works only with a study" in wrong.err


def test_the_page_tells_what_to_do_and_runs_nothing(compared: Path) -> None:
    page = (compared / "report.html").read_text()
    assert "<script" not in page and "mien compare" in page
    for part in ("What to do", "Ranking", "Class by class", "Confusion", "Run it again"):
        assert f"<h2>{part}</h2>" in page
    assert "surprise (60)" in page, "what is too rare for a figure is not named"


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (("--treatments", "wheights"), "did you mean 'weights'"),
        (("--models", "atention"), "did you mean 'attention'"),
        (("--treatments", "focal:7"), "takes no target"),
        (("--seeds", ""), "at least one of the seeds is required"),
    ],
)
def test_wrong_names_are_answered_before_any_training(
    mien: Mien, tmp_path: Path, flags: tuple[str, str], hint: str
) -> None:
    said = mien("compare", DATA, *SHAPE, *flags, "--out", tmp_path / "wrong")
    assert said.code != 0 and hint in said.err and "Traceback" not in said.err
    assert not (tmp_path / "wrong" / "cells").exists()


def test_made_pictures_are_for_training_alone_and_shown(
    mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.experiments.treatments.task.train_generator", partial(train_generator, pictures=128))
    command = ("compare", DATA, *SHAPE, "--models", "oneconv", "--seeds", "0", "--treatments", "none,generate:150")
    assert mien(*command, "--out", tmp_path).code == 0
    folder = tmp_path / "cells" / "seed0" / "oneconv"
    made, plain = (
        json.loads((folder / name).read_text()) for name in ("generate%3a150/generated.json", "none/training.json")
    )
    whole = json.loads((folder / "generate%3a150" / "training.json").read_text())
    assert made["made"] > 0 and whole["pictures"] == plain["pictures"] + made["made"] - made["copies"]
    assert whole["shown"] / whole["epochs"] == plain["shown"] / plain["epochs"], "more pictures, but no longer epochs"
    ids = [
        read_arrays(folder / of)["ids"] for of in ("none/answers-none.npz", "generate%3a150/answers-generate%3a150.npz")
    ]
    assert np.array_equal(*ids)
    page = (tmp_path / "report.html").read_text()
    assert "Made pictures" in page and f"{made['made']} pictures made" in page


def test_no_treatment_is_shown_more_than_another(mien: Mien, tmp_path: Path) -> None:
    names = ("none", "undersample:20", "augment:1000", "with-fit")
    command = ("compare", DATA, *SHAPE, "--models", "oneconv", "--seeds", "0", "--treatments", ",".join(names))
    assert mien(*command, "--patience", "3", "--out", tmp_path).code == 0
    folder = tmp_path / "cells" / "seed0" / "oneconv"
    costs = [json.loads((folder / file_name(name) / "training.json").read_text()) for name in names]
    assert len({cost["shown"] for cost in costs}) == 1 and {cost["epochs"] for cost in costs} == {3}
    assert costs[3]["pictures"] > costs[0]["pictures"] > costs[1]["pictures"] == 60


def test_what_is_named_twice_is_done_once() -> None:
    settings = CompareSettings(
        DataSettings(DATA), seeds=(1, 0, 1), models=("knn", "knn"), treatments=("none", "oversample", "oversample:300")
    )
    assert (settings.seeds, settings.models) == ((1, 0), ("knn",))
    assert settings.treatments == ("none", "oversample:300")


def test_means_leave_out_what_is_too_rare_unless_all_is() -> None:
    assert common_classes(np.array([500, 21, 100])).tolist() == [True, False, True]
    assert common_classes(np.array([50, 0, 20])).tolist() == [True, False, True]


def test_every_treatment_is_in_the_help_or_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "imbalance.md").read_text()
    for name in named.TREATMENTS:
        assert f"`{name}`" in guide, f"{name} ({get_treatment(name).description}) is not in docs/imbalance.md"


def test_a_model_without_a_map_is_given_no_adapter(mien: Mien, tmp_path: Path) -> None:
    command = ("compare", DATA, *SHAPE, "--models", "vectors:Flat", "--seeds", "0", "--treatments", "none,corrector")
    (tmp_path / "vectors.py").write_text(FLAT)
    sys.path.insert(0, str(tmp_path))
    try:
        said = mien(*command, "--out", tmp_path / "run")
    finally:
        sys.path.remove(str(tmp_path))
    assert said.code == 0, said
    assert {row["treatment"] for row in table(tmp_path / "run", "treatments")} == {"none"}
    assert "not finished" not in (tmp_path / "run" / "report.html").read_text()


FLAT = """
from torch import nn
from mien.nets.network import Network

class Flat(Network):
    layers = ("squeezed", "logits")

    def __init__(self, classes, colours=1, known=None):
        super().__init__(classes, colours, known)
        self.first, self.logits = nn.Linear(1024, 8), nn.Linear(8, classes)

    def activations(self, pictures):
        found = {"squeezed": self.first(self.normalised(pictures).flatten(1)).relu()}
        return {**found, "logits": self.masked(self.logits(found["squeezed"]))}
"""
