"""Tables as other programs write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.tables import fold_title, header_of, read_table, table_of, unify_names
from mien.errors import DataError

ROWS = [["image", "User.ID", "emotion"], ["a.png", "7", "fear"], ["b, c.png", "", "Überraschung"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_separators_and_encodings(tmp_path: Path, separator: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    text = "\r\n".join(separator.join(f'"{cell}"' if "," in cell else cell for cell in row) for row in ROWS)
    path.write_bytes((b"\xff\xfe" if encoding == "utf-16-le" else b"") + text.encode(encoding))
    table = read_table(path)
    assert [table.header, *table.rows] == ROWS and header_of(path) == ROWS[0]
    assert table_of(path.read_bytes(), path) == table


def test_columns_are_found_whatever_their_case_and_padding() -> None:
    table = table_of(b" User_ID ;  IMAGE name\n1;2", Path("t.csv"))
    assert table.find_column("user.id") == 0 and table.find_column("x") is None
    assert table.require_column("label", "Image_Name") == 1
    with pytest.raises(DataError, match="IMAGE name"):
        table.require_column("imagename2")


def test_empty_lines_and_short_rows() -> None:
    table = table_of(b"\n\na,b\n\n1\n2,3\n,\n", Path("t.csv"))
    assert table.rows == [["1", ""], ["2", "3"]] and table.short == {0}


@pytest.mark.parametrize("content", [b"a,b\n\x81,2\n", b"\xff\xfea\0,\0\xd8"])
def test_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match="UTF-8"):
        read_table(tmp_path / "t.csv")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_table(path)


def test_parquet(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"image": ["a.png", "b.png"], "label": [3, None]}
    parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.header == ["image", "label"] and table.rows == [["a.png", "3"], ["b.png", ""]]
    assert header_of(tmp_path / "t.parquet") == ["image", "label"]


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match="Parquet"):
        read_table(tmp_path / "t.parquet")


@given(st.text(max_size=12))
def test_folding_a_title_twice_changes_nothing(title: str) -> None:
    assert fold_title(fold_title(title)) == fold_title(title)


def test_the_separator_may_stand_in_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nimage;label\na,b.png;fear\n")
    assert read_table(path).rows == [["a,b.png", "fear"]]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("image,label\n1.png,fear\n".encode(encoding))
    with pytest.raises(DataError, match="save it as UTF-8"):
        read_table(path)


def test_a_class_is_no_misspelt_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("key,anger\n1.png,1\n")
    with pytest.raises(DataError) as caught:
        read_table(path).require_column("image")
    assert "did you mean" not in caught.value.remedy


@pytest.mark.parametrize(
    "same", [["7", "7.0", " 007 "], ["Ann", "ANN", "ann "], ["Zo\u00eb", "Zoe\u0308"], ["S01", "s01"]]
)
def test_writings_of_one_person(same: list[str]) -> None:
    assert len(set(unify_names(same))) == 1


@pytest.mark.parametrize("word", ["", "nan", "NaN", "None", "NULL", "N/A", "unknown", "-", "?", "-1", "-1.0"])
def test_nobody_is_no_person(word: str) -> None:
    assert unify_names([word, "ann"]) == ["", "ann"]


def test_different_people_stay_apart() -> None:
    names = ["1", "10", "1.5", "s1", "ann", "anne"]
    assert unify_names(names) == names
