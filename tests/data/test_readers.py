"""Readers: each layout as it is met in the wild, and what is wrong with it."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.data import ferplus, folders, legend_csv, pixel_csv, raf_db
from mien.data.load import FORMATS
from mien.errors import DataError, UsageError
from mien.types import Dataset

VOTES = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"


def picture(path: Path, value: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(path)
    return path


def kinds(data: Dataset) -> list[str]:
    return [problem.kind for problem in data.problems]


class TestFolders:
    def test_folder_names_are_labels_whatever_their_spelling(self, tmp_path: Path) -> None:
        for name in ("Happy", "FEAR", "angry"):
            picture(tmp_path / name / "1.png")
        data = folders.read(tmp_path)
        assert data.labelset.names == ("fear", "happiness", "anger")
        assert data.ids.tolist() == ["FEAR/1.png", "Happy/1.png", "angry/1.png"]
        assert data.labels.tolist() == [0, 1, 2]
        assert data.sources is None and data.votes is None and data.groups is None

    def test_part_folders_become_sources(self, tmp_path: Path) -> None:
        for part in ("train", "test"):
            picture(tmp_path / part / "happy" / "1.png")
            picture(tmp_path / part / "sad" / "1.png")
        data = folders.read(tmp_path)
        assert data.sources is not None
        assert sorted(data.sources.tolist()) == ["test", "test", "train", "train"]
        assert len(set(data.ids.tolist())) == 4

    def test_other_classes_than_emotions(self, tmp_path: Path) -> None:
        for name in ("dog", "Cat", "happy"):
            picture(tmp_path / name / "1.png")
        assert folders.read(tmp_path).labelset.names == ("happiness", "cat", "dog")

    def test_numbers_need_names_and_the_remedy_shows_how(self, tmp_path: Path) -> None:
        for name in ("1", "2"):
            picture(tmp_path / name / "1.png")
        with pytest.raises(DataError) as caught:
            folders.read(tmp_path)
        assert "--names 1=surprise,2=fear" in caught.value.remedy
        data = folders.read(tmp_path, {"1": "Happy", "2": "neutral"})
        assert data.labelset.names == ("happiness", "neutral") and data.labels.tolist() == [0, 1]

    def test_what_lies_elsewhere_is_reported(self, tmp_path: Path) -> None:
        picture(tmp_path / "happy" / "1.png")
        picture(tmp_path / "stray.png")
        picture(tmp_path / ".hidden" / "1.png")
        (tmp_path / "sad").mkdir()
        (tmp_path / "happy" / "notes.txt").write_text("no picture")
        data = folders.read(tmp_path)
        assert data.ids.tolist() == ["happy/1.png"]
        assert sorted(kinds(data)) == ["empty folder", "unlabelled"]

    def test_names_beyond_ascii(self, tmp_path: Path) -> None:
        picture(tmp_path / "happy" / "Žofie 1 – ü.png")
        assert folders.read(tmp_path).ids.tolist() == ["happy/Žofie 1 – ü.png"]

    def test_votes_and_people(self, tmp_path: Path) -> None:
        picture(tmp_path / "fear" / "1.png")
        picture(tmp_path / "happiness" / "2.png")
        picture(tmp_path / "happiness" / "3.png")
        (tmp_path / "votes.csv").write_text(
            "image,label,happiness,fear,surprise,person,truth\n"
            "fear/1.png,fear,1,8,1,ann,fear\nhappiness/2.png,happiness,10,0,0,bob,fear\nhappiness/3.png,happiness,x,0,0,,\n"
        )
        data = folders.read(tmp_path)
        assert data.labelset.names == ("surprise", "fear", "happiness")
        assert data.votes is not None and data.votes.tolist() == [[1, 8, 1], [0, 0, 10], [0, 0, 0]]
        assert data.groups is not None and data.groups.tolist() == ["ann", "bob", ""]
        assert kinds(data) == ["broken row", "pictures without a row"]

    def test_votes_as_pandas_writes_them(self, tmp_path: Path) -> None:
        picture(tmp_path / "fear" / "1.png")
        picture(tmp_path / "dog" / "2.png")
        (tmp_path / "votes.csv").write_text(
            ",image,dog,Fear,happy,note,Person\n0,fear/1.png,1,8,1,clear,ann\n7,dog/2.png,10,0,0,,bob\n"
        )
        data = folders.read(tmp_path)
        assert data.labelset.names == ("fear", "happiness", "dog")
        assert data.votes is not None and data.votes.tolist() == [[0, 0, 10], [8, 1, 1]]
        assert data.groups is not None and data.groups.tolist() == ["bob", "ann"]
        assert kinds(data) == ["unknown column"] and "call it person" in data.problems[0].remedy

    def test_names_may_say_what_a_column_of_votes_means(self, tmp_path: Path) -> None:
        picture(tmp_path / "fear" / "1.png")
        (tmp_path / "votes.csv").write_text("image,fear,w\nfear/1.png,8,2\n")
        data = folders.read(tmp_path, {"w": "wolf"})
        assert data.labelset.names == ("fear", "wolf") and kinds(data) == []
        assert data.votes is not None and data.votes.tolist() == [[8, 2]]

    def test_a_table_of_people_alone_has_no_votes(self, tmp_path: Path) -> None:
        picture(tmp_path / "fear" / "1.png")
        (tmp_path / "votes.csv").write_text("image,person\nfear/1.png,ann\n")
        data = folders.read(tmp_path)
        assert data.votes is None and data.groups is not None and data.groups.tolist() == ["ann"]

    def test_linked_class_folders_are_read(self, tmp_path: Path) -> None:
        picture(tmp_path / "root" / "happy" / "1.png")
        picture(tmp_path / "elsewhere" / "2.png")
        picture(tmp_path / "parts" / "sad" / "3.png")
        (tmp_path / "root" / "fear").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "root" / "train").symlink_to(tmp_path / "parts")
        data = folders.read(tmp_path / "root")
        assert data.ids.tolist() == ["happy/1.png", "fear/2.png", "train/sad/3.png"]
        assert data.problems == () and (data.labels >= 0).all()

    def test_what_two_ways_lead_to_is_read_once(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        picture(root / "happy" / "1.png")
        picture(tmp_path / "beside" / "2.png")
        for link, target in (("all", root), ("happy/deep", root / "happy"), ("above", tmp_path)):
            (root / link).symlink_to(target)
        data = folders.read(root)
        assert data.ids.tolist() == ["happy/1.png"]
        assert kinds(data) == ["repeated folder"] * 3

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace("/", "\\"),
            lambda text: text.replace("fear/", "").replace("happiness/", ""),
            lambda text: text.replace("fear/", "./fear/").replace("happiness/", ".\\happiness\\"),
            lambda text: text.replace(",", ";"),
            lambda text: text.replace("person", " Subject.ID "),
            lambda text: text.replace("1.png,1", "1.PNG,1.0"),
        ],
    )
    @pytest.mark.parametrize("name", ["votes.csv", "Votes.CSV"])
    def test_votes_are_joined_however_they_are_written(
        self, tmp_path: Path, change: Callable[[str], str], name: str
    ) -> None:
        picture(tmp_path / "fear" / "1.png")
        picture(tmp_path / "happiness" / "2.png")
        text = "image,fear,happiness,person\nfear/1.png,1,9,ann\nhappiness/2.png,2,8,bob\n"
        (tmp_path / name).write_text(change(text))
        data = folders.read(tmp_path)
        assert data.groups is not None and data.groups.tolist() == ["ann", "bob"]
        assert data.votes is not None and data.votes.tolist() == [[1, 9], [2, 8]] and not data.problems

    def test_votes_that_name_no_picture_are_an_error(self, tmp_path: Path) -> None:
        picture(tmp_path / "fear" / "1.png")
        (tmp_path / "votes.csv").write_text("image,person\nfear/x.png,ann\n")
        with pytest.raises(DataError, match="none of its 1 rows"):
            folders.read(tmp_path)

    def test_rows_of_votes_that_do_not_count_are_problems(self, tmp_path: Path) -> None:
        for name in ("1", "2", "3"):
            picture(tmp_path / "fear" / f"{name}.png")
        rows = ["1.png,3,ann", "1.png,3,ann", "2.png,3,bob", "2.png,4,bob", "3.png,-1,cy", "gone.png,3,dee"]
        (tmp_path / "votes.csv").write_text("image,fear,person\n" + "\n".join(rows))
        data = folders.read(tmp_path)
        assert sorted(kinds(data)) == [
            "broken row", "contradictory rows", "repeated row", "row without a picture",
        ]  # fmt: skip
        assert data.groups is not None and data.groups.tolist() == ["ann", "", "cy"]
        assert data.votes is not None and data.votes.tolist() == [[3], [0], [0]]
        assert data.labels.tolist() == [0, -1, 0]

    @pytest.mark.parametrize("cell", ["", "nan", "0.5", "-1", "many"])
    def test_votes_that_are_no_numbers_do_not_take_the_person_away(self, tmp_path: Path, cell: str) -> None:
        picture(tmp_path / "fear" / "1.png")
        (tmp_path / "votes.csv").write_text(f"image,fear,person\nfear/1.png,{cell},ann\n")
        data = folders.read(tmp_path)
        assert kinds(data) == ["broken row"] and "column fear" in data.problems[0].cause
        assert data.groups is not None and data.groups.tolist() == ["ann"]
        assert data.votes is not None and data.votes.tolist() == [[0]]

    def test_votes_with_decimal_commas(self, tmp_path: Path) -> None:
        picture(tmp_path / "fear" / "1.png")
        (tmp_path / "votes.csv").write_text("image;fear;happy\nfear/1.png;3,0;1\n")
        data = folders.read(tmp_path)
        assert data.votes is not None and data.votes.tolist() == [[3, 1]] and not data.problems

    @pytest.mark.parametrize("text", ["image,fear\n", "image\nfear/1.png\n", "image,label\nfear/1.png,fear\n"])
    def test_tables_of_votes_that_give_nothing_are_problems(self, tmp_path: Path, text: str) -> None:
        picture(tmp_path / "fear" / "1.png")
        (tmp_path / "votes.csv").write_text(text)
        assert kinds(folders.read(tmp_path)) == ["table without use"]

    def test_votes_may_be_a_table_of_another_kind(self, tmp_path: Path) -> None:
        picture(tmp_path / "fear" / "1.png")
        (tmp_path / "Votes.TSV").write_text("image\tperson\nfear/1.png\tann\n")
        data = folders.read(tmp_path)
        assert data.groups is not None and data.groups.tolist() == ["ann"]

    def test_votes_above_the_pictures_are_not_lost_in_silence(self, tmp_path: Path) -> None:
        picture(tmp_path / "images" / "fear" / "1.png")
        (tmp_path / "votes.csv").write_text("image,person\nfear/1.png,ann\n")
        data = folders.read(tmp_path / "images")
        assert kinds(data) == ["table not used"] and str(tmp_path) in data.problems[0].remedy
        assert folders.read(tmp_path).groups is not None

    def test_parts_below_the_classes_are_sources(self, tmp_path: Path) -> None:
        for name, part in (("happy", "train"), ("sad", "test")):
            picture(tmp_path / name / part / "1.png")
        data = folders.read(tmp_path)
        assert data.sources is not None and data.sources.tolist() == ["train", "test"]

    def test_sessions_of_people_are_not_people(self, tmp_path: Path) -> None:
        for number in range(4):
            picture(tmp_path / f"S0{number}" / f"00{number % 2}" / "happy" / "1.png")
        data = folders.read(tmp_path)
        assert data.groups is not None and data.groups.tolist() == ["S00", "S01", "S02", "S03"]
        assert kinds(data) == ["folders as people"] and data.sources is not None
        assert data.sources.tolist() == ["000", "001", "000", "001"]

    @pytest.mark.parametrize(("name", "doubted"), [("S{}", True), ("subject_{}", True), ("mood {}", False)])
    def test_class_folders_called_as_people_are_a_problem(self, tmp_path: Path, name: str, doubted: bool) -> None:
        for number in range(3):
            picture(tmp_path / name.format(number) / "1.png")
        assert ("classes like people" in kinds(folders.read(tmp_path))) is doubted

    def test_votes_in_the_folder_of_a_part(self, tmp_path: Path) -> None:
        for part, who in (("train", "ann"), ("test", "bob")):
            picture(tmp_path / part / "fear" / "1.png")
            (tmp_path / part / "votes.csv").write_text(f"image,person\nfear/1.png,{who}\n")
        data = folders.read(tmp_path)
        assert data.groups is not None
        assert dict(zip(data.ids.tolist(), data.groups.tolist(), strict=True)) == {
            "test/fear/1.png": "bob", "train/fear/1.png": "ann",
        }  # fmt: skip

    @pytest.mark.parametrize("place", ["{class}/S0{n}/{n}.png", "S0{n}/{class}/{n}.png", "train/{class}/0{n}/{n}.png"])
    def test_folders_of_people(self, tmp_path: Path, place: str) -> None:
        for number in range(6):
            name = ("happy", "sad")[number % 2]
            picture(tmp_path / place.replace("{class}", name).replace("{n}", str(number)))
        data = folders.read(tmp_path)
        assert data.labelset.names == ("happiness", "sadness") and (data.labels >= 0).all()
        assert data.groups is not None and len(set(data.groups.tolist())) == 6
        assert kinds(data) == ["folders as people"]
        told = folders.read(tmp_path, subfolders="source")
        assert told.groups is None and told.sources is not None and kinds(told) == []

    @pytest.mark.parametrize("inner", ["thumbs", "@eaDir", "#recycle", "cropped", ".git"])
    def test_a_folder_in_a_class_folder_loses_no_class(self, tmp_path: Path, inner: str) -> None:
        picture(tmp_path / "happy" / "1.png")
        picture(tmp_path / "happy" / inner / "1.png")
        picture(tmp_path / "sad" / "1.png")
        data = folders.read(tmp_path)
        assert data.labelset.names == ("happiness", "sadness") and "happy/1.png" in data.ids
        assert len(data) == (3 if inner == "cropped" else 2)

    def test_one_class_in_two_unicode_forms(self, tmp_path: Path) -> None:
        for part, form in (("train", "NFC"), ("test", "NFD")):
            picture(tmp_path / part / unicodedata.normalize(form, "Überraschung") / "1.png")
            picture(tmp_path / part / "happy" / "1.png")
        assert folders.read(tmp_path).labelset.names == ("happiness", "überraschung")
        names = {unicodedata.normalize("NFD", "ÜBERRASCHUNG"): "surprise"}
        assert folders.read(tmp_path, names).labelset.names == ("surprise", "happiness")

    @pytest.mark.parametrize("name", ["0.0", "-1", "+2", "3.", "007"])
    def test_numbers_in_any_form_are_refused(self, tmp_path: Path, name: str) -> None:
        picture(tmp_path / name / "1.png")
        picture(tmp_path / "happy" / "1.png")
        with pytest.raises(DataError, match="numbers"):
            folders.read(tmp_path)
        assert len(folders.read(tmp_path, {name: "sad"}).labelset) == 2

    def test_no_class_folder(self, tmp_path: Path) -> None:
        picture(tmp_path / "1.png")
        with pytest.raises(DataError, match="no class folders"):
            folders.read(tmp_path)


class TestLegend:
    def write(self, root: Path, rows: str, header: str = "user.id,image,emotion\n") -> Path:
        (root / "data").mkdir()
        (root / "data" / "legend.csv").write_text(header + rows)
        (root / "images").mkdir(exist_ok=True)
        for name in re.findall(r"\w+\.jpg", rows):
            picture(root / "images" / name)
        return root

    def test_labels_people_contributors(self, tmp_path: Path) -> None:
        self.write(tmp_path, "7,Ann_Lee_0001.jpg,HAPPINESS\n8,Ann_Lee_0002.jpg,fear\n8,film_2.jpg,sad\n")
        data = legend_csv.read(tmp_path)
        assert data.labelset.names == ("fear", "happiness", "sadness") and data.labels.tolist() == [1, 0, 2]
        assert data.groups is not None and data.groups.tolist() == ["Ann_Lee", "Ann_Lee", ""]
        assert data.sources is not None and data.sources.tolist() == ["7", "8", "8"]

    def test_repeated_rows_get_keys_of_their_own(self, tmp_path: Path) -> None:
        self.write(tmp_path, "1,a.jpg,fear\n2,a.jpg,anger\n")
        assert legend_csv.read(tmp_path).ids.tolist() == ["a.jpg", "a.jpg#2"]

    def test_problems(self, tmp_path: Path) -> None:
        self.write(tmp_path, "1,a.jpg,fear\n1\n1,,fear\n1,b.jpg,hapiness\n")
        picture(tmp_path / "images" / "c.jpg")
        data = legend_csv.read(tmp_path / "data" / "legend.csv")
        assert kinds(data) == ["broken row", "broken row", "unlabelled"]
        assert data.labels.tolist() == [0, -1]

    def test_missing_column_names_what_is_there(self, tmp_path: Path) -> None:
        self.write(tmp_path, "", header="who,picture\n")
        with pytest.raises(DataError, match="picture") as caught:
            legend_csv.read(tmp_path)
        assert "'image'" in caught.value.cause

    def test_not_a_text_file(self, tmp_path: Path) -> None:
        self.write(tmp_path, "")
        (tmp_path / "data" / "legend.csv").write_bytes(b"image,emotion\n\x81.jpg,fear\n")
        with pytest.raises(DataError, match="UTF-8"):
            legend_csv.read(tmp_path)


class TestPixels:
    ROW = " ".join(["7"] * 16)

    def test_columns_in_any_order_with_spaces(self, tmp_path: Path) -> None:
        path = tmp_path / "icml_face_data.csv"
        path.write_text(f"emotion, Usage, pixels\n3, Training, {self.ROW}\n0, PrivateTest, {self.ROW}\n")
        data = pixel_csv.read(path)
        assert data.pixels is not None and data.pixels.shape == (2, 4, 4) and (data.pixels == 7).all()
        assert [data.labelset.names[label] for label in data.labels] == ["happiness", "anger"]
        assert data.sources is not None and data.sources.tolist() == ["Training", "PrivateTest"]

    @pytest.mark.parametrize(
        "cell", ["1 2 3", "", "7 7 x 7", "7 7 7 7 x", " ".join(["7"] * 9), " ".join(["256"] * 16), "1 1 1 -1 " * 4]
    )
    def test_broken_rows_are_left_out(self, tmp_path: Path, cell: str) -> None:
        path = tmp_path / "fer2013.csv"
        path.write_text(f"emotion,pixels,Usage\n3,{self.ROW},Training\n0,{cell},Training\n4\n4,{self.ROW},Training\n")
        data = pixel_csv.read(path)
        assert data.ids.tolist() == ["row-000001", "row-000004"]
        assert kinds(data) == ["broken row", "broken row"]

    @pytest.mark.parametrize(
        ("cell", "cause"),
        [
            (" ".join(["7"] * 48), "in colour, 4×4"),
            (" ".join(["0.5"] * 16), "no whole numbers|not whole numbers"),
            (" ".join(["300"] * 16), "outside 0 to 255"),
            ("", "0 values"),
        ],
    )
    def test_a_file_without_a_usable_row_tells_why(self, tmp_path: Path, cell: str, cause: str) -> None:
        path = tmp_path / "fer2013.csv"
        path.write_text(f"emotion,pixels\n3,{cell}\n4,{cell}\n")
        with pytest.raises(DataError, match=cause):
            pixel_csv.read(path)

    @pytest.mark.parametrize("form", ["[{}]", "{}.0"])
    def test_pixels_as_other_programs_write_them(self, tmp_path: Path, form: str) -> None:
        cell = form.format(" ".join(["7"] * 16)) if "[" in form else " ".join([form.format(7)] * 16)
        commas = '"' + cell.replace(" ", ", ") + '"'
        (tmp_path / "faces.csv").write_text(f"label,pixels\n3.0,{cell}\n2,{commas}\n")
        data = pixel_csv.read(tmp_path)
        assert data.pixels is not None and (data.pixels == 7).all()
        assert [data.labelset.names[label] for label in data.labels] == ["happiness", "fear"]

    def test_own_numbers(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.csv"
        path.write_text(f"pixels,emotion\n{self.ROW},0\n{self.ROW},7\n")
        data = pixel_csv.read(path, {"0": "fear", "7": "contempt"})
        assert data.labelset.names == ("fear", "contempt") and data.sources is None

    def test_large_pictures_in_one_cell(self, tmp_path: Path) -> None:
        path = tmp_path / "large.csv"
        path.write_text(f"emotion,pixels\n3,{' '.join(['255'] * 224 * 224)}\n")
        pixels = pixel_csv.read(path).pixels
        assert pixels is not None and pixels.shape == (1, 224, 224)


class TestFerPlus:
    def root(self, tmp_path: Path) -> Path:
        for place in ("Train/a", "Train/b", "Valid/c", "Train/d"):
            picture(tmp_path / f"FER2013{place}.png")
        (tmp_path / "fer2013new.csv").write_text(
            VOTES + "Training,a.png,0,9,1,0,0,0,0,0,0,0\n"
            "Training,b.png,5,0,0,5,0,0,0,0,0,0\n"
            "Training,,0,0,0,0,0,0,0,0,0,10\n"
            "PublicTest,c.png,1,0,0,0,0,0,2,0,7,0\n"
            "Training,d.png,0,0,0,0,0,0,0,0,4,6\n"
            "Training,a.png,0,9,1,0,0,0,0,0,0,0\n"
            "Elsewhere,e.png,0,9,1,0,0,0,0,0,0,0\n"
            "Training,f.png,0,9\n"
        )
        (tmp_path / "fer2013_labels.csv").write_text("Usage,Image name,emotion\nTraining,a.png,2\nTraining,b.png,0\n")
        return tmp_path

    def test_plurality_over_all_ten_columns(self, tmp_path: Path) -> None:
        data = ferplus.read(self.root(tmp_path))
        assert data.ids.tolist() == ["a.png", "b.png", "c.png", "d.png", "a.png#2"]
        assert data.raw_labels.tolist() == ["happiness", "tie", "unknown", "NF", "happiness"]
        assert [label >= 0 for label in data.labels] == [True, False, False, False, True]
        assert data.votes is not None and data.votes.shape == (5, 10)
        assert data.votes[0, data.labelset.index("happiness")] == 9 and data.votes[3, 8:].tolist() == [4, 6]
        assert data.paths[2] == str(tmp_path / "FER2013Valid" / "c.png")
        assert kinds(data) == ["no picture name", "broken row", "broken row"]

    def test_fer2013_labels(self, tmp_path: Path) -> None:
        data = ferplus.read(self.root(tmp_path), labels="fer2013")
        names = [data.labelset.names[label] if label >= 0 else "" for label in data.labels]
        assert names == ["fear", "anger", "", "", "fear"]

    def test_shares(self, tmp_path: Path) -> None:
        data = ferplus.read(self.root(tmp_path), labels="shares")
        assert data.targets is not None
        np.testing.assert_allclose(data.targets.sum(1), 1)
        np.testing.assert_allclose(data.targets[0, data.labelset.index("happiness")], 0.9)
        np.testing.assert_allclose(data.targets[3], 1 / 8)

    def test_unknown_kind_of_label(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="plurality"):
            ferplus.read(self.root(tmp_path), labels="pluralty")

    def test_label_files_without_header(self, tmp_path: Path) -> None:
        picture(tmp_path / "FER2013Train" / "a.png")
        (tmp_path / "FER2013Train" / "label.csv").write_text('a.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0\n')
        assert ferplus.looks_like(tmp_path)
        data = ferplus.read(tmp_path)
        assert data.raw_labels.tolist() == ["neutral"] and data.sources is not None and data.sources[0] == "Training"


class TestRafDb:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "EmoLabel").mkdir()
        (tmp_path / "EmoLabel" / "list_patition_label.txt").write_text(
            "train_00001.jpg 5\ntest_0001.jpg 1\n\ntrain_00002.jpg\n"
        )
        for name in ("train_00001", "test_0001"):
            picture(tmp_path / "Image" / "aligned" / f"{name}_aligned.jpg")
        return tmp_path

    def test_layout(self, root: Path) -> None:
        data = raf_db.read(root)
        assert data.labelset.names == ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
        assert [data.labelset.names[label] for label in data.labels] == ["sadness", "surprise"]
        assert data.paths[0] == str(root / "Image" / "aligned" / "train_00001_aligned.jpg")
        assert data.sources is not None and data.sources.tolist() == ["train", "test"]
        assert kinds(data) == ["broken row"]


@pytest.mark.parametrize("reader", FORMATS.values())
def test_no_reader_takes_an_empty_folder(tmp_path: Path, reader: Callable[..., Dataset]) -> None:
    assert not reader.looks_like(tmp_path)  # type: ignore[attr-defined]
    with pytest.raises(DataError):
        reader.read(tmp_path)  # type: ignore[attr-defined]
