"""Splits: nobody in two parts, classes at their quotas, test moved by no seed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.data.split import Shares, group_ids, split, with_fit_share
from mien.errors import AlignmentError, UsageError
from mien.types import PARTS, Dataset, LabelSet, texts

CLASSES = ("surprise", "fear", "anger")


def dataset(labels: list[int], people: list[str] | None = None, pictures: list[str] | None = None) -> Dataset:
    ids = texts([f"{row:05d}" for row in range(len(labels))])
    return Dataset(
        ids=ids,
        labels=np.array(labels, dtype=int),
        labelset=LabelSet(CLASSES),
        raw_labels=ids,
        paths=ids,
        hashes=None if pictures is None else texts(pictures),
        groups=None if people is None else texts(people),
    )


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    count = draw(st.integers(0, 120))
    people = draw(st.lists(st.integers(-20, 30), min_size=count, max_size=count))
    pictures = draw(st.lists(st.integers(0, 400), min_size=count, max_size=count))
    labels = draw(st.lists(st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2]), min_size=count, max_size=count))
    return dataset(labels, [f"p{one}" if one >= 0 else "" for one in people], [f"h{one}" for one in pictures])


@given(datasets(), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_no_person_and_no_picture_is_in_two_parts(data: Dataset, seed: int) -> None:
    parts = split(data, seed).parts
    assert data.groups is not None and data.hashes is not None
    for keys in (data.groups, data.hashes):
        for key in set(keys.tolist()) - {""}:
            assert len(set(parts[keys == key].tolist())) == 1


@given(datasets(), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_test_is_the_same_for_every_seed(data: Dataset, seed: int) -> None:
    assert split(data, 0).rows("test").tolist() == split(data, seed).rows("test").tolist()


@given(datasets(), st.integers(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_does_not_matter(data: Dataset, seed: int, random: object) -> None:
    order = np.arange(len(data))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = data.take(order)
    first = dict(zip(data.ids.tolist(), split(data, seed).parts.tolist(), strict=True))
    second = dict(zip(shuffled.ids.tolist(), split(shuffled, seed).parts.tolist(), strict=True))
    assert first == second


@given(st.lists(st.integers(0, 2), max_size=200), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_single_pictures_fill_the_quotas_exactly(labels: list[int], seed: int) -> None:
    data = dataset(labels)
    parts = split(data, seed)
    for label, total in enumerate(data.counts()):
        quota = math.floor(0.25 * int(total) + 0.5)
        assert (data.labels[parts.rows("test")] == label).sum() == quota


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_class_falls_short_by_less_than_a_group(sizes: list[int], seed: int) -> None:
    people = [f"p{person}" for person, size in enumerate(sizes) for _ in range(size)]
    data = dataset([0] * len(people), people)
    found = len(split(data, seed).rows("test"))
    quota = math.floor(0.25 * len(people) + 0.5)
    assert quota - max(sizes) < found <= quota


def test_seeds_move_the_other_parts() -> None:
    data = dataset([0, 1] * 100)
    first, second = split(data, 0), split(data, 1)
    assert first.fingerprint != second.fingerprint
    for part in ("train", "validation", "fit", "calibrate"):
        assert len(first.rows(part)) == len(second.rows(part)) > 0
        assert first.rows(part).tolist() != second.rows(part).tolist()


def test_sizes_of_the_parts() -> None:
    parts = split(dataset([0] * 1000))
    assert [len(parts.rows(part)) for part in PARTS] == [450, 50, 150, 100, 250]
    assert len(parts.rows("correct")) == 250


@pytest.mark.parametrize("rare", [1, 2, 3, 4])
def test_very_rare_classes_do_not_crash_and_are_learnt_from(rare: int) -> None:
    data = dataset([0] * 100 + [1] * rare)
    parts = split(data)
    assert (data.labels[parts.rows("train")] == 1).any()
    assert rare < 2 or (data.labels[parts.rows("test")] == 1).any()


def test_a_person_with_very_many_pictures_is_trained_on_not_measured_on() -> None:
    people = ["bush"] * 520 + [f"p{row // 3}" for row in range(6000)]
    data = dataset(np.random.default_rng(0).integers(0, 3, len(people)).tolist(), people)
    parts = split(data, 0)
    assert set(parts.parts[:520].tolist()) == {PARTS.index("train")}
    assert abs(len(parts.rows("test")) / len(people) - 0.25) < 0.01


def test_large_groups_are_used_where_there_is_nothing_else() -> None:
    people = [f"p{row // 25}" for row in range(200)]
    parts = split(dataset([0] * 200, people))
    assert len(parts.rows("test")) == 50


def test_size_of_a_group_does_not_decide_whether_it_is_tested_on() -> None:
    people = [f"big{row // 10}" for row in range(5000)] + [f"small{row}" for row in range(5000)]
    data = dataset([0] * 10000, people)
    share = (split(data).rows("test") < 5000).mean()
    assert 0.4 < share < 0.6


def test_links_are_transitive() -> None:
    data = dataset([0, 0, 0, 0], ["ann", "ann", "bob", ""], ["1", "2", "2", "3"])
    found = group_ids(data)
    assert found[0] == found[1] == found[2] != found[3]


def test_an_empty_data_set_has_empty_parts() -> None:
    assert len(split(dataset([])).parts) == 0


def test_rows_without_label_are_refused() -> None:
    with pytest.raises(AlignmentError, match="usable"):
        split(dataset([0, -1]))


def test_shares_must_add_up() -> None:
    with pytest.raises(UsageError, match="add up"):
        Shares(train=0.9)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.95])
def test_pictures_move_between_fit_and_calibrate_alone(share: float) -> None:
    rng = np.random.default_rng(0)
    ids = np.array([f"{row:04d}" for row in range(2000)])
    persons = np.array([f"p{row}" for row in rng.integers(0, 600, 2000)])
    data = Dataset(ids, rng.integers(0, 3, 2000), LabelSet(("a", "b", "c")), raw_labels=ids, paths=ids, groups=persons)
    before = split(data, 1)
    after = with_fit_share(before, data, share)
    fit, calibrate = after.rows("fit"), after.rows("calibrate")
    assert len(fit) / (len(fit) + len(calibrate)) == pytest.approx(share, abs=0.03)
    for part in ("train", "validation", "correct", "test"):
        assert np.array_equal(before.rows(part), after.rows(part))
    assert not set(persons[fit]) & set(persons[calibrate])
