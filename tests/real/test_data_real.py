"""The readers on real data: the folder in MIEN_DATA, laid out as its README says."""

import os
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mien.data.checks import check, usable
from mien.data.images import decode
from mien.data.load import load, recognise
from mien.data.profile import shape
from mien.data.split import split
from mien.types import PARTS, Dataset

ROOT = Path(os.environ.get("MIEN_DATA", ""))
pytestmark = pytest.mark.skipif(not os.environ.get("MIEN_DATA"), reason="MIEN_DATA names no folder with real data")


@cache
def read(name: str) -> Dataset:
    """A data set, decoded and checked."""
    return check(decode(load(str(ROOT / name)), keep=False))


def kinds(data: Dataset) -> Counter[str]:
    return Counter(problem.kind for problem in data.problems)


def test_layouts_are_recognised() -> None:
    names = ("emotion_detection", "ferplus", "fer2013")
    assert [recognise(ROOT / name) for name in names] == ["legend-csv", "ferplus", "pixel-csv"]


class TestEmotionDetection:
    def test_counts(self) -> None:
        data = load(str(ROOT / "emotion_detection"))
        assert len(data) == 13_690
        assert dict(zip(data.labelset.names, data.counts().tolist(), strict=True)) == {
            "surprise": 368, "fear": 21, "disgust": 208, "happiness": 5696,
            "sadness": 268, "anger": 252, "neutral": 6868, "contempt": 9,
        }  # fmt: skip

    def test_problems(self) -> None:
        data = read("emotion_detection")
        found = kinds(data)
        assert found["unlabelled"] == 36
        assert found["repeated row"] == 8 and len(data) == 13_682
        assert found["contradictory labels"] == 2 and len(usable(data)) == 13_681
        assert found["copy"] == 2
        wrong = [problem for problem in data.problems if problem.kind == "wrong extension"]
        assert [Path(problem.place).name for problem in wrong] == ["facial-expressions_2868588k.jpg"]
        assert "facial-expressions_2868588k.jpg" in data.ids

    def test_people_and_contributors(self) -> None:
        data = read("emotion_detection")
        assert data.groups is not None and data.sources is not None
        people = Counter(data.groups.tolist())
        del people[""]
        assert len(people) == 5606 and people.most_common(1) == [("George_W_Bush", 520)]
        upper = np.char.isupper(data.raw_labels)
        (contributor,) = set(data.sources[upper].tolist())
        disgust = data.labels == data.labelset.index("disgust")
        assert (data.sources[disgust] == contributor).sum() == 195

    def test_nobody_is_in_two_parts(self) -> None:
        data = usable(read("emotion_detection"))
        parts = split(data, 0)
        assert data.groups is not None
        named = data.groups != ""
        pairs = set(zip(data.groups[named].tolist(), parts.parts[named].tolist(), strict=True))
        assert len(pairs) == len(set(data.groups[named].tolist()))
        shares = np.bincount(parts.parts, minlength=len(PARTS)) / len(data)
        np.testing.assert_allclose(shares, [0.45, 0.05, 0.15, 0.10, 0.25], atol=0.002)


class TestFerPlus:
    def test_rows_and_votes(self) -> None:
        data = load(str(ROOT / "ferplus"))
        assert len(data) == 18_559 and kinds(data)["no picture name"] == 158
        assert data.votes is not None and data.votes.shape == (18_559, 10)
        assert sorted(set(data.raw_labels[data.labels < 0].tolist())) == ["NF", "tie", "unknown"]
        assert "fer0008403.png#2" in data.ids

    def test_copies(self) -> None:
        data = read("ferplus")
        assert data.hashes is not None
        assert kinds(data)["copy"] == len(data) - len(set(data.hashes.tolist())) == 645
        assert kinds(data)["repeated row"] == 1

    def test_original_labels_contradict_the_votes(self) -> None:
        voted, given = (load(str(ROOT / "ferplus"), labels=labels) for labels in ("plurality", "fer2013"))
        both = (voted.labels >= 0) & (given.labels >= 0)
        assert 0.3 < (voted.labels != given.labels)[both].mean() < 0.45
        assert (given.labels >= 0).all()

    def test_shares(self) -> None:
        targets = load(str(ROOT / "ferplus"), labels="shares").targets
        assert targets is not None
        np.testing.assert_allclose(targets.sum(1), 1)

    def test_raf_shape(self) -> None:
        data = shape(usable(read("ferplus")), "raf")
        assert dict(zip(data.labelset.names, data.counts().tolist(), strict=True)) == {
            "surprise": 1619, "fear": 355, "disgust": 206, "happiness": 5897,
            "sadness": 2460, "anger": 867, "neutral": 3204,
        }  # fmt: skip
        parts = split(data, 0)
        assert data.hashes is not None
        for part in PARTS:
            inside = np.isin(np.arange(len(data)), parts.rows(part))
            assert not set(data.hashes[inside].tolist()) & set(data.hashes[~inside].tolist())


def test_fer2013() -> None:
    data = read("fer2013")
    assert len(data) == 300 and data.pixels is not None and data.pixels.shape == (300, 48, 48)
    assert data.sources is not None and set(data.sources.tolist()) <= {"Training", "PublicTest", "PrivateTest"}
