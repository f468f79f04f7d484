"""Weights of reviewers: better reviewers count for more."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mien.cli import run
from mien.data.faces import FaceSettings, draw
from mien.data.reviewed import labels_of
from mien.data.reviews import Review
from mien.errors import UsageError

pytest.importorskip("cleanlab", reason="cleanlab is not installed")
from mien.labels.reviewers import crowdlab, reviewers

SKILLS = {"anna": 0.95, "ben": 0.6, "carl": 0.3}
FACES = draw(FaceSettings(n=300, size=16))


def simulated_reviews(reviewed: int = 150) -> list[Review]:
    """Each reviewer is right with the probability of their skill, and answers at random otherwise."""
    rng = np.random.default_rng(0)
    names = FACES.dataset.labelset.names
    return [
        Review(str(FACES.dataset.ids[row]), names[FACES.truth[row] if rng.random() < skill else rng.integers(7)], who)
        for who, skill in SKILLS.items()
        for row in range(reviewed)
    ]


def test_good_reviewers_count_for_more_than_most() -> None:
    belief = np.full((300, 7), 0.1) + 0.2 * np.eye(7)[FACES.truth]
    belief /= belief.sum(1, keepdims=True)
    labels, quality = crowdlab(simulated_reviews(), FACES.dataset, belief)
    most = labels_of(simulated_reviews(), FACES.dataset)
    assert (labels[:150] == FACES.truth[:150]).mean() > (most[:150] == FACES.truth[:150]).mean() + 0.05
    assert quality["anna"] > quality["ben"] > quality["carl"]
    assert (labels[150:] == -1).all()


def test_withdrawn_reviews_and_lone_reviewers() -> None:
    belief = np.full((300, 7), 1 / 7)
    key = str(FACES.dataset.ids[0])
    labels, _ = crowdlab([*simulated_reviews(), *(Review(key, None, who) for who in SKILLS)], FACES.dataset, belief)
    assert labels[0] == -1 and (labels[1:150] >= 0).all()
    with pytest.raises(UsageError, match="2 people"):
        crowdlab([review for review in simulated_reviews() if review.who == "anna"], FACES.dataset, belief)


def test_the_audit_reports_the_quality_of_each_reviewer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (json.dumps({"id": one.id, "label": one.label, "who": one.who}) for one in simulated_reviews())
    (tmp_path / "reviews.jsonl").write_text("\n".join(lines))
    command = ["audit", "synthetic:n=300,size=16", "--size", "16", "--epochs", "1", "--json", "--merge", "crowdlab"]
    assert run([*command, "--reviews", str(tmp_path / "reviews.jsonl"), "--out", str(tmp_path / "out")]) == 0
    people = json.loads(capsys.readouterr().out)["reviewers"]
    assert people["anna"]["quality"] > people["ben"]["quality"] > people["carl"]["quality"]
    assert people["anna"]["agreement"] > people["carl"]["agreement"] and people["anna"]["shared"] == 150
    assert "Reviewers" in (tmp_path / "out" / "index.html").read_text()


def test_without_weights_reviewers_are_compared_with_each_other() -> None:
    people = {one.who: one for one in reviewers(simulated_reviews(), {})}
    assert people["anna"].agreement > people["ben"].agreement > people["carl"].agreement
    assert {one.pictures for one in people.values()} == {150} and all(
        math.isnan(one.quality) for one in people.values()
    )
    [alone] = reviewers([Review("1", "fear", "anna"), Review("2", "", "anna"), Review("3", "fear", "anna")], {})
    assert alone.pictures == 2 and alone.shared == 0 and math.isnan(alone.agreement)
