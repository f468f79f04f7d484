"""The parts of a set's authors are kept if that is wished, and their mixing is said if not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.data.official import note_mixed_parts, part_of, parts_of, with_official
from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.errors import DataError
from mien.types import Dataset, LabelSet, texts


def dataset(sources: list[str], labels: list[int] | None = None, groups: list[str] | None = None) -> Dataset:
    ids = texts([f"{row:04d}" for row in range(len(sources))])
    given = np.array(labels if labels is not None else [row % 2 for row in range(len(sources))])
    people = None if groups is None else texts(groups)
    return Dataset(
        ids, given, LabelSet(("fear", "anger")), raw_labels=ids, paths=ids, hashes=ids, groups=people,
        sources=texts(sources), name="set",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("train", "train"), ("Training", "train"), ("FER2013Train", "train"), ("PublicTest", "validation"),
        ("PrivateTest", "test"), ("val", "validation"), ("set/test", "test"), ("train_set", "train"), ("contest", ""),
        ("628", ""), ("", ""),
    ],
)  # fmt: skip
def test_names_of_parts(source: str, part: str) -> None:
    assert part_of(source) == part


def test_contributors_are_no_parts() -> None:
    assert parts_of(texts(["ann", "bob"])) is None and parts_of(None) is None
    assert parts_of(texts(["test", "test"])) is None  # nothing to learn from


def test_a_part_for_choosing_is_the_test_where_there_is_no_other() -> None:
    found = parts_of(texts(["Training", "PublicTest"]))
    assert found is not None and found.tolist() == ["train", "test"]
    found = parts_of(texts(["Training", "PublicTest", "PrivateTest"]))
    assert found is not None and found.tolist() == ["train", "validation", "test"]


@given(st.integers(0, 5), st.sampled_from([("train", "test"), ("train", "val", "test"), ("train", "val")]))
@settings(max_examples=20, deadline=None)
def test_official_parts_are_kept_for_every_seed(seed: int, names: tuple[str, ...]) -> None:
    sources = [names[row % 7 % len(names)] for row in range(400)]
    data = with_official(dataset(sources))
    parts = split(data, seed)
    tested = "test" if "test" in names else "val"
    assert parts.ids[parts.rows("test")].tolist() == data.ids[np.array(sources) == tested].tolist()
    if "val" in names and "test" in names:
        assert parts.ids[parts.rows("validation")].tolist() == data.ids[np.array(sources) == "val"].tolist()
    learnt = [len(parts.rows(part)) for part in ("train", "fit", "calibrate")]
    assert min(learnt) > 0 and learnt[0] > learnt[1] > learnt[2]
    np.testing.assert_allclose(learnt[1] / learnt[2], 1.5, atol=0.15)


def test_what_would_leak_into_the_test_part_is_left_out() -> None:
    data = dataset(["train"] * 6 + ["test"] * 4)
    assert data.hashes is not None
    copied = replace(data, hashes=np.where(data.ids == "0000", "0009", data.hashes))
    found = with_official(copied)
    assert "0000" not in found.ids and "0009" in found.ids
    assert [problem.kind for problem in found.problems] == ["copy of a test picture"]


def test_people_in_two_parts_and_pictures_in_none_are_said() -> None:
    data = dataset(["train", "train", "test", "test", ""], groups=["ann", "bob", "ann", "", "cy"])
    found = with_official(data)
    assert len(found) == 4
    assert [problem.kind for problem in found.problems] == ["no official part", "people in two parts"]


def test_classes_that_a_part_lacks_are_said() -> None:
    data = with_official(dataset(["train", "train", "test", "test"], [0, 1, 0, 0]))
    [problem] = [problem for problem in data.problems if problem.kind == "class not in every part"]
    assert problem.place == "class anger" and problem.cause.endswith("part test")


def test_mixing_is_said_and_sets_without_parts_are_refused() -> None:
    [problem] = note_mixed_parts(dataset(["train", "test"])).problems
    assert "--split official" in problem.remedy
    assert note_mixed_parts(dataset(["ann", "bob"])).problems == ()
    with pytest.raises(DataError, match="no official parts"):
        with_official(dataset(["ann", "bob"]))


def test_a_split_is_another_run_than_the_mixed_one(tmp_path: Path) -> None:
    from PIL import Image

    for row in range(40):
        folder = tmp_path / ("test" if row % 4 == 0 else "train") / ("happy", "sad")[row // 4 % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 5 * row, np.uint8)).save(folder / f"{row}.png")
    mixed_, kept = (prepare(DataSettings(str(tmp_path), size=8, split=name)) for name in ("mixed", "official"))
    assert mixed_.fingerprint() != kept.fingerprint()
    parts = split(kept, 1)
    assert all(name.startswith("test/") for name in parts.ids[parts.rows("test")].tolist())
    assert len(parts.rows("test")) == 10
