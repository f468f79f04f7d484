"""Tables of answers: what is read of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.data.answer_layout import AnswerColumns
from mien.data.answers import read_answers, read_names
from mien.errors import DataError, MissingExtraError

GOOD = "id,label,group,p_no,p_yes,amount,shop\na,no,c1,0.9,0.1,3,Bo\nb,yes,c2,0.25,0.75,-1e3,Al\nc,,c1,0,1,0,Bo\n"


def written(folder: Path, text: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_known_by_their_titles(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path, GOOD))
    assert answers.columns == AnswerColumns(("no", "yes"), (("features", ("amount",)),))
    assert answers.outputs.ids.tolist() == ["a", "b", "c"]
    assert answers.outputs.vectors["features"].tolist() == [[3], [-1000], [0]]
    assert answers.labels is not None and answers.labels.tolist() == ["no", "yes", ""]
    assert answers.groups is not None and answers.groups.tolist() == ["c1", "c2", "c1"]
    assert answers.unused == ("shop",) and answers.parts is None and not answers.numbered


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("p_", "prob_").replace("id,", "ID,").replace("label", " Label "),
        GOOD.replace("\n", "\r\n") + "\r\n",
    ],
    ids=["byte order mark", "semicolons", "tabs", "other titles", "empty lines"],
)
def test_one_table_in_many_spellings(tmp_path: Path, text: str) -> None:
    plain, other = read_answers(written(tmp_path, GOOD)), read_answers(written(tmp_path, text, "other.csv"))
    assert other.columns == plain.columns and np.array_equal(other.outputs.probs, plain.outputs.probs)
    assert other.outputs.ids.tolist() == plain.outputs.ids.tolist()


def test_marked_columns_alone_are_features_where_there_are_any(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path, "p_a,p_b,x_1,day,x_2\n1,0,5,7,true\n0,1,6,8,false\n"))
    assert answers.columns.vectors == (("features", ("x_1", "x_2")),) and answers.unused == ("day",)
    assert answers.outputs.vectors["features"].tolist() == [[5, 1], [6, 0]]
    assert answers.numbered and answers.outputs.ids.tolist() == ["0", "1"]


def test_row_numbers_of_pandas_are_no_feature(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path, ",p_a,p_b,day\n0,1,0,5\n1,0,1,6\n"))
    assert answers.columns.vectors == (("features", ("day",)),)


def test_logits_become_probabilities_by_softmax(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path, "logit_a,logit_b\n0,0\n3,1\n-800,800\n"))
    assert answers.outputs.probs[:, 1] == pytest.approx([0.5, 1 / (1 + np.exp(2)), 1])


def test_parquet_and_npz_hold_the_same(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    probs, x = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), np.array([[1.5, 2], [3, 4]])
    columns = {"id": ["7", "8"], "label": ["no", None], "p_no": probs[:, 0], "p_yes": probs[:, 1]}
    table = pyarrow.table({**columns, "x_0": x[:, 0], "x_1": x[:, 1], "day": pyarrow.array([1, 2], "date32")})
    parquet.write_table(table, tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", probs=probs, classes=["no", "yes"], ids=[7, 8], labels=["no", ""], vectors=x)
    first, second = read_answers(tmp_path / "a.parquet"), read_answers(tmp_path / "a.npz")
    for answers in (first, second):
        assert answers.columns.classes == ("no", "yes") and answers.outputs.ids.tolist() == ["7", "8"]
        assert answers.outputs.probs == pytest.approx(probs) and answers.labels is not None
        assert answers.labels.tolist() == ["no", ""] and answers.outputs.vectors["features"].tolist() == x.tolist()
    assert first.unused == ("day",)


def test_an_npz_may_have_several_vectors(tmp_path: Path) -> None:
    arrays = {"vectors/face": np.ones((2, 3)), "vectors/age": np.array([30.0, 40])}
    np.savez(tmp_path / "a.npz", logits=np.zeros((2, 2)), classes=["a", "b"], **arrays)
    answers = read_answers(tmp_path / "a.npz")
    assert answers.columns.vectors == (("age", ("0",)), ("face", ("0", "1", "2")))
    with pytest.raises(DataError, match=r"vectors face of 4 columns, and there are 3"):
        read_answers(tmp_path / "a.npz", AnswerColumns(("a", "b"), (("face", tuple("0123")),)))


def test_a_new_table_may_have_more_columns_in_another_order_but_none_fewer(tmp_path: Path) -> None:
    columns = read_answers(written(tmp_path, GOOD)).columns
    more = read_answers(written(tmp_path, "day,amount,p_yes,p_no\n1,5,0.7,0.3\n", "new.csv"), columns)
    assert more.outputs.probs.tolist() == [[0.3, 0.7]] and more.outputs.vectors["features"].tolist() == [[5]]
    assert more.unused == ("day",) and more.labels is None
    with pytest.raises(DataError, match="has no column amount, on which the patch was fitted"):
        read_answers(written(tmp_path, "p_no,p_yes,price\n1,0,5\n", "new.csv"), columns)
    with pytest.raises(DataError, match="answers for no, yes, maybe, and the patch is for a classifier of no, yes"):
        read_answers(written(tmp_path, "p_no,p_yes,p_maybe,amount\n1,0,0,5\n", "new.csv"), columns)


HEAD = "id,p_no,p_yes,x_a\n"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "has no rows"),
        ("id,p_no,p_yes\n", "has no rows"),
        ("id,no,yes\na,0.1,0.9\n", "has no column of answers"),
        ("p_yes\n0.4\n", "has answers for yes alone"),
        ("p_yes,p_Yes\n0.4,0.6\n", "two classes that are read as yes"),
        ("p_,p_yes\n0.4,0.6\n", "a class without a name"),
        ("p_a,p_b,logit_a,logit_b\n1,0,1,0\n", "has columns p_… and logit_…"),
        ("p_a,p_a\n1,0\n", "two columns with the title 'p_a'"),
        ("id,ID,p_a,p_b\n1,1,1,0\n", "id, ID, which are read as one"),
        (HEAD + "a,0.3,0.3,1\n", "do not add up to 1"),
        (HEAD + "a,30,70,1\nb,20,80,1\n", "are percentages"),
        (HEAD + "a,-0.2,1.2,1\n", "no probabilities, perhaps logits"),
        (HEAD + "a,nan,1,1\n", "row 1, column p_no: has no value"),
        (HEAD + "a,0,1,1\nb,,1,1\n", "row 2, column p_no: has no value"),
        (HEAD + "a,0,1,inf\n", "row 1, column x_a: is infinite"),
        (HEAD + "a,0,1,1\nb,0,1,few\n", "row 2, column x_a: 'few' is no number"),
        (HEAD + "a,0,1,1\na,0,1,1\n", "ids repeat, such as 'a'"),
        (HEAD + "a,0,1,1\n ,0,1,1\n", "row 2, column id: has no id"),
        (HEAD + "a,0,1\n", "row 1: has fewer cells"),
        (HEAD + "a,0,1,1,1\n", "row 1: has more cells"),
        ("p_a;p_b\n0,3;0,7\n", "with a point, such as 0.97"),
        ("part,p_a,p_b\nlater,1,0\n", "'later' is no part"),
        ("p_a,p_b\n" + "1,0\n" * 3 + '"1', "not a CSV|fewer cells"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_place(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(DataError, match=cause) as refused:
        read_answers(written(tmp_path, text))
    assert refused.value.place.startswith(str(tmp_path)) and refused.value.remedy


def test_a_feature_with_some_text_is_refused_and_a_column_of_text_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column amount: '\?' is no number"):
        read_answers(written(tmp_path, "p_a,p_b,amount\n1,0,3\n1,0,4\n1,0,?\n"))
    assert read_answers(written(tmp_path, "p_a,p_b,code\n1,0,A3\n1,0,7\n1,0,B\n")).unused == ("code",)


@pytest.mark.parametrize("name", ["a.parquet", "a.npz"])
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    if name == "a.parquet":
        pytest.importorskip("pyarrow")
    for content in (b"", b"PAR1 and no more", b"PK\x03\x04 and no more"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            read_answers(tmp_path / name)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", probs=np.eye(2), classes=np.array(["a", "b"], object))
    with pytest.raises(DataError, match="allow_pickle=False") as refused:
        read_answers(tmp_path / "a.npz")
    assert "not of objects" in refused.value.remedy


@pytest.mark.parametrize(
    ("arrays", "cause"),
    [
        ({"probs": np.eye(2)}, "has the arrays probs"),
        ({"probs": np.eye(2), "classes": ["a"]}, "2 columns of probs, and 1 classes"),
        ({"probs": np.eye(2), "classes": ["a", "b"], "ids": ["x"]}, "1 rows of ids, and 2 of probs"),
        ({"probs": np.eye(2), "classes": ["a", "b"], "vectors": np.zeros((2, 3, 4))}, "array vectors: is float64"),
        ({"probs": np.full((2, 2), np.nan), "classes": ["a", "b"]}, "row 1 has a value that is missing"),
        ({"probs": np.zeros((0, 2)), "classes": ["a", "b"]}, "has no rows"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, object], cause: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=cause):
        read_answers(tmp_path / "a.npz")


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"mien\[parquet\]"):
        read_answers(tmp_path / "a.parquet")


def test_missing_files_and_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_answers(tmp_path / "none.csv")
    assert set(read_names(written(tmp_path, "id\nb\n"))) == {"id"}
    with pytest.raises(DataError, match="neither a column id nor a column group"):
        read_names(written(tmp_path, "name\nb\n"))
