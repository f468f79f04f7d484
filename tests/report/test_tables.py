"""The tables of a study, from a run made of random numbers."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest
from fake_study import CLASSES, make_study_run

from mien.experiments.tables import TABLES
from mien.metrics.correction import scores
from mien.report.study.results import correctors_best_first
from mien.report.study.tables import PERCENTS, build
from mien.storage.files import read_arrays, read_json, write_arrays, write_json
from mien.storage.run import Run

SEEDS, CORRECTORS = (0, 1), ("boosting", "probe")
STUDIES = len(SEEDS) * len(CORRECTORS) * len(CLASSES)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = make_study_run(tmp_path_factory.mktemp("study"), SEEDS, CORRECTORS)
    build(run)
    return run


def where(rows: list[dict], **wanted: object) -> list[dict]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


@pytest.mark.parametrize(
    ("name", "count", "columns"),
    [
        ("retention", STUDIES * 7, "seed corrector left_out label hits total rate low high"),
        ("harm", STUDIES * 7, "seed corrector left_out label hits total rate low high"),
        ("gain", STUDIES, "seed corrector left_out hits total rate low high"),
        ("delta_fpr", STUDIES, "seed corrector left_out total hits_f fpr_f hits_h fpr_h delta_fpr"),
        (
            "restored",
            STUDIES * 7,
            "seed corrector left_out label hits total recall relative_gain full_hits full_recall retrained_hits "
            "retrained_recall restored low high",
        ),
        ("curves", (STUDIES + len(SEEDS) * 7 * 2) * 51, "seed corrector left_out harm gain"),
        ("confusion", STUDIES * 3 * 49, "seed corrector left_out system truth answer count"),
        ("mcnemar", STUDIES * 8, "seed corrector left_out label harmed repaired p"),
        ("cost", len(SEEDS) * (2 * 2 + 7 * 8), "seed cell stage seconds pictures"),
        (
            "history",
            len(SEEDS) * 9 * 12,
            "seed cell epoch train_loss train_accuracy validation_loss validation_accuracy validation_macro_recall",
        ),
        (
            "certificates",
            STUDIES * 7,
            "seed corrector left_out group kind budget confidence n k threshold feasible needed holds other_k "
            "other_threshold other_needed other_holds in_force harm_hits harm_total harm low high harm_groups_hits "
            "harm_groups_total harm_groups standing",
        ),
    ],
)
def test_every_table_has_its_rows_and_columns(run: Run, name: str, count: int, columns: str) -> None:
    rows = run.read_table(TABLES[name])
    assert len(rows) == count
    assert list(rows[0]) == columns.split()


def test_ranking_has_both_fits_and_every_harm(run: Run) -> None:
    rows = run.read_table(TABLES["ranking"])
    assert len(rows) == 2 * STUDIES
    assert {row["fitted_on"] for row in rows} == {"correct", "fit"}
    columns = ["seed", "corrector", "left_out", "fitted_on", "auroc", "pauc", "total"]
    for name in ("gain_at_harm", "restored_at_equal_harm", "against_retrained"):
        for p in PERCENTS:
            columns += [f"{name}_{p}{end}" for end in ("", "_low", "_high")]
            columns += [f"{name}_{p}_hits"] * (name == "gain_at_harm")
    assert sorted(rows[0]) == sorted(columns)
    for row in rows:
        for p in PERCENTS:
            assert row[f"gain_at_harm_{p}"] == pytest.approx(row[f"gain_at_harm_{p}_hits"] / row["total"])
            for figure in (f"gain_at_harm_{p}", f"restored_at_equal_harm_{p}", f"against_retrained_{p}"):
                assert math.isnan(row[figure]) or row[f"{figure}_low"] <= row[figure] <= row[f"{figure}_high"]
    assert all(row["gain_at_harm_1"] <= row["gain_at_harm_2"] <= row["gain_at_harm_5"] for row in rows)


def test_harm_and_retention_are_complements_and_undefined_on_the_diagonal(run: Run) -> None:
    for harm, kept in zip(run.read_table(TABLES["harm"]), run.read_table(TABLES["retention"]), strict=True):
        if harm["label"] == harm["left_out"]:
            assert harm["total"] == 0 and math.isnan(harm["rate"]) and math.isnan(kept["rate"])
        else:
            assert harm["rate"] + kept["rate"] == pytest.approx(1)
            assert harm["low"] <= harm["rate"] <= harm["high"]


def test_figures_agree_with_a_decision_made_by_hand(run: Run) -> None:
    left, folder = 4, run.path("cells", "seed1", "without-sadness")
    test, stored = read_arrays(folder / "test.npz"), read_arrays(folder / "scores" / "probe.npz")
    key = {"seed": 1, "corrector": "probe", "left_out": "sadness"}
    pooled = where(run.read_table(TABLES["certificates"]), **key, group="pooled")[0]
    base = test["probs"].argmax(1)
    final = np.where(stored["score"] > pooled["threshold"], left, base)
    expected = scores(test["truth"], base, final, K=7)
    assert where(run.read_table(TABLES["gain"]), **key)[0]["hits"] == expected.gain.hits[left]
    assert where(run.read_table(TABLES["delta_fpr"]), **key)[0]["delta_fpr"] == pytest.approx(expected.delta_fpr[left])
    assert where(run.read_table(TABLES["mcnemar"]), **key, label="all")[0]["harmed"] == expected.harm.hits.sum()
    assert pooled["harm_hits"] == expected.harm.hits.sum()
    assert pooled["harm_total"] == expected.harm.totals.sum()


def test_the_corrected_system_is_silent_where_nothing_can_be_certified(run: Run) -> None:
    pooled = where(run.read_table(TABLES["certificates"]), group="pooled")
    silent = [row for row in pooled if not row["feasible"]]
    assert 0 < len(silent) < len(pooled)
    for row in silent:
        assert row["n"] < row["needed"] == 149
        assert row["threshold"] == math.inf
        key = {name: row[name] for name in ("seed", "corrector", "left_out")}
        assert where(run.read_table(TABLES["gain"]), **key)[0]["hits"] == 0


def test_the_restored_share_stands_on_the_left_out_row_only(run: Run) -> None:
    for row in run.read_table(TABLES["restored"]):
        if row["label"] != row["left_out"]:
            assert math.isnan(row["restored"])
        elif row["full_hits"]:
            assert row["restored"] == pytest.approx(row["hits"] / row["full_hits"])
            assert row["low"] <= row["restored"] <= row["high"]


def test_confusion_counts_every_picture_once(run: Run) -> None:
    key = {"seed": 0, "corrector": "probe", "left_out": "fear"}
    rows = where(run.read_table(TABLES["confusion"]), **key)
    pictures = len(read_arrays(run.path("cells", "seed0", "full", "test.npz"))["truth"])
    assert [sum(row["count"] for row in where(rows, system=system)) for system in ("f", "h", "full")] == [pictures] * 3
    assert sum(row["count"] for row in where(rows, system="f", answer="fear")) == 0


def test_summary_is_the_mean_over_left_out_classes(run: Run) -> None:
    rows = run.read_table(TABLES["summary"])
    assert [(row["seed"], row["corrector"]) for row in rows] == [(s, c) for s in SEEDS for c in CORRECTORS]
    gains = [row["rate"] for row in where(run.read_table(TABLES["gain"]), seed=0, corrector="probe")]
    row = where(rows, seed=0, corrector="probe")[0]
    assert row["mean_gain"] == pytest.approx(np.mean(gains))
    assert row["n_mean_gain"] == 7
    columns = [name for name in row if name not in ("seed", "corrector") and not name.startswith("n_")]
    assert all(f"n_{name}" in row for name in columns)


def test_an_unfinished_study_gives_fewer_rows(tmp_path) -> None:
    run = make_study_run(tmp_path, seeds=(0,), correctors=("probe",))
    run.path("cells", "seed0", "full", "cell.json").unlink()
    shutil.rmtree(run.path("cells", "seed0", "without-fear"))
    build(run)
    rows = run.read_table(TABLES["restored"])
    assert {row["left_out"] for row in rows} == set(CLASSES) - {"fear"}
    assert all(math.isnan(row["full_recall"]) and not math.isnan(row["retrained_recall"]) for row in rows)
    assert {row["corrector"] for row in run.read_table(TABLES["curves"])} == {"probe", "retrained network"}


def test_a_study_without_any_finished_cell_gives_empty_tables(tmp_path) -> None:
    run = make_study_run(tmp_path, seeds=(0,), correctors=("probe",))
    shutil.rmtree(run.path("cells"))
    build(run)
    assert run.read_table(TABLES["gain"]) == run.read_table(TABLES["summary"]) == run.read_table(TABLES["cost"]) == []


@pytest.mark.parametrize("scope", ["pooled", "strict", "predicted"])
def test_abstaining_shows_in_the_confusion_matrix(tmp_path, scope: str) -> None:
    run = make_study_run(tmp_path, seeds=(0,), correctors=("probe",))
    with_policy(run, scope=scope, action="abstain")
    abstained = where(run.read_table(TABLES["confusion"]), answer="abstained")
    assert {row["system"] for row in abstained} == {"h"}
    # what abstaining and flagging touch is counted as an override
    harm = {row["left_out"]: row["harm_hits"] for row in where(run.read_table(TABLES["certificates"]), group="pooled")}
    for left_out, hits in harm.items():
        touched = where(abstained, left_out=left_out)
        caught = next(row["count"] for row in touched if row["truth"] == left_out)
        assert where(run.read_table(TABLES["gain"]), left_out=left_out)[0]["hits"] == caught
        assert hits <= sum(row["count"] for row in touched) - caught
        recall = where(run.read_table(TABLES["restored"]), left_out=left_out, label=left_out)[0]
        assert recall["hits"] == 0 and recall["restored"] == pytest.approx(caught / recall["full_hits"])


def with_policy(run: Run, **policy: object) -> Run:
    manifest = read_json(run.path("run.json"))
    manifest["policy"] = {"budget": 0.2, "delta": 0.05, "scope": "pooled", "action": "relabel", **policy}
    write_json(run.path("run.json"), manifest)
    build(run)
    return run


def test_flagging_keeps_the_answers_and_counts_what_is_flagged(tmp_path) -> None:
    run = make_study_run(tmp_path, seeds=(0,), correctors=("probe",))
    names = ("gain", "harm", "delta_fpr", "ranking")
    relabelled = {name: with_policy(run).read_table(TABLES[name]) for name in names}
    flagged = with_policy(run, action="flag")
    assert all(str(flagged.read_table(TABLES[name])) == str(relabelled[name]) for name in names)
    assert any(row["hits"] for row in relabelled["gain"])
    row = flagged.read_table(TABLES["summary"])[0]
    assert row["macro_recall_h"] == row["macro_recall_f"]


def test_the_corrector_is_chosen_on_calibration_pictures(tmp_path) -> None:
    run = make_study_run(tmp_path, seeds=(0,))
    build(run)
    assert correctors_best_first(run) == ["probe", "boosting"]
    for name in CLASSES:  # exchange what calibrate says; test stays as it is
        folder = run.path("cells", "seed0", f"without-{name}", "scores")
        stored = {corrector: read_arrays(folder / f"{corrector}.npz") for corrector in CORRECTORS}
        for corrector, other in zip(CORRECTORS, reversed(CORRECTORS), strict=True):
            seen = {key: value for key, value in stored[other].items() if key.startswith("calibrate_")}
            write_arrays(folder / f"{corrector}.npz", **{**stored[corrector], **seen})
    build(run)
    assert correctors_best_first(run) == ["boosting", "probe"]


def test_a_person_is_harmed_once_however_many_pictures_are(run: Run) -> None:
    key = {"seed": 1, "corrector": "probe", "left_out": "sadness"}
    test = read_arrays(run.path("cells", "seed1", "without-sadness", "test.npz"))
    stored = read_arrays(run.path("cells", "seed1", "without-sadness", "scores", "probe.npz"))
    for group, classes in (("pooled", range(7)), ("happiness", [3])):
        row = where(run.read_table(TABLES["certificates"]), **key, group=group)[0]
        assert row["in_force"] == where(run.read_table(TABLES["certificates"]), **key, group="pooled")[0]["threshold"]
        right = (test["probs"].argmax(1) == test["truth"]) & np.isin(test["truth"], classes)
        harmed = right & (stored["score"] > row["in_force"])
        assert row["harm_groups_total"] == len(set(test["groups"][right])) < row["harm_total"]
        assert row["harm_groups_hits"] == len(set(test["groups"][harmed])) <= row["harm_hits"]


def test_certificates_are_for_the_classes_that_f_knows(tmp_path) -> None:
    run = make_study_run(tmp_path, seeds=(0,), correctors=("probe",))
    path = run.path("cells", "seed0", "without-fear", "test.npz")
    test = read_arrays(path)
    test["known"][2] = False  # no picture of disgust in train either
    write_arrays(path, **test)
    path = run.path("cells", "seed0", "without-anger", "test.npz")
    write_arrays(path, **{name: values for name, values in read_arrays(path).items() if name != "known"})
    build(run)
    groups = {
        left: [row["group"] for row in where(run.read_table(TABLES["certificates"]), left_out=left)]
        for left in ("fear", "anger")
    }
    assert groups["fear"] == ["pooled", *(name for name in CLASSES if name not in ("fear", "disgust"))]
    assert groups["anger"] == ["pooled", *(name for name in CLASSES if name != "anger")]  # older runs do not say


def test_weighted_gain_weighs_classes_by_their_pictures(run: Run) -> None:
    gains = where(run.read_table(TABLES["gain"]), seed=0, corrector="probe")
    row = where(run.read_table(TABLES["summary"]), seed=0, corrector="probe")[0]
    expected = sum(each["hits"] for each in gains) / sum(each["total"] for each in gains)
    assert row["weighted_gain"] == pytest.approx(expected) != row["mean_gain"]


def test_building_twice_gives_the_same_tables(run: Run) -> None:
    before = {path.name: path.read_bytes() for path in run.path("tables").iterdir()}
    build(run)
    assert before == {path.name: path.read_bytes() for path in run.path("tables").iterdir()}


def test_a_class_called_like_a_row_of_its_own_keeps_one() -> None:
    from mien.certify.calibration_set import CalibrationSet
    from mien.certify.guarantees import RARE
    from mien.certify.policy import Policy
    from mien.types import LabelSet, Proposal, row_name

    names = ("all", "pooled", "rare classes", "calm, awake")
    truth = np.arange(40) % 4
    proposal = Proposal(np.arange(40).astype(str), np.linspace(0, 1, 40), np.full(40, 3))
    policy = Policy(budget=0.2, delta=0.3, scope="strict", pool_rare=True)
    found = CalibrationSet.of(proposal, truth, truth).certify(policy, LabelSet(names))
    groups = [guarantee.group for guarantee in found.guarantees]
    assert len(set(groups)) == len(groups) and groups[0] == "pooled"
    assert {row_name(name) for name in names} <= set(groups) <= {*map(row_name, names), "pooled", RARE}
