"""Tables are joined to pictures whatever their names are written like, and never in silence."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.join import AMBIGUOUS, CONTRADICTORY, REPEATED, UNMATCHED, join, match, normalise_name
from mien.errors import DataError

NAMES = ["happiness/1.png", "happiness/2.png", "Überraschung/3.png", "train/fear/S010/4.png", "fear/Bild 5.PNG"]
letters = st.text(st.sampled_from("abcÄéñ 0"), min_size=1, max_size=4).filter(lambda word: word == word.strip())
paths = st.lists(
    st.lists(letters, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8, unique_by=normalise_name
)


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name.replace("/", "\\"),
        lambda name: "./" + name,
        lambda name: ".\\" + name.replace("/", "\\"),
        lambda name: "  " + name + " ",
        lambda name: name.replace("/", "//"),
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: name.upper(),
        lambda name: name.rsplit("/", 1)[-1],
        lambda name: "C:\\data\\faces\\" + name.replace("/", "\\"),
        lambda name: "/home/somebody/faces/" + name,
        lambda name: unicodedata.normalize("NFD", name.upper()).replace("/", "\\"),
    ],
)
def test_one_name_is_found_in_every_spelling(change) -> None:  # type: ignore[no-untyped-def]
    rows, problems = match([change(name) for name in NAMES], NAMES, "votes.csv")
    assert rows.tolist() == [0, 1, 2, 3, 4] and not problems


@given(paths)
def test_every_picture_is_found_by_its_own_name(names: list[str]) -> None:
    assert match(names, names, "t")[0].tolist() == list(range(len(names)))
    assert match([normalise_name(name) for name in names], names, "t")[0].tolist() == list(range(len(names)))


@given(paths, letters)
def test_a_row_is_never_given_a_picture_of_another_file_name(names: list[str], other: str) -> None:
    found = match([other, *names], names, "t")[0][0]
    files = [normalise_name(name).split("/")[-1].casefold() for name in (names[found], other)]
    assert found < 0 or files[0] == files[1]


def test_folders_between_do_not_hide_a_picture() -> None:
    assert match(["fear/4.png"], NAMES, "t")[0].tolist() == [3]
    assert match(["happiness/S001/1.png"], NAMES, "t")[0].tolist() == [0]


def test_a_picture_of_another_class_is_not_taken() -> None:
    rows, problems = match(["sadness/1.png", "happiness/2.png"], NAMES, "t")
    assert rows.tolist() == [-1, 1] and [problem.kind for problem in problems] == [UNMATCHED]


def test_several_pictures_of_one_bare_name_are_a_problem() -> None:
    rows, problems = match(["1.png", "b/2.png"], ["a/1.png", "b/1.png", "b/2.png"], "t")
    assert rows.tolist() == [-1, 2] and [problem.kind for problem in problems] == [AMBIGUOUS]


def test_other_folders_throughout_are_matched_by_file_name_with_a_word() -> None:
    rows, problems = match(["x/1.png", "x/2.png", "x/9.png"], ["images/1.png", "images/2.png"], "list.csv")
    assert rows.tolist() == [0, 1, -1]
    assert [problem.kind for problem in problems] == ["matched loosely", UNMATCHED]
    with pytest.raises(DataError):  # the file names alone do not tell these apart
        match(["x/1.png", "y/1.png"], ["images/1.png", "images/2.png"], "list.csv")


@pytest.mark.parametrize("change", [lambda name: name[:-4] + ".jpg", lambda name: name[:-4]])
def test_other_extensions_throughout_are_matched_without_them(change) -> None:  # type: ignore[no-untyped-def]
    for written in ([change(name) for name in NAMES], [change(name).rsplit("/")[-1] for name in NAMES]):
        rows, problems = match(written, NAMES, "t")
        assert rows.tolist() == [0, 1, 2, 3, 4] and len(problems) == 1
    with pytest.raises(DataError):
        match(["a/1.jpg"], ["a/1.png", "a/1.bmp"], "t")


def test_some_rows_alone_are_never_matched_loosely() -> None:
    assert match(["x/1.png", "happiness/1.jpg"], NAMES, "t", whole=False)[0].tolist() == [-1, -1]


def test_nothing_matched_is_an_error_that_shows_both() -> None:
    with pytest.raises(DataError) as caught:
        match(["x.png"], NAMES, "votes.csv")
    assert "x.png" in caught.value.remedy and NAMES[0] in caught.value.remedy and caught.value.place == "votes.csv"
    with pytest.raises(DataError, match="no picture"):
        match(["x.png"], [], "votes.csv")
    assert match(["x.png"], NAMES, "t", whole=False)[0].tolist() == [-1]
    assert len(match([], NAMES, "t")[0]) == 0


def test_repeated_and_contradictory_rows() -> None:
    written = ["1.png", "happiness\\1.png", "2.png", "./happiness/2.png", "happiness/2.png"]
    found = join(written, ["a", "a", "b", "c", "b"], NAMES, "t")
    assert found.rows.tolist() == [0, -1, -1, -1, -1]
    assert np.flatnonzero(found.contradictory).tolist() == [1]
    assert [problem.kind for problem in found.problems] == [REPEATED, CONTRADICTORY, CONTRADICTORY]


@pytest.mark.parametrize("written", ["'sad face/1.png'", '"sad face/1.png"', "sad%20face/1.png", "sad%20face%2F1.png"])
def test_quotes_and_the_signs_of_addresses_do_not_matter(written: str) -> None:
    assert match([written], ["sad face/1.png", "100%20/1.png"], "t.csv")[0].tolist() == [0]
    assert match(["100%20/1.png"], ["100 /1.png", "100%20/1.png"], "t.csv")[0].tolist() == [1]


def test_names_that_mean_nothing_are_not_matched_by_file_where_that_may_be_so() -> None:
    assert match(["fear/1.png"], ["happy/1.png"], "t.csv", whole=False)[0].tolist() == [-1]
