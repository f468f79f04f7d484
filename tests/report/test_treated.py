"""Tables and advice of a comparison, from answers made up for the purpose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mien.cli.compare import as_figures
from mien.experiments.tables import TABLES
from mien.report.treatments import page as treatments_page
from mien.report.treatments import tables as treatments_tables
from mien.report.treatments.advice import advised, treatments_best_first
from mien.storage.files import to_json, write_arrays
from mien.storage.run import Run
from mien.types import PARTS

CLASSES = ("neutral", "fear", "anger")


def run_of(
    folder: Path,
    answers: Mapping[str, np.ndarray],
    truth: np.ndarray,
    counts: tuple[int, ...],
    seeds: tuple[int, ...] = (0, 1),
) -> Run:
    """A run of one model with these answers under each treatment, the same on both parts and on all seeds."""
    run = Run(folder)
    run.write_manifest(
        {
            "kind": "compare", "classes": CLASSES, "models": ["oneconv"], "treatments": list(answers),
            "seeds": list(seeds),
            "given": {"oneconv": list(answers)}, "started": "2026-01-01", "settings": {}, "command": "",
            "data": {"name": "made up", "usable": sum(counts), "counts": counts},
        }
    )  # fmt: skip
    both = np.concatenate([truth, truth])
    part = np.repeat([PARTS.index("calibrate"), PARTS.index("test")], len(truth))
    for seed in seeds:
        for name, answer in answers.items():
            write_arrays(
                run.path("cells", f"seed{seed}", "oneconv", name, f"answers-{name}.npz"),
                ids=np.arange(len(both)).astype(str), truth=both, answers=np.concatenate([answer, answer]),
                probs=np.eye(3)[np.concatenate([answer, answer])], part=part,
                groups=np.arange(len(both)).astype(str), sources=np.full(len(both), ""), seconds=np.array(1.0),
            )  # fmt: skip
    treatments_tables.build(run)
    return run


TRUTH = np.repeat([0, 1, 2], [970, 20, 10])


def wrong(share: float, truth: np.ndarray = TRUTH) -> np.ndarray:
    """Answers of which a share is wrong, in every class alike."""
    answer = truth.copy()
    for c in range(3):
        own = np.flatnonzero(truth == c)
        answer[own[: round(share * len(own))]] = (c + 1) % 3
    return answer


def test_a_good_classifier_of_lopsided_data_has_not_collapsed(tmp_path: Path) -> None:
    answers = {"none": wrong(0.4), "weights": TRUTH, "focal": np.zeros_like(TRUTH)}
    run = run_of(tmp_path, answers, TRUTH, (9700, 200, 100))
    table = {row["treatment"]: row for row in run.read_table(TABLES["treatments"]) if row["seed"] == 0}
    assert table["weights"]["share"] >= 0.95 and not table["weights"]["collapsed"]
    assert table["focal"]["collapsed"]
    assert treatments_best_first(run)[0] == ("oneconv", "weights") and treatments_best_first(run)[-1] == (
        "oneconv",
        "focal",
    )
    lead = advised(run)[0][1]
    assert lead.startswith("Train oneconv with weights") and any(tone == "bad" for tone, _ in advised(run))


def test_without_none_nothing_is_said_of_what_a_treatment_is_worth(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"weights": wrong(0.1), "focal": wrong(0.3)}, TRUTH, (9700, 200, 100))
    lead = advised(run)[0][1]
    assert "Add none" in lead and "no treatment did better" not in lead and "weights" in lead


def test_no_treatment_is_recommended_for_being_no_better(tmp_path: Path) -> None:
    same = run_of(tmp_path / "same", {"none": wrong(0.2), "weights": wrong(0.2)}, TRUTH, (9700, 200, 100))
    assert "as it is" in advised(same)[0][1] or "No treatment is better" in advised(same)[0][1]
    worse = run_of(tmp_path / "worse", {"none": wrong(0.1), "weights": wrong(0.4)}, TRUTH, (9700, 200, 100))
    assert advised(worse)[0][1].startswith("Train oneconv as it is: of 1 treatments none was better on calibrate")
    alone = run_of(tmp_path / "alone", {"none": wrong(0.1)}, TRUTH, (9700, 200, 100))
    assert "Name treatments" in advised(alone)[0][1]


def test_the_best_by_f1_is_named_where_it_is_another(tmp_path: Path) -> None:
    eager = TRUTH.copy()
    eager[:60] = 1  # finds all fear, and says it of some 60 neutral pictures
    careful = TRUTH.copy()
    careful[np.flatnonzero(TRUTH == 1)[:5]] = 0
    run = run_of(tmp_path / "two", {"none": careful, "weights": eager}, TRUTH, (9700, 200, 100))
    said = [line for _, line in advised(run)]
    assert "Best on calibrate is oneconv with weights" in said[0]
    assert any("judge by macro F1: oneconv as it is was best" in line for line in said)
    one = run_of(tmp_path / "one", {"none": wrong(0.3), "weights": wrong(0.1)}, TRUTH, (9700, 200, 100))
    assert not any("macro F1:" in line for _, line in advised(one))


def test_what_has_more_pictures_is_no_rival(tmp_path: Path) -> None:
    answers = {"none": wrong(0.4), "weights": wrong(0.3), "corrector": TRUTH, "with-fit": wrong(0.1)}
    said = advised(run_of(tmp_path, answers, TRUTH, (9700, 200, 100)))
    assert said[0][1].startswith("Train oneconv with weights")
    assert any("a corrector beside oneconv" in line and "a training that has them too" in line for _, line in said)


def test_one_seed_recommends_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"none": wrong(0.4), "weights": TRUTH}, TRUTH, (9700, 200, 100), seeds=(0,))
    said = [line for _, line in advised(run)]
    assert as_figures(run)["seeds"] == [0] and "NaN" not in to_json(as_figures(run))
    assert "on one seed so far" in said[0] and any(line.startswith("One seed cannot tell") for line in said)


def test_when_all_collapsed_nothing_is_recommended(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"none": np.ones_like(TRUTH), "focal": np.zeros_like(TRUTH)}, TRUTH, (9700, 200, 100))
    assert advised(run)[0][1].startswith("Every model collapsed")
    assert not any("macro F1:" in line for _, line in advised(run))


def test_rare_classes_are_named_only_where_they_are_left_out(tmp_path: Path) -> None:
    apart = run_of(tmp_path / "apart", {"none": wrong(0.1)}, TRUTH, (9700, 200, 40))
    assert "anger (40)" in " ".join(line for _, line in advised(apart))
    small = run_of(tmp_path / "small", {"none": wrong(0.1)}, TRUTH, (90, 20, 10))
    assert "left out of all means" not in " ".join(line for _, line in advised(small))


def test_names_stay_names(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"none": wrong(0.1)}, TRUTH, (9700, 200, 100))
    run.write_table(TABLES["treated_sources"], [{"source": "01", "model": "1"}, {"source": "1", "model": "2"}])
    assert [row["source"] for row in run.read_table(TABLES["treated_sources"])] == ["01", "1"]
    assert treatments_page.write(run).exists()
