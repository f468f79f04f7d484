"""The class folder is found wherever it stands, and an ambiguous tree is refused."""

import pytest

from mien.data.levels import are_person_names, levels_of
from mien.errors import DataError

KNOWN = {"happiness", "fear", "sadness"}


def labels(*paths: str, level: int | None = None) -> list[str]:
    folders = [tuple(path.split("/")) for path in paths]
    found = levels_of(folders, KNOWN.__contains__, level, "root")
    return [found[folder].label for folder in folders]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["happiness", "fear"], ["happiness", "fear"]),
        (["train/happiness", "test/fear"], ["happiness", "fear"]),
        (["happiness/S010", "fear/S011/001"], ["happiness", "fear"]),
        (["S010/happiness", "S011/001/fear"], ["happiness", "fear"]),
        (["happiness", "happiness/cropped", "bored", "bored/cropped"], ["happiness", "happiness", "bored", "bored"]),
        (["train/happiness", "test/bored"], ["happiness", "bored"]),
        (["site 1/happiness", "site 2/bored", "site 1"], ["happiness", "bored", ""]),
        (["happiness/S010", "bored/S011", "contented/S012/x"], ["happiness", "bored", "contented"]),
        (["cat", "dog"], ["cat", "dog"]),
        (["cat", "dog/raw"], ["cat", "dog"]),
        (["archive/cat", "archive/dog"], ["cat", "dog"]),
        (["cat/S1", "dog/S2"], ["cat", "dog"]),
        (["subject_1/cat", "subject_2/dog"], ["cat", "dog"]),
        (["train/cat", "val/dog"], ["cat", "dog"]),
        (["train", "happiness"], ["", "happiness"]),
    ],
)
def test_the_level_of_the_classes(paths: list[str], expected: list[str]) -> None:
    assert labels(*paths) == expected


@pytest.mark.parametrize("paths", [["a/x", "b/y"], ["one/cat", "two/dog"], ["happiness/fear", "sadness/happiness"]])
def test_two_readings_are_refused_with_both_levels_shown(paths: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        labels(*paths)
    assert "level 1" in caught.value.cause and "level 2" in caught.value.cause
    assert "--class-level 1 or --class-level 2" in caught.value.remedy
    assert labels(*paths, level=2) == [path.split("/")[1] for path in paths]


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["S010", "S011"], True),
        (["1", "2", "2"], True),
        (["subject_3", "Subject 4"], True),
        (["AF01", "BM35"], True),
        (["ann", "bob", "cy", "dee", "eve"], True),
        (["ann", "bob"], False),
        (["cropped", "raw"], False),
        (["site-a"] * 9 + ["b", "c", "d", "e"], False),
        ([], False),
    ],
)
def test_folders_of_people(names: list[str], people: bool) -> None:
    assert are_person_names(names) == people
