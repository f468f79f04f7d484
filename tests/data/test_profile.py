"""Class profiles: counts as asked, and one renumbering of labels, votes and soft labels."""

import numpy as np
import pytest

from mien.data.faces import FaceSettings, draw
from mien.data.labels import EMOTIONS, emotions
from mien.data.prepare import DataSettings, prepare
from mien.data.profile import AFFECTNET, RAF, keep_classes, parse, shape
from mien.errors import UsageError
from mien.types import Dataset, LabelSet, texts


@pytest.fixture
def data() -> Dataset:
    """Forty pictures of each of the eight emotions, and eight without a label."""
    labels = np.concatenate([np.tile(np.arange(8), 40), np.full(8, -1)])
    votes = np.zeros((len(labels), 10), int)
    votes[np.arange(320), labels[:320]] = 9
    votes[:, 8] = 1
    targets = np.full((len(labels), 8), 0.5 / 8)
    targets[np.arange(320), labels[:320]] += 0.5
    ids = texts([f"{row:04d}" for row in range(len(labels))])
    return Dataset(ids, labels, EMOTIONS, raw_labels=ids, paths=ids, votes=votes, targets=targets)


def test_raf_has_seven_classes_and_its_counts_add_up() -> None:
    assert sum(RAF.values()) == 15_339 and "contempt" not in RAF


def test_affectnet_has_eight_classes_and_its_counts_add_up() -> None:
    assert sum(AFFECTNET.values()) == 287_651 and set(AFFECTNET) == set(EMOTIONS.names)


def test_a_total_is_divided_by_the_shares_of_a_profile() -> None:
    counts = parse("affectnet:12000", EMOTIONS)
    assert sum(counts.values()) == 12_000 and counts["contempt"] == 156 and counts["happiness"] == 5607
    assert sum(parse("raf:400", EMOTIONS).values()) == 400
    assert min(parse("affectnet:8", EMOTIONS).values()) == 1  # no class is lost


def test_affectnet_without_a_total_keeps_its_shares_and_names_the_class_that_limits_them(data: Dataset) -> None:
    found = shape(data, "affectnet")
    counts = dict(zip(found.labelset.names, found.counts().tolist(), strict=True))
    assert counts == {
        "surprise": 4, "fear": 2, "disgust": 1, "happiness": 40, "sadness": 8, "anger": 7, "neutral": 22, "contempt": 1,
    }  # fmt: skip
    (problem,) = found.problems
    assert (problem.kind, problem.place) == ("shares kept", "class happiness") and "85 pictures" in problem.cause


def test_all_of_affectnet_is_kept() -> None:
    labels = np.repeat(np.arange(8), [AFFECTNET[name] // 10 for name in EMOTIONS.names])
    ids = np.array([str(row) for row in range(len(labels))])
    whole = Dataset(ids, labels, EMOTIONS, raw_labels=ids, paths=ids)
    assert len(shape(whole, "affectnet")) >= 0.998 * len(whole)


def test_a_total_that_cannot_be_filled_takes_all_of_a_class_and_reports_it(data: Dataset) -> None:
    found = shape(data, "affectnet:200")
    counts = dict(zip(found.labelset.names, found.counts().tolist(), strict=True))
    assert counts["happiness"] == counts["neutral"] == 40 and counts["contempt"] == 3
    assert [(each.place, each.cause) for each in found.problems] == [
        ("class happiness", "has 40 pictures, the profile asks for 93"),
        ("class neutral", "has 40 pictures, the profile asks for 52"),
    ]


def test_a_class_without_pictures_has_no_share(data: Dataset) -> None:
    rest = data.take(data.labels != EMOTIONS.index("contempt"))
    with pytest.raises(UsageError, match="no picture of contempt"):
        shape(rest, "affectnet")
    assert shape(rest, "affectnet:40").counts()[EMOTIONS.index("contempt")] == 0


@pytest.mark.parametrize("profile", ["affectnet:", "affectnet:many", "raf:6", "affectnet:-8"])
def test_totals_that_make_no_sense(data: Dataset, profile: str) -> None:
    with pytest.raises(UsageError, match="has no total"):
        shape(data, profile)


def test_classes_that_are_called_like_a_profile_are_counted(data: Dataset) -> None:
    assert parse("raf:1=5", LabelSet(("raf:1",))) == {"raf:1": 5}


def test_drawn_faces_without_a_class_are_told_how_to_have_it() -> None:
    faces = draw(FaceSettings(n=20, size=16)).dataset
    with pytest.raises(UsageError, match="profile=even"):
        shape(faces, "affectnet")


def test_counts_are_as_asked(data: Dataset) -> None:
    found = shape(data, "happy=10, fear=30,anger=40")
    assert found.labelset.names == ("fear", "happiness", "anger")
    assert found.counts().tolist() == [30, 10, 40]
    assert found.problems == ()


def test_labels_votes_and_targets_are_renumbered_together(data: Dataset) -> None:
    found = shape(data, "happiness=10,anger=30")
    assert found.votes is not None and found.targets is not None
    assert found.votes.shape == (40, 10) and found.targets.shape == (40, 2)
    assert (found.votes.argmax(1) == found.labels).all() and (found.votes[:, 8] == 1).all()
    np.testing.assert_allclose(found.targets.sum(1), 1)
    assert (found.targets.argmax(1) == found.labels).all()
    assert found.labelset.resolve("happy") == 0 and found.labelset.resolve("scared") == -1


def test_too_few_pictures_are_all_taken_and_said(data: Dataset) -> None:
    found = shape(data, "raf")
    assert found.counts().tolist() == [40] * 7
    assert {problem.kind for problem in found.problems} == {"fewer than asked"}


def test_the_draw_depends_on_the_seed_alone(data: Dataset) -> None:
    first, again, other = (shape(data, "fear=20", seed=seed).ids.tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert first == sorted(first)


def test_dropping_a_class(data: Dataset) -> None:
    found = keep_classes(data, [name for name in EMOTIONS.names if name != "fear"])
    assert len(found.labelset) == 7 and len(found) == 280
    assert found.labelset.names[found.labels[1]] == "disgust"


@pytest.mark.parametrize("profile", ["fear", "fear=0", "fear=x", ""])
def test_profiles_that_make_no_sense(data: Dataset, profile: str) -> None:
    with pytest.raises(UsageError, match="write raf"):
        shape(data, profile)


def test_unknown_classes_are_told_their_neighbour() -> None:
    with pytest.raises(UsageError, match="happiness"):
        parse("hapiness=3", EMOTIONS)
    with pytest.raises(UsageError, match="no class"):
        shape(Dataset(texts(["a"]), np.array([0]), emotions("fear"), texts(["fear"]), texts(["a"])), "raf")


def test_classes_that_a_profile_makes_rare_are_reported() -> None:
    data = prepare(DataSettings("synthetic:n=400,size=16,profile=even", size=16, class_counts="affectnet"))
    rare = {each.place.removeprefix("class ") for each in data.problems if each.kind == "too rare"}
    assert rare == {name for name, count in zip(data.labelset.names, data.counts(), strict=True) if count < 20}
    assert "contempt" in rare
