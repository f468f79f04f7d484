"""Drawn faces: what is known of them holds exactly, and it shows in the pictures."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mien.data.drawing import expression, person
from mien.data.drawing.render import render
from mien.data.faces import PROFILES, DrawnFaces, FaceSettings, draw, read, write
from mien.errors import StorageError, UsageError

SMALL = FaceSettings(n=400, size=32, seed=1)
UPPER, LOWER = (slice(6, 26), slice(6, 42)), (slice(25, 48), slice(6, 42))  # of an upright face at 48 pixels
CLEAR = replace(SMALL, profile="even", weakest=0.9, blending=0.0, occlusion=0.0, pose=0.2, duplicates=0.0)


@pytest.fixture(scope="module")
def faces() -> DrawnFaces:
    return draw(SMALL)


@pytest.fixture(scope="module")
def clear() -> DrawnFaces:
    return draw(replace(CLEAR, n=1200, size=48))


def mean_picture(drawn: DrawnFaces, emotion: str) -> np.ndarray:
    return drawn.dataset.pixels[drawn.truth == drawn.dataset.labelset.index(emotion)].mean(axis=0)


def test_equal_settings_give_equal_faces(faces):
    again = draw(SMALL)
    assert np.array_equal(again.dataset.pixels, faces.dataset.pixels)
    assert again.dataset.fingerprint() == faces.dataset.fingerprint()
    assert np.array_equal(again.dataset.votes, faces.dataset.votes)


def test_the_number_of_threads_does_not_matter(faces):
    assert np.array_equal(draw(SMALL, workers=1).dataset.pixels, draw(SMALL, workers=3).dataset.pixels)


def test_another_seed_gives_other_faces(faces):
    other = draw(replace(SMALL, seed=2))
    assert not np.array_equal(other.truth, faces.truth)
    assert (other.dataset.pixels != faces.dataset.pixels).mean() > 0.5


def test_no_two_pictures_are_alike_but_the_duplicates(faces):
    flat = faces.dataset.pixels.reshape(len(faces.dataset), -1)
    assert len(np.unique(flat, axis=0)) == len(flat) - round(SMALL.duplicates * len(flat))


def test_duplicates_share_person_truth_and_everything_but_the_votes():
    drawn = draw(replace(SMALL, duplicates=0.1))
    flat = drawn.dataset.pixels.reshape(len(drawn.dataset), -1)
    _, which, copies = np.unique(flat, axis=0, return_inverse=True, return_counts=True)
    assert sorted(set(copies)) == [1, 2] and (copies == 2).sum() == 40
    for one in np.flatnonzero(copies == 2):
        first, second = np.flatnonzero(which.ravel() == one)
        assert drawn.dataset.groups[first] == drawn.dataset.groups[second]
        assert drawn.truth[first] == drawn.truth[second]
        assert np.array_equal(drawn.actions[first], drawn.actions[second])


def test_a_person_has_one_to_three_pictures():
    drawn = draw(replace(SMALL, duplicates=0.0))
    counts = np.unique(drawn.dataset.groups, return_counts=True)[1]
    assert set(counts) == {1, 2, 3}
    assert len(np.unique(drawn.identity)) == len(counts)


@given(n=st.integers(1, 60), name=st.sampled_from(sorted(PROFILES)), seed=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_the_truth_follows_the_profile_exactly(n, name, seed):
    chosen = FaceSettings(n=n, size=16, profile=name, seed=seed)
    drawn = draw(chosen)
    expected = np.array(list(chosen.shares.values())) * n
    assert np.abs(np.bincount(drawn.truth, minlength=len(expected)) - expected).max() < 1
    assert np.array_equal(drawn.mixture.argmax(axis=1), drawn.truth)
    np.testing.assert_allclose(drawn.mixture.sum(axis=1), 1)


def test_raf_leaves_contempt_out_and_a_mapping_may_name_any_classes(faces):
    assert "contempt" not in faces.dataset.labelset.names and len(faces.dataset.labelset) == 7
    two = draw(replace(SMALL, n=40, profile={"happy": 3, "contempt": 1, "fear": 0}))
    assert two.dataset.labelset.names == ("happiness", "contempt")
    assert np.bincount(two.truth).tolist() == [30, 10]


def test_one_class_alone():
    drawn = draw(replace(SMALL, n=9, profile={"neutral": 1}))
    assert set(drawn.dataset.labels) == {0} and (drawn.dataset.votes == 10).all()


def test_ten_votes_each_and_the_label_is_one_of_them(faces):
    data = faces.dataset
    assert data.votes.shape == (400, 7) and (data.votes.sum(axis=1) == 10).all()
    assert (data.votes[np.arange(400), data.labels] >= 1).all()
    assert data.raw_labels[0] == data.labelset.names[data.labels[0]]


def test_wrong_labels_are_as_many_as_real_ones_and_can_be_turned_off():
    wrong = draw(replace(SMALL, n=3000, size=16))
    assert 0.09 < (wrong.dataset.labels != wrong.truth).mean() < 0.17
    right = draw(replace(SMALL, blending=0.0, noise=0.0))
    assert np.array_equal(right.dataset.labels, right.truth)


def test_blended_faces_divide_the_annotators(faces):
    def entropy(shares: np.ndarray) -> np.ndarray:
        return -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)

    blend, votes = entropy(faces.mixture), entropy(faces.dataset.votes / 10)
    assert np.corrcoef(blend, votes)[0, 1] > 0.5


def test_prototypes_move_their_units_and_neutral_none(clear):
    for name, units in expression.PROTOTYPES.items():
        moved = clear.actions[clear.truth == clear.dataset.labelset.index(name)].mean(axis=0)
        for at, unit in enumerate(clear.action_names):
            if unit in units:
                assert moved[at] > 0.5, (name, unit)
            elif name == "neutral":
                assert moved[at] < 0.05, unit
    assert clear.actions.min() >= 0 and clear.actions.max() <= 1


def change(unit: str) -> np.ndarray:
    """(48, 48) mean change of forty upright faces when this unit alone moves, all else the same."""
    who = person.people(40, False, np.random.default_rng(3))
    shot = person.shots(40, 0.0, 0.0, False, np.random.default_rng(4))
    moved = np.zeros((40, len(expression.UNITS)))
    still = render(who, shot, moved, 48).astype(float)
    moved[:, list(expression.UNITS).index(unit)] = 1.0
    return np.abs(render(who, shot, moved, 48) - still).mean(axis=0)


@pytest.mark.parametrize("unit", expression.UNITS)
def test_every_unit_shows_where_it_should(unit):
    picture = change(unit)
    region = UPPER if unit in ("AU1", "AU2", "AU4", "AU5", "AU7") else LOWER
    if unit in ("AU6", "AU9"):  # the middle of the face
        region = (slice(14, 38), slice(4, 44))
    assert picture[region].sum() > 0.85 * picture.sum()
    assert picture.max() > 4  # of 255, mean over faces: enough to see


def test_mean_faces_of_opposite_emotions_differ_at_the_mouth(clear):
    happy, sad = mean_picture(clear, "happiness")[LOWER], mean_picture(clear, "sadness")[LOWER]
    pictures = clear.dataset.pixels[clear.truth == clear.dataset.labelset.index("happiness")][:, *LOWER]
    by_chance = pictures[::2].mean(axis=0) - pictures[1::2].mean(axis=0)
    assert (happy - sad).std() > 1.5 * by_chance.std()


def test_contempt_is_one_sided(clear):
    def asymmetry(picture: np.ndarray) -> float:
        return float(np.abs(picture - picture[:, ::-1])[32:42, 12:36].mean())

    assert asymmetry(mean_picture(clear, "contempt")) > asymmetry(mean_picture(clear, "happiness"))


@pytest.mark.parametrize("size", [16, 33, 48, 129])
@pytest.mark.parametrize("colour", [False, True])
def test_any_size_grey_or_colour(size, colour):
    data = draw(FaceSettings(n=12, size=size, colour=colour, occlusion=0.5)).dataset
    assert data.pixels.dtype == np.uint8
    assert data.pixels.shape == ((12, size, size, 3) if colour else (12, size, size))
    assert 25 < data.pixels.std() < 110


def test_the_same_face_at_two_sizes_and_in_grey():
    base = replace(SMALL, n=30, colour=True)
    small, large = draw(base).dataset, draw(replace(base, size=96)).dataset
    shrunk = large.pixels.reshape(30, 32, 3, 32, 3, 3).mean(axis=(2, 4))
    assert np.abs(shrunk - small.pixels).mean() < 8
    grey = draw(replace(base, colour=False)).dataset
    assert np.abs(small.pixels @ [0.299, 0.587, 0.114] - grey.pixels).mean() < 4


def test_specs():
    assert FaceSettings.parse("synthetic") == FaceSettings()
    assert FaceSettings.parse("synthetic:size=64, n=50,seed=3,colour=yes,profile=even,weakest=.5") == FaceSettings(
        n=50, size=64, seed=3, colour=True, profile="even", weakest=0.5
    )
    data = read("synthetic:n=20,size=24")
    assert len(data) == 20 and data.name == "synthetic:n=20,size=24"
    assert data.ids[7] == "face-000007" and set(data.paths) == {""} and data.hashes is None


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("synthetic:siez=48", "'size'"),
        ("synthetic:n=many", "a whole number"),
        ("synthetic:n", "a whole number"),
        ("synthetic:colour=maybe", "true or false"),
        ("synthetic:noise=2", "0 to 1"),
        ("synthetic:weakest=nan", "0 to 1"),
        ("synthetic:size=4", "16 to 512"),
        ("synthetic:n=0", "1 to"),
        ("synthetic:profile=rafdb", "'raf'"),
        ("synthtic", "synthetic"),
    ],
)
def test_wrong_specs_say_what_is_right(spec, hint):
    with pytest.raises(UsageError) as caught:
        FaceSettings.parse(spec)
    assert hint in caught.value.remedy


def test_wrong_profiles():
    with pytest.raises(UsageError, match="happiness"):
        FaceSettings(profile={"hapiness": 1})
    with pytest.raises(UsageError, match="no class"):
        FaceSettings(profile={"fear": 0})


def test_writing_and_reading_back(tmp_path: Path):
    drawn = draw(replace(SMALL, n=60))
    write(drawn, tmp_path / "out")
    with (tmp_path / "out" / "votes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = drawn.dataset.labelset.names
    assert list(rows[0]) == ["image", "label", *names, "person", "truth"] and len(rows) == 60
    assert sum(1 for _ in (tmp_path / "out").rglob("*.png")) == 60
    for at, row in enumerate(rows):
        assert row["image"] == f"{row['label']}/{drawn.dataset.ids[at]}.png"
        assert [int(row[name]) for name in names] == drawn.dataset.votes[at].tolist()
        assert row["truth"] == names[drawn.truth[at]] and row["person"] == drawn.dataset.groups[at]
        with Image.open(tmp_path / "out" / row["image"]) as picture:
            assert np.array_equal(np.asarray(picture), drawn.dataset.pixels[at])


def test_writing_never_mixes_with_what_is_there(tmp_path: Path):
    drawn = draw(replace(SMALL, n=10))
    (tmp_path / "empty").mkdir()
    write(drawn, tmp_path / "empty")
    with pytest.raises(StorageError, match="not empty"):
        write(drawn, tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write(drawn, tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
