"""mien audit: a table and a page of suspicious labels."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien

from mien.cli import run
from mien.data.faces import FaceSettings, draw
from mien.data.prepare import DataSettings, prepare
from mien.data.review_files import read
from mien.data.reviewed import labels_of, on_pictures

SMALL = ("--size", "32", "--epochs", "6")


@pytest.fixture(scope="module")
def audited(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an audit. Read it only."""
    folder = tmp_path_factory.mktemp("audits") / "one"
    assert run(["audit", str(faces), *SMALL, "--out", str(folder)]) == 0
    return folder


def test_an_audit_of_other_pictures_goes_elsewhere(mien: Mien, audited: Path, tmp_path: Path) -> None:
    """Reviews of the first would count for pictures of the same names."""
    other, folder = tmp_path / "other", Path(shutil.copytree(audited, tmp_path / "audit"))
    assert mien("data", "draw", other, "--n", "60", "--size", "32", "--seed", "9").code == 0
    before = (folder / "audit.npz").read_bytes()
    mien("audit", other, *SMALL, "--out", folder).refused(2, "other pictures", "another folder with --out")
    assert (folder / "audit.npz").read_bytes() == before


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "audit.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_picture_has_a_verdict_with_a_reason(audited: Path, faces: Path) -> None:
    found = rows(audited)
    data = prepare(DataSettings(str(faces), size=32))
    assert sorted(row["id"] for row in found) == sorted(data.ids.tolist())
    scores = [float(row["score"]) for row in found]
    assert scores == sorted(scores, reverse=True)
    given = dict(zip(data.ids.tolist(), np.array(data.labelset.names)[data.labels].tolist(), strict=True))
    for row in found:
        assert row["given"] == given[row["id"]] and row["reason"]
        assert (row["suggested"] != row["given"]) == (float(row["score"]) > 0)
        assert row["verdict"] != "fine" or row["suggested"] == row["given"]
        more = float(row["chance_suggested"]) - float(row["chance_given"])
        assert np.isclose(more, max(0, float(row["score"])), atol=2e-4)


def test_the_page_shows_pictures_and_runs_nothing(audited: Path) -> None:
    page = (audited / "index.html").read_text()
    assert "<script" not in page and "data:image/png;base64," in page and "http" not in page.split("</style>")[1]


def test_json_counts_what_the_table_holds(mien: Mien, audited: Path, faces: Path, tmp_path: Path) -> None:
    said = mien("audit", faces, *SMALL, "--json", "--out", tmp_path / "again")
    assert said.code == 0, said
    found = json.loads(said.out)
    table = rows(tmp_path / "again")
    assert table == rows(audited), "the same seed gives other verdicts"
    for kind, count in found["verdicts"].items():
        if kind != "duplicate conflict":
            assert count == sum(row["verdict"] == kind for row in table)
    assert sum(row["pictures"] for row in found["classes"].values()) == len(table)


def test_reviews_are_read_learnt_from_and_shown(mien: Mien, faces: Path, tmp_path: Path) -> None:
    data = prepare(DataSettings(str(faces), size=32))
    chosen = data.ids[::3].tolist()
    names = np.array(data.labelset.names)[data.labels[::3]].tolist()
    lines = [json.dumps({"id": name, "label": label}) for name, label in zip(chosen, names, strict=True)]
    (tmp_path / "reviews.jsonl").write_text("\n".join(lines))
    said = mien("audit", faces, *SMALL, "--reviews", tmp_path / "reviews.jsonl", "--out", tmp_path / "out")
    assert said.code == 0, said
    assert sum(row["reviewed"] != "" for row in rows(tmp_path / "out")) == len(chosen)


def test_the_last_word_of_a_reviewer_counts(faces: Path, tmp_path: Path) -> None:
    data = prepare(DataSettings(str(faces), size=32))
    one, other = data.ids[:2].tolist()
    (tmp_path / "r.csv").write_text(f"id,label,who\n{one},fear,a\n{other},anger,a\n{one},sadness,a\n{other},,a\n")
    found = labels_of(on_pictures(read(tmp_path / "r.csv"), data).reviews, data)
    assert data.labelset.names[found[0]] == "sadness" and (found[1:] == -1).all()


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("id,label\nnobody.png,fear\n", "nobody.png"),
        ('{"id": 3}\n', "label"),
        ("a,b\n1,2\n", "id"),
        ('{"id": nobody}\n', "not valid JSON"),
    ],
)
def test_reviews_that_cannot_be_used_are_named(
    mien: Mien, faces: Path, tmp_path: Path, content: str, hint: str
) -> None:
    (tmp_path / "r").write_text(content)
    mien("audit", faces, *SMALL, "--reviews", tmp_path / "r", "--out", tmp_path / "out").refused(2, hint, str(tmp_path))
    mien("audit", faces, *SMALL, "--reviews", tmp_path / "gone").refused(2, "gone")


def test_a_class_that_is_misspelt_in_a_review_has_a_hint(mien: Mien, faces: Path, tmp_path: Path) -> None:
    name = prepare(DataSettings(str(faces), size=32)).ids[0]
    (tmp_path / "r.csv").write_text(f"id,label\n{name},fera\n")
    mien("audit", faces, *SMALL, "--reviews", tmp_path / "r.csv").refused(2, "fear")


def test_labels_drawn_wrong_come_first() -> None:
    """Drawn faces, where the truth is known: noisy votes among them are found by one training run."""
    from mien.experiments.labels.audit import audit
    from mien.experiments.settings import AuditSettings
    from mien.nets.settings import TrainSettings

    source = "synthetic:n=800,size=24,seed=3"
    found = audit(AuditSettings(DataSettings(source, size=24), TrainSettings(epochs=12)))
    truth = draw(FaceSettings.parse(source)).mixture.argmax(1)
    names = draw(FaceSettings.parse(source)).dataset
    right = dict(zip(names.ids.tolist(), truth.tolist(), strict=True))
    wrong = np.array([right[name] for name in found.data.ids.tolist()]) != found.suspects.labels
    score = found.suspects.score
    assert 0.02 < wrong.mean() < 0.5
    assert score[wrong].mean() > score[~wrong].mean() + 0.1


def test_suggestions_are_for_people_and_refused_as_reviews(
    mien: Mien, audited: Path, faces: Path, tmp_path: Path
) -> None:
    """Whoever took them as labels would be tested against a classifier's opinion."""
    with (audited / "suggested.csv").open() as file:
        suggested = list(csv.DictReader(file))
    table = {row["id"]: row for row in rows(audited)}
    for row in suggested:
        assert row["label"] == table[row["id"]]["suggested"] and table[row["id"]]["verdict"] == "probably wrong"
    name = next(iter(table))
    (tmp_path / "s.csv").write_text(f"id,label,who\n{name},fear,mien audit\n")
    mien("train", faces, "--reviews", tmp_path / "s.csv").refused(2, "suggestions")
    mien("data", "inspect", faces, "--reviews", tmp_path / "gone.csv").refused(2, "gone.csv")
    (tmp_path / "r.csv").write_text(f"id,label\n{name},\n")
    flags = ("data", "inspect", faces, "--json")
    assert mien(*flags).out != mien(*flags, "--reviews", tmp_path / "r.csv").out


def test_an_audit_does_not_write_among_other_files(mien: Mien, faces: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    mien("audit", faces, *SMALL, "--out", tmp_path).refused(2, "not written by this command")
    mien("audit", faces, *SMALL, "--out", faces / "fear").refused(2, "inside the data")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    mien("audit", faces, *SMALL, "--augment-mixup", "0.2").refused(2, "mixup")


def test_votes_of_others_are_learnt_from(mien: Mien, tmp_path: Path) -> None:
    """That they teach something is for tests/labels; here, that they are asked where the flag says so, and not else."""
    voted = mien("audit", "synthetic:n=300,size=24", "--votes", "--epochs", "2", "--out", tmp_path / "a")
    blind = mien("audit", "synthetic:n=300,size=24", "--epochs", "2", "--out", tmp_path / "b")
    assert voted.code == blind.code == 0
    assert "learning from votes" in voted.err and "learning from votes" not in blind.err
    assert [row["score"] for row in rows(tmp_path / "a")] != [row["score"] for row in rows(tmp_path / "b")]
    out = ("--out", tmp_path / "c")
    (tmp_path / "r.csv").write_text("id,label\nface-000000,fear\n")
    mien("audit", "synthetic:n=300", "--votes", "--reviews", tmp_path / "r.csv", *out).refused(2, "one of them")
    mien("audit", "synthetic:n=300", "--merge", "crowdlab", *out).refused(2, "--reviews")
    mien("audit", "synthetic:n=24,size=24", "--votes", *out).refused(1, "--votes")


def test_the_classifier_is_tuned_on_votes_where_asked(mien: Mien, tmp_path: Path) -> None:
    small = ("audit", "synthetic:n=300,size=24", "--base", "oneconv", "--epochs", "2")
    folders = {flags: tmp_path / "-".join(flags) for flags in (("--votes",), ("--votes", "--tune"))}
    for flags, folder in folders.items():
        done = mien(*small, *flags, "--out", folder)
        assert done.code == 0 and ("tuning on votes, fold 5 of 5" in done.err) == ("--tune" in flags)
    plain, tuned = (rows(folder) for folder in folders.values())
    assert [row["score"] for row in plain] != [row["score"] for row in tuned]
    mien(*small, "--tune", "--out", tmp_path / "c").refused(2, "--votes")


def test_votes_that_teach_nothing_are_refused(mien: Mien, real_data: Path, tmp_path: Path) -> None:
    out = ("--class-counts", "happiness=40,sadness=40", "--out", tmp_path / "out")
    mien("audit", real_data / "emotion_detection", "--votes", *out).refused(2, "have no votes")
    mien("audit", real_data / "ferplus", "--votes", *out).refused(2, "--labels fer2013")


def test_equal_pictures_in_conflict_are_shown_with_the_names_of_classes(mien: Mien, tmp_path: Path) -> None:
    """FER2013 writes numbers: 3 is happiness, 0 anger."""
    rng = np.random.default_rng(0)
    pixels = [" ".join(map(str, rng.integers(0, 255, 24 * 24))) for _ in range(40)]
    lines = [f"{(3, 0)[row % 2]},{picture},Training" for row, picture in enumerate(pixels)]
    table = ["emotion,pixels,Usage", *lines, f"0,{pixels[0]},Training", f"0,{pixels[2]},Training"]
    (tmp_path / "fer2013.csv").write_text("\n".join(table))
    small = ("--size", "24", "--epochs", "1", "--base", "oneconv")
    said = mien("audit", tmp_path / "fer2013.csv", *small, "--out", tmp_path / "out")
    assert said.code == 0 and "4 more are equal pictures" in said.out
    conflict = (tmp_path / "out" / "index.html").read_text().partition("Duplicate conflict")[2]
    assert conflict.count("<img") == conflict.count("<b>happiness or anger</b>") == 2
    assert "row-000001" in conflict and "anger: row-000041" in conflict
