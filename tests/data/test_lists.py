"""Lists of pictures and labels, as they come with data sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.data.load import load, recognise
from mien.errors import DataError, UsageError

NAMES = ("happy", "sad", "fear")


def pictures(folder: Path, count: int = 6) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(folder / name)
    return names


def table(path: Path, header: str, rows: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("header", ["image,label", "Filename;Emotion", "pth\texpression", " File Path | class "])
@pytest.mark.parametrize("before", ["", "images/", "images/images/", "./", "C:\\set\\images\\", "/a/b/images/"])
def test_lists_are_recognised_whatever_their_columns_and_paths(tmp_path: Path, header: str, before: str) -> None:
    separator = next(sign for sign in ",;\t|" if sign in header)
    names = pictures(tmp_path / "images")
    rows = [f"{before}{name}{separator}{NAMES[row % 3]}" for row, name in enumerate(names)]
    path = table(tmp_path / "labels.csv", header, rows)
    for source in (tmp_path, path):
        data = load(source)
        assert data.ids.tolist() == [f"images/{name}" for name in names]
        assert [data.labelset.names[label] for label in data.labels] == ["happiness", "sadness", "fear"] * 2
        assert all(Path(path).is_file() for path in data.paths)


def test_people_contributors_and_parts(tmp_path: Path) -> None:
    names = pictures(tmp_path / "images", 3)
    rows = [f"{name},happy,{row},{'ab'[row % 2]}" for row, name in enumerate(names)]
    table(tmp_path / "labels.csv", "image,label,Subject,split", rows)
    data = load(tmp_path)
    assert data.groups is not None and data.groups.tolist() == ["0", "1", "2"]
    assert data.sources is not None and data.sources.tolist() == ["a", "b", "a"]


def test_a_list_for_each_part(tmp_path: Path) -> None:
    names = pictures(tmp_path / "images")
    for part, rows in (("train", names[:4]), ("test", names[4:])):
        table(tmp_path / f"{part}.csv", "image,label", [f"{name},happy" for name in rows])
    data = load(tmp_path)
    assert data.sources is not None and data.sources.tolist() == ["test"] * 2 + ["train"] * 4
    table(tmp_path / "other.csv", "image,label", ["0.png,happy"])
    with pytest.raises(DataError, match=r"other\.csv"):
        load(tmp_path)


def test_rows_and_pictures_without_each_other_are_problems(tmp_path: Path) -> None:
    pictures(tmp_path / "images", 3)
    rows = ["0.png,happy", "9.png,sad", ",sad", "1.png", "0.png,sad", "1.png,nan"]
    data = load(table(tmp_path / "labels.csv", "image,label", rows))
    kinds = [problem.kind for problem in data.problems]
    assert sorted(kinds) == ["broken row", "broken row", "row without a picture", "unlabelled"]
    assert data.ids.tolist() == ["images/0.png", "images/0.png#2", "images/1.png"] and data.labels[2] == -1


@pytest.mark.parametrize("number", ["{}", "{}.0", "0{}"])
def test_numbers_are_refused_without_a_map(tmp_path: Path, number: str) -> None:
    names = pictures(tmp_path / "images", 4)
    rows = [f"{name},{number.format(row % 2 + 3)}" for row, name in enumerate(names)]
    table(tmp_path / "labels.csv", "image,label", rows)
    with pytest.raises(DataError, match="numbers") as caught:
        load(tmp_path)
    assert "--names 3=surprise,4=fear" in caught.value.remedy
    data = load(tmp_path, names={"3": "sad", "4.0": "anger"})
    assert data.labelset.names == ("sadness", "anger") and data.labels.tolist() == [0, 1, 0, 1]


def test_affectnets_numbers_are_known_by_its_columns(tmp_path: Path) -> None:
    names = pictures(tmp_path / "12", 4)
    rows = [f"12/{name},10,{number},0.1" for name, number in zip(names, (0, 1, 8, 6), strict=True)]
    table(tmp_path / "training.csv", "subDirectory_filePath,face_x,expression,valence", rows)
    data = load(tmp_path)
    assert [data.labelset.names[label] if label >= 0 else "" for label in data.labels] == [
        "neutral", "happiness", "", "anger",
    ]  # fmt: skip


def test_columns_of_other_names_are_given_by_flags(tmp_path: Path) -> None:
    names = pictures(tmp_path / "images", 2)
    path = table(tmp_path / "liste.csv", "bild,klasse", [f"{name},happy" for name in names])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert "--image-column" in caught.value.remedy and "bild, klasse" in caught.value.remedy
    with pytest.raises(DataError, match="labels"):
        load(path, image_column="bild")
    with pytest.raises(DataError, match="'bildt'"):
        load(path, image_column="bildt", label_column="klasse")
    assert len(load(tmp_path, image_column="Bild", label_column="klasse")) == 2
    with pytest.raises(UsageError, match="--image-column"):
        load("synthetic:n=20,size=16", image_column="bild")


def test_class_folders_win_over_a_list_and_a_difference_is_a_problem(tmp_path: Path) -> None:
    for name in ("happiness", "fear"):
        pictures(tmp_path / name, 2)
    rows = ["happiness/0.png,happy", "happiness/1.png,happy", "fear/0.png,fear", "fear/1.png,afraid"]
    table(tmp_path / "labels.csv", "image,label", rows)
    assert recognise(tmp_path) == "folders" and load(tmp_path).problems == ()
    table(tmp_path / "labels.csv", "image,label", [rows[0], "happiness/1.png,sad", *rows[2:]])
    [problem] = load(tmp_path).problems
    assert problem.kind == "list unlike folders" and "1 of 4" in problem.cause
    assert load(tmp_path, format="list").raw_labels.tolist() == ["happy", "sad", "fear", "afraid"]


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_an_archive_is_told_how_to_be_unpacked(tmp_path: Path, kind: str) -> None:
    import shutil

    pictures(tmp_path / "set" / "happy")
    archive = Path(shutil.make_archive(str(tmp_path / "away" / "faces"), kind, tmp_path / "set"))
    for source in (archive, archive.parent):
        with pytest.raises(DataError) as caught:
            load(source)
        assert str(archive) in caught.value.remedy
        assert ("unzip" if kind == "zip" else "tar -xf") in caught.value.remedy
        assert str(archive.parent / "faces") in caught.value.remedy


class TestOneLevelTooHighOrTooLow:
    def test_of_a_list(self, tmp_path: Path) -> None:
        names = pictures(tmp_path / "set" / "images")
        table(tmp_path / "set" / "labels.csv", "image,label", [f"{name},happy" for name in names])
        for source in (tmp_path, tmp_path / "set" / "images"):
            with pytest.raises(DataError) as caught:
                load(source)
            assert f"give {tmp_path / 'set'}" in caught.value.remedy

    def test_of_class_folders(self, tmp_path: Path) -> None:
        for name in ("happy", "sad"):
            pictures(tmp_path / "set" / name, 2)
        with pytest.raises(DataError) as caught:
            load(tmp_path / "set" / "happy")
        assert f"give {tmp_path / 'set'}" in caught.value.remedy
        assert len(load(tmp_path)) == 4  # a folder around them is no obstacle

    def test_of_pixels(self, tmp_path: Path) -> None:
        table(tmp_path / "a" / "fer2013" / "fer2013.csv", "emotion,pixels,Usage", ["3,1 2 3 4,Training"])
        with pytest.raises(DataError) as caught:
            load(tmp_path)
        assert f"give {tmp_path / 'a' / 'fer2013'} (pixel-csv)" in caught.value.remedy


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [("image,label,person", "{},{},ann", "names people"), ("image,label", "{},3", "the labels are numbers")],
)
def test_what_a_list_beside_class_folders_adds_is_not_lost_in_silence(
    tmp_path: Path, header: str, row: str, said: str
) -> None:
    names = [f"{name}/{file}" for name in ("happiness", "fear") for file in pictures(tmp_path / name, 2)]
    table(tmp_path / "labels.csv", header, [row.format(name, name.split("/")[0]) for name in names])
    [problem] = load(tmp_path).problems
    assert problem.kind == "table not used" and said in problem.cause and "--format list" in problem.remedy


def test_one_person_is_one_however_the_rows_write_it(tmp_path: Path) -> None:
    names = pictures(tmp_path / "images", 4)
    rows = [f"{name},happy,{who}" for name, who in zip(names, ("7", "7.0", "nan", "007"), strict=True)]
    table(tmp_path / "labels.csv", "image,label,person", rows)
    data = load(tmp_path)
    assert data.groups is not None and data.groups.tolist() == ["7", "7", "", "7"]


@pytest.mark.parametrize("one", ["1", "1.0", "8"])
def test_one_column_for_each_class(tmp_path: Path, one: str) -> None:
    names = pictures(tmp_path / "images", 5)
    rows = [f"0,{one},0", f"{one},0,0", f"0,,{one}", "0,0,0", f"{one},{one},0"]
    table(
        tmp_path / "labels.csv",
        "image,Happy,Sad,Fear",
        [f"{name},{row}" for name, row in zip(names, rows, strict=True)],
    )
    data = load(tmp_path)
    assert [data.labelset.names[label] for label in data.labels[:3]] == ["sadness", "happiness", "fear"]
    assert data.labels[3:].tolist() == [-1, -1] and data.raw_labels[3:].tolist() == ["", "tie"]
    assert [problem.kind for problem in data.problems] == ["labels from columns"]


def test_words_win_over_their_numbers(tmp_path: Path) -> None:
    names = pictures(tmp_path / "images", 3)
    rows = [f"{name},{row},{NAMES[row]}" for row, name in enumerate(names)]
    table(tmp_path / "labels.csv", "image,label,emotion", rows)
    assert load(tmp_path).raw_labels.tolist() == list(NAMES)
    with pytest.raises(DataError, match="numbers"):
        load(tmp_path, label_column="label")


@pytest.mark.parametrize(
    ("text", "said"),
    [("0.png,happy\n1.png,sad\n", "first line"), ("0.png happy\n", "commas"), ("image label\n0.png happy\n", "commas"),
     ("bild,laune\n0.png,happy\n", "--image-column")],
)  # fmt: skip
def test_tables_that_are_no_lists_are_told_what_they_lack(tmp_path: Path, text: str, said: str) -> None:
    pictures(tmp_path / "images")
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert said in caught.value.remedy


def test_a_votes_table_without_class_folders_is_read_as_a_list_where_it_is_named(tmp_path: Path) -> None:
    pictures(tmp_path / "images", 2)
    path = table(tmp_path / "votes.csv", "image,happy,sad,person", ["0.png,3,1,ann", "1.png,0,4,bob"])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert f"give {path} itself" in caught.value.remedy
    data = load(path)
    assert [data.labelset.names[label] for label in data.labels] == ["happiness", "sadness"]
    assert data.groups is not None and data.groups.tolist() == ["ann", "bob"]
