"""Tables of answers on the command line: corrected, predicted, watched; what they lack is refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien

import mien as package
from mien.cli import run

Columns = dict[str, list[object]]
QUICK = ("--class", "fraud", "--corrector", "lda", "--budget", "0.05", "--aim", "gain")
UNKNOWN = ("--trained-on", "unknown")


def drawn(count: int, seed: int) -> Columns:
    """Cases of which f sees one feature and the corrector another: f never answers fraud."""
    rng = np.random.default_rng(seed)
    fraud = rng.random(count) < 0.15
    chance = np.clip(0.2 + 0.1 * fraud + rng.normal(0, 0.05, count), 0.01, 0.45)
    columns: Columns = {
        "id": [f"case-{seed}-{row}" for row in range(count)],
        "label": np.where(fraud, "fraud", "legit").tolist(),
        "p_legit": (1 - chance).tolist(),
        "p_fraud": chance.tolist(),
        "amount": (rng.normal(0, 1, count) + 2.5 * fraud).tolist(),
        "hour": rng.integers(0, 24, count).tolist(),
    }
    return columns


def save(path: Path, columns: Columns) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("answers") / "answers.csv", drawn(2000, 0))


@pytest.fixture(scope="module")
def patch(table: Path) -> Path:
    """A patch for it. Read it only."""
    folder = table.parent / "fraud.patch"
    assert run(["correct", str(table), *QUICK, *UNKNOWN, "--classifier-id", "boosting 3", "--out", str(folder)]) == 0
    return folder


def new(folder: Path, change: Callable[[Columns], object] = lambda columns: None, seed: int = 1) -> Path:
    """A table of new cases without labels, changed."""
    columns = drawn(400, seed)
    del columns["label"]
    change(columns)
    return save(folder / f"new-{seed}.csv", columns)


def test_a_table_is_corrected_and_judged_on_rows_that_nothing_has_seen(mien: Mien, table: Path, tmp_path: Path) -> None:
    said = mien("correct", table, *QUICK, *UNKNOWN, "--out", tmp_path / "fraud.patch", "--json")
    figures = json.loads(said.out)
    assert said.code == 0 and figures["rows"] == {"fit": 900, "calibrate": 600, "test": 500, "trained on, left out": 0}
    assert figures["classes"]["fraud"]["recall_before"] == 0 < 0.5 < figures["classes"]["fraud"]["recall_after"]
    assert figures["harm"]["rate"] <= 0.05 and figures["promise"]["standing"] != "broken"
    assert figures["provenance"]["kind"] == "unknown" and "rows to calibrate on" in figures["assurance"]
    text = (tmp_path / "fraud.patch" / "report.html").read_text()
    assert "of the rows that f had wrong" in text and "pictures" not in text and "amount, hour" in text


def test_its_default_corrector_needs_no_adapter(mien: Mien, table: Path, tmp_path: Path) -> None:
    said = mien("correct", table, *QUICK[:2], *UNKNOWN, "--out", tmp_path / "fraud.patch")
    assert said.code == 0, said.err
    assert json.loads((tmp_path / "fraud.patch" / "patch.json").read_text())["correctors"] == ["blend"]


def test_new_rows_are_corrected_and_their_log_is_watched(mien: Mien, patch: Path, tmp_path: Path) -> None:
    said = mien("predict", new(tmp_path), "--patch", patch)
    lines = [json.loads(line) for line in said.out.splitlines()]
    truth = dict(zip(drawn(400, 1)["id"], drawn(400, 1)["label"], strict=True))
    assert said.code == 0 and [line["id"] for line in lines] == list(truth)
    assert all(line["overridden"] == (line["score"] > line["threshold"]) for line in lines)
    recovered = [line for line in lines if line["corrected"] == "fraud" == truth[line["id"]]]
    assert all(line["label"] == "legit" for line in lines) and len(recovered) > 25
    log = tmp_path / "decisions.jsonl"
    log.write_text(said.out)
    overridden = [line["id"] for line in lines if line["overridden"]]
    verdicts = save(tmp_path / "verdicts.csv", {"id": [*overridden], "label": [truth[name] for name in overridden]})
    watched = mien("watch", patch, log, verdicts, "--fresh")
    assert watched.code == 0 and "of 400 rows" in watched.out and "picture" not in watched.out + watched.err
    assert f"{len(overridden)} of {len(overridden)} overrides, 0 open" in watched.out
    assert "picture" not in (patch / "watch" / "report.html").read_text()


def test_corrected_rows_are_written_whole_in_any_format(mien: Mien, patch: Path, tmp_path: Path) -> None:
    place, out = new(tmp_path), tmp_path / "out.csv"
    assert mien("predict", place, "--patch", patch, "--out", out).code == 0
    header, *lines = out.read_text().splitlines()
    assert header == "id,label,corrected,overridden,legit,fraud,error,patch,score,threshold,time,group"
    assert len(lines) == 400
    mien("predict", place, "--patch", patch, "--out", out).refused(2, "exists already", "--fresh")
    assert mien("predict", place, "--patch", patch, "--out", out, "--fresh").code == 0
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    assert mien("predict", place, "--patch", patch, "--out", tmp_path / "out.parquet").code == 0
    ids = parquet.read_table(tmp_path / "out.parquet")["id"].to_pylist()
    assert ids == [line.partition(",")[0] for line in lines]


def test_a_broken_promise_on_new_rows_is_an_alarm(mien: Mien, patch: Path, tmp_path: Path) -> None:
    def shift(columns: Columns) -> None:
        columns["amount"] = [float(str(value)) + 3 for value in columns["amount"]]

    said = mien("predict", new(tmp_path, shift), "--patch", patch, "--csv")
    (tmp_path / "log.csv").write_text(said.out)
    truth = drawn(400, 1)
    verdicts = save(tmp_path / "verdicts.csv", {name: truth[name] for name in ("id", "label")})
    watched = mien("watch", patch, tmp_path / "log.csv", verdicts, "--fresh", "--on-alarm", "silence")
    assert watched.code == 3 and "since row" in watched.out
    restrained = mien("predict", new(tmp_path), "--patch", patch, "--csv")
    assert "the patch is silent" in restrained.err
    assert {row["overridden"] for row in csv.DictReader(restrained.out.splitlines())} == {"0"}
    assert mien("watch", patch, "--fresh").code == 0


def test_python_gives_the_same_answers(patch: Path, tmp_path: Path, mien: Mien) -> None:
    place = new(tmp_path)
    corrected = package.open(place, patch=patch)
    ids = drawn(400, 1)["id"][::-1]
    lines = [json.loads(line) for line in mien("predict", place, "--patch", patch).out.splitlines()]
    assert corrected.predict(ids).tolist() == [line["corrected"] for line in lines][::-1]


def test_a_class_that_the_classifier_lacks_is_a_target(mien: Mien, tmp_path: Path) -> None:
    columns = drawn(1500, 0)
    columns["label"] = ["Phishing" if label == "fraud" else label for label in columns["label"]]
    out = tmp_path / "new.patch"
    said = mien("correct", save(tmp_path / "a.csv", columns), "--class", "phishing", *QUICK[2:], *UNKNOWN, "--out", out)
    assert said.code == 0, said.err
    corrected = [json.loads(line) for line in mien("predict", new(tmp_path), "--patch", out).out.splitlines()]
    assert {line["corrected"] for line in corrected} == {"legit", "Phishing"}


def test_groups_stay_together_and_are_counted(mien: Mien, tmp_path: Path) -> None:
    columns = drawn(2000, 0)
    columns["group"] = [f"customer {row // 2}" for row in range(2000)]
    out = tmp_path / "fraud.patch"
    said = mien("correct", save(tmp_path / "a.csv", columns), *QUICK, *UNKNOWN, "--out", out)
    assert said.code == 0 and "groups or sets of copies to calibrate on" in said.out and "person" not in said.out

    def grouped(cells: Columns) -> None:
        cells["group"] = [f"customer {row // 4}" for row in range(400)]

    log = tmp_path / "log.jsonl"
    log.write_text(mien("predict", new(tmp_path, grouped), "--patch", out).out)
    watched = mien("watch", out, log)
    assert "of 100 groups" in watched.out and "person" not in watched.out


def test_copies_are_one_unless_there_are_groups(mien: Mien, tmp_path: Path) -> None:
    columns = {title: [*cells, *cells] for title, cells in drawn(800, 0).items()}
    columns["id"] = list(range(1600))
    said = mien("correct", save(tmp_path / "a.csv", columns), *QUICK, *UNKNOWN, "--out", tmp_path / "a.patch")
    assert "groups or sets of copies to calibrate on" in said.out
    columns["group"] = list(range(1600))
    said = mien("correct", save(tmp_path / "a.csv", columns), *QUICK, *UNKNOWN, "--out", tmp_path / "b.patch")
    assert "rows to calibrate on" in said.out


def test_rows_that_were_trained_on_are_left_out(mien: Mien, tmp_path: Path) -> None:
    columns = drawn(2000, 0)
    place = save(tmp_path / "a.csv", columns)
    trained = save(tmp_path / "trained.csv", {"id": columns["id"][:300]})
    said = mien("correct", place, *QUICK, "--trained-on", trained, "--out", tmp_path / "a.patch", "--json")
    figures = json.loads(said.out)
    assert figures["provenance"]["kind"] == "stated" and figures["rows"]["trained on, left out"] == 300
    ids = np.load(tmp_path / "a.patch" / "calibration.npz")["ids"]
    assert not np.isin(ids, columns["id"][:300]).any()
    strangers = save(tmp_path / "others.csv", {"id": ["elsewhere"]})
    said = mien("correct", place, *QUICK, "--trained-on", strangers, "--out", tmp_path / "b.patch")
    assert "names no row of the table" in said.out


def test_the_user_may_fix_the_parts_and_mark_what_was_trained_on(mien: Mien, tmp_path: Path) -> None:
    columns = drawn(2000, 0)
    parts = ["train"] * 200 + ["fit"] * 800 + ["calibrate"] * 600 + ["test"] * 400
    columns["part"] = list(parts)
    place, out = save(tmp_path / "a.csv", columns), tmp_path / "a.patch"
    figures = json.loads(mien("correct", place, *QUICK, "--out", out, "--json").out)
    assert figures["rows"] == {"fit": 800, "calibrate": 600, "test": 400, "trained on, left out": 200}
    assert figures["provenance"]["kind"] == "stated"
    assert sorted(np.load(out / "calibration.npz")["ids"]) == sorted(map(str, columns["id"][1000:1600]))
    mien("correct", place, *QUICK, "--fit-share", "0.7", "--out", out).refused(2, "--fit-share", "column part")
    columns["part"] = ["train"] * 200 + [""] * 1800
    figures = json.loads(mien("correct", save(place, columns), *QUICK, "--out", out, "--json").out)
    assert figures["rows"]["fit"] == 810 and figures["rows"]["trained on, left out"] == 200
    columns["part"] = [*parts[:-1], ""]
    mien("correct", save(place, columns), *QUICK, "--out", out).refused(1, "row 2000, column part", "has no part")
    columns["part"], columns["group"] = list(parts), ["", *map(str, range(1998)), "900"]
    mien("correct", save(place, columns), *QUICK, "--out", out).refused(1, "another part", "row 2000")


def test_a_feature_made_from_the_label_is_noted(mien: Mien, tmp_path: Path) -> None:
    columns = drawn(1500, 0)
    columns["chargeback"] = [int(label == "fraud") for label in columns["label"]]
    said = mien("correct", save(tmp_path / "a.csv", columns), *QUICK, *UNKNOWN, "--out", tmp_path / "a.patch")
    assert "column chargeback alone tells fraud from the rest" in said.out


def spoil(title: str, row: int, value: object) -> Callable[[Columns], object]:
    return lambda columns: columns[title].__setitem__(row, value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda columns: columns.pop("label"), ["has no labels", "column label"]),
        (lambda columns: columns.update(label=[""] * 400), ["a label in no row"]),
        (spoil("label", 6, "frud"), ["row 7, column label", "'frud' is no class", "did you mean 'fraud'?"]),
        (spoil("p_fraud", 0, 80), ["rows count from 0"]),
        (spoil("amount", 9, ""), ["row 10, column amount: has no value", "fill the cells"]),
        (spoil("id", 3, "case-1-0"), ["ids repeat, such as 'case-1-0'"]),
        (lambda columns: columns.update(label=["legit"] * 400), ["0 of", "of class fraud"]),
    ],
)
def test_a_bad_table_is_refused_and_nothing_is_written(
    mien: Mien, tmp_path: Path, change: Callable[[Columns], object], words: list[str]
) -> None:
    columns = drawn(400, 1)
    change(columns)
    out = tmp_path / "out" / "fraud.patch"
    mien("correct", save(tmp_path / "a.csv", columns), *QUICK, *UNKNOWN, "--out", out).refused(1, "a.csv", *words)
    assert not out.parent.exists()


def test_wrong_usage_is_refused(mien: Mien, table: Path, patch: Path, patched: Path, tmp_path: Path) -> None:
    place, out = new(tmp_path), ("--out", tmp_path / "a.patch")
    mien("correct", table, *QUICK, *out).refused(2, "not known what the classifier was trained on", "--trained-on")
    mien("correct", table, table, *QUICK, *UNKNOWN).refused(2, "has its own rows and labels")
    mien("correct", table, *QUICK, *UNKNOWN, "--found", "x:1", *out).refused(2, "--found", "not for tables")
    mien("correct", table, *QUICK, *UNKNOWN, "--class", "froad", *out).refused(2, "'froad'", "did you mean 'fraud'?")
    mien("correct", tmp_path, *QUICK, *UNKNOWN, *out).refused(2, "DATA")
    mien("correct", table, "--class", "fraud", "--corrector", "adapter", *UNKNOWN, *out).refused(2, "no map")
    mien("predict", place).refused(2, "has its answers already", "--patch")
    mien("predict", place, "--patch", patch, "--run", "base").refused(2, "--run", "for pictures")
    mien("predict", place, "x.png", "--patch", patch).refused(2, "x.png", "is no table")
    mien("predict", place, "--patch", patched).refused(2, "is no patch for tables")
    mien("predict", place, "--patch", patch, "--classifier-id", "boosting 4").refused(
        2, "'boosting 3', not 'boosting 4'"
    )
    assert mien("predict", place, "--patch", patch, "--classifier-id", "boosting 3").code == 0
    assert not (tmp_path / "a.patch").exists()


def test_tables_of_another_classifier_are_refused_before_a_line_is_printed(
    mien: Mien, patch: Path, tmp_path: Path
) -> None:
    good = new(tmp_path)
    other = new(tmp_path, lambda columns: columns.update(p_else=[0] * 400), seed=2)
    fewer = new(tmp_path, lambda columns: columns.pop("hour"), seed=3)
    for bad, word in ((other, "classifier of legit, fraud"), (fewer, "has no column hour")):
        said = mien("predict", good, bad, "--patch", patch)
        said.refused(1, bad.name, word)
        assert not said.out


def test_an_edited_patch_is_refused(mien: Mien, patch: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(patch, tmp_path / "copy.patch"))
    stored = json.loads((copy / "patch.json").read_text())
    place = new(tmp_path)
    for change in ({"unit": "frames"}, {"columns": 7}, {"columns": {"classes": ["a"], "vectors": 3}}, {"columns": {}}):
        (copy / "patch.json").write_text(json.dumps({**stored, **change}))
        said = mien("predict", place, "--patch", copy)
        said.refused(1, "patch.json")
    (copy / "patch.json").write_text(json.dumps({**stored, "columns": {**stored["columns"], "name": "other"}}))
    mien("predict", place, "--patch", copy).refused(1, "was made for another classifier")
