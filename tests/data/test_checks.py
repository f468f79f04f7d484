"""Checks: what is said, what is dropped, what loses its label."""

import numpy as np
import pytest

from mien.data.checks import by_kind, check, conflicting_images, missing_labels, raise_on_problems, usable
from mien.errors import DataError
from mien.settings import names_flag
from mien.types import Dataset, LabelSet, Problem, texts


def dataset(raw: list[str], paths: list[str] | None = None, hashes: list[str] | None = None, **more: object) -> Dataset:
    ids = texts([f"{row}" for row in range(len(raw))])
    labelset = LabelSet(("fear", "happiness"), {"happy": "happiness"})
    return Dataset(
        ids=ids,
        labels=np.array([labelset.resolve(one) for one in raw], dtype=int),
        labelset=labelset,
        raw_labels=texts(raw),
        paths=texts(paths or [f"{row}.png" for row in range(len(raw))]),
        hashes=texts(hashes) if hashes else None,
        name="here",
        **more,  # type: ignore[arg-type]
    )


def found(data: Dataset, kind: str) -> list[Problem]:
    return [problem for problem in data.problems if problem.kind == kind]


def test_sound_data_has_no_problems() -> None:
    assert check(dataset(["fear", "happy"] * 20)).problems == ()


def test_unknown_labels_are_told_their_neighbour() -> None:
    data = check(dataset(["fear", "hapiness", "zzz", "", "tie", "NF"]))
    assert "happiness" in found(data, "unknown label")[0].remedy
    assert "zzz" in found(data, "unknown label")[1].cause
    assert len(found(data, "unlabelled")) == 1
    assert len(found(data, "undecided")) == 2
    assert len(usable(data)) == 1


def test_a_file_named_twice_is_kept_once() -> None:
    data = check(dataset(["fear", "fear", "happy"], ["a", "a", "b"]))
    assert data.ids.tolist() == ["0", "2"]
    assert [problem.place for problem in found(data, "repeated row")] == ["1"]


def test_copies_are_kept_and_said() -> None:
    data = check(dataset(["fear", "fear", "happy"], hashes=["x", "x", "y"]))
    assert len(data) == 3
    assert [problem.place for problem in found(data, "copy")] == ["1"]
    assert (data.labels >= 0).all()


def test_contradictory_copies_lose_their_labels() -> None:
    data = check(dataset(["fear", "happy", "fear", "fear"], hashes=["x", "x", "x", "y"]))
    assert data.labels.tolist() == [-1, -1, -1, 0]
    problems = found(data, "contradictory labels")
    assert len(problems) == 3 and "2 × fear, 1 × happiness" in problems[0].cause


def test_conflicts_name_classes_not_the_numbers_they_were_written_as() -> None:
    data = dataset(["fear", "happy", "bored", "fear"], hashes=["x", "x", "x", "y"]).replace(raw_labels=texts([*"2389"]))
    problems = found(check(data), "contradictory labels")
    assert "labelled fear" in problems[0].cause and "1 × happiness" in problems[0].cause
    (equal,) = conflicting_images(data)
    assert equal.ids.tolist() == ["0", "1", "2"] and equal.labels.tolist() == data.labels[:3].tolist()


def test_braces_in_names_are_only_text() -> None:
    data = dataset(["fear", "happy"], hashes=["x", "x"]).replace(ids=texts(["{a}/1.png", "{}"]))
    problems = found(check(data), "contradictory labels")
    assert [problem.place for problem in problems] == ["{a}/1.png", "{}"]
    assert "is labelled fear; the same picture as {}" in problems[0].cause  # never as itself
    assert "is labelled happiness; the same picture as {a}/1.png" in problems[1].cause


def test_contradictory_rows_of_one_file_lose_their_label() -> None:
    data = check(dataset(["fear", "happy", "fear"], ["a", "a", "b"]))
    assert data.ids.tolist() == ["0", "2"] and data.labels.tolist() == [-1, 0]


def test_two_spellings_do_not_contradict() -> None:
    assert not found(check(dataset(["happy", "HAPPINESS"], hashes=["x", "x"])), "contradictory labels")


def test_a_copy_without_label_does_not_contradict() -> None:
    assert check(dataset(["happy", "tie"], hashes=["x", "x"])).labels.tolist() == [1, -1]


def test_problems_of_many_contradictory_copies_stay_short() -> None:
    data = check(dataset(["happy", "fear"] * 1000, hashes=["x"] * 2000))
    assert max(len(problem.cause) for problem in data.problems) < 200


def test_class_sizes() -> None:
    data = check(dataset(["fear"] * 9))
    assert "about 4 for training, 2 for testing" in found(data, "too rare")[0].cause
    assert found(data, "class without pictures")[0].place == "class happiness"
    assert len(found(data, "one class only")) == 1


def test_pixels_without_files_are_no_repeated_rows() -> None:
    data = check(dataset(["fear", "happy"], ["", ""]))
    assert len(data) == 2 and not found(data, "contradictory labels")


def test_an_empty_data_set_is_checked_and_then_refused() -> None:
    data = check(dataset([]))
    with pytest.raises(DataError, match="no usable picture"):
        usable(data)


def test_nothing_usable_says_why() -> None:
    with pytest.raises(DataError, match="2 × unknown label"):
        usable(check(dataset(["zzz", "yyy"])))


def test_strict_lists_what_is_wrong() -> None:
    raise_on_problems(dataset(["fear"]))
    with pytest.raises(DataError, match=r"here.*2 × unlabelled.*1 × too rare"):
        raise_on_problems(check(dataset(["", "", "fear", *["happy"] * 20])))


def test_kinds_are_grouped_with_examples() -> None:
    kinds = by_kind(check(dataset([""] * 5000)).problems, examples=2)
    assert (kinds[0].name, kinds[0].count, len(kinds[0].examples)) == ("unlabelled", 5000, 2)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("suprise", "surprise"),
        ("hapiness", "happiness"),
        ("very_calm", "very calm"),
        ("0_anger", "anger"),
        ("1 - happy", "happiness"),
        ("sad (2)", "sadness"),
        ("img_neutral", "neutral"),
        ("disgust faces 3", "disgust"),
    ],
)
def test_a_class_with_nearly_the_name_of_another_is_a_problem(name: str, near: str) -> None:
    from mien.data.checks import similar_classes

    names = tuple(dict.fromkeys(["fear", *(("very calm",) if near == "very calm" else ()), name]))
    ids = np.array(["1", "2"])
    data = Dataset(ids, np.array([0, 1]), LabelSet(names), raw_labels=ids, paths=ids)
    problems = similar_classes(data).problems
    assert problems and names_flag(name, near) in "".join(problem.remedy for problem in problems)


def test_a_misspelt_emotion_is_recognised_even_if_no_row_spells_it_right() -> None:
    ids = np.array(["1", "2"])
    data = Dataset(ids, np.array([0, -1]), LabelSet(("fear",)), raw_labels=np.array(["fear", "suprise"]), paths=ids)
    assert "did you mean 'surprise'?" in missing_labels(data).problems[0].remedy


def test_classes_of_different_names_are_no_problem() -> None:
    from mien.data.checks import similar_classes
    from mien.data.labels import EMOTIONS

    ids = np.array(["1", "2"])
    others = ("fear", "bored", "confused", "cat", "dog")
    numbered = ("level 1", "level 2", "level 12", "level 2 faces", "level 3 faces")
    for names in (EMOTIONS.names, others, numbered[:3], numbered[3:]):
        data = Dataset(ids, np.array([0, 1]), LabelSet(names), raw_labels=ids, paths=ids)
        assert not similar_classes(data).problems
