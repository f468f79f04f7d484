"""Reviews: a log that only grows, and its joining to pictures that do change."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.prepare import DataSettings, prepare
from mien.data.review_files import read
from mien.data.reviewed import on_pictures
from mien.data.reviews import (
    AMBIGUOUS,
    BROKEN,
    CHANGED,
    GONE,
    MACHINE,
    MOVED,
    UNKNOWN,
    Review,
    ReviewFile,
    append,
    merge_reviews,
)
from mien.errors import StorageError, UsageError
from mien.types import Dataset, LabelSet, texts

NAMES = ("train/fear/1.png", "train/fear/2.png", "train/joy/2.png", "train/joy/3.png")


def words(path: Path) -> list[tuple[str, str | None]]:
    return [(one.id, one.label) for one in read(path).reviews]


def pictures(names: Sequence[str] = NAMES, hashes: Sequence[str] | None = None) -> Dataset:
    """Pictures of fear and happiness."""
    labels = np.array([int("joy" in name) for name in names])
    labelset = LabelSet(("fear", "happiness"), {"happy": "happiness", "joy": "happiness", "3": "happiness"})
    raw, found = texts(list(names)), None if hashes is None else texts(list(hashes))
    return Dataset(texts(list(names)), labels, labelset, raw, raw, hashes=found)


def on(reviews: Sequence[Review], data: Dataset, **options: bool) -> ReviewFile:
    return on_pictures(ReviewFile(Path("r.csv"), tuple(reviews)), data, **options)


TEXT = st.text(max_size=12).filter(lambda text: text == "".join(text.splitlines()))


def test_what_is_appended_is_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "reviews.jsonl"
    written = [append(path, Review(f"{number}.png", "fear" if number % 2 else "", "me")) for number in range(5)]
    assert list(read(path).reviews) == written and all(review.when for review in written)


@given(name=TEXT.filter(bool), label=TEXT, who=TEXT)
def test_any_name_survives(tmp_path_factory: pytest.TempPathFactory, name: str, label: str, who: str) -> None:
    path = tmp_path_factory.mktemp("r") / "r.jsonl"
    review = Review(name, label, who, "now")
    assert append(path, review) == review and read(path).reviews == (review,)


def test_many_writers_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append(path, Review(str(number), "x" * 500, "")), range(200)))
    assert sorted(int(review.id) for review in read(path).reviews) == list(range(200))


def test_a_line_cut_short_by_a_crash_is_passed_over_and_written_after(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    append(path, Review("a", "fear"))
    with path.open("a") as file:
        file.write('{"id": "b", "lab')
    assert [review.id for review in read(path).reviews] == ["a"]
    assert [problem.kind for problem in read(path).problems] == [BROKEN]
    append(path, Review("c", "joy"))
    assert [review.id for review in read(path).reviews] == ["a", "c"]
    assert path.read_text().startswith(json.dumps({"id": "a"})[:-1])


def test_the_last_word_of_each_and_the_most_of_all() -> None:
    said = [Review("a", "joy", "x"), Review("a", "fear", "x"), Review("a", "joy", "y"), Review("a", "fear", "z")]
    assert merge_reviews(said) == {"a": "fear"}
    assert merge_reviews(said[:3]) == {"a": "joy"}  # of equals the latest
    assert merge_reviews([*said[:2], Review("a", "", "x")]) == {"a": ""}


def test_what_cannot_be_written_or_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        append(tmp_path / "file" / "r.jsonl", Review("a", "b"))
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "gone")
    odd = [
        b"\xff\xfe\x00",
        b"a;b\n1;2\n",
        b"[1, 2]\n",
        b'{"id": "a", "label": "b"},\n',
        b"id,label\n",
        b"[{]",
        b"\x89PNG\r\n",
    ]
    for content in odd:
        (tmp_path / "bytes").write_bytes(content)
        with pytest.raises(UsageError, match=r"understood|column|no review|UTF"):
            read(tmp_path / "bytes")


def test_files_of_spreadsheets_and_editors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b'\xef\xbb\xbfid,label\r\n"two\nlines.png",fear\r\nb.png,\r\n')
    assert words(path) == [("two\nlines.png", "fear"), ("b.png", "")]
    path.write_bytes(b'\xef\xbb\xbf{"id": "a", "label": "fear"}  \n\n{"id": "b", "label": null}\n')
    assert words(path) == [("a", "fear"), ("b", None)]
    append(path, Review("line\u2028separator", "joy"))
    assert read(path).reviews[-1].id == "line\u2028separator"


@pytest.mark.parametrize(
    "content",
    [
        "ID,Label\r\na.png,fear\r\nb.png,\r\n",
        "sep=;\r\nid;label\r\na.png;fear\r\nb.png;\r\n",
        "sep=\t\r\nid\tlabel\r\na.png\tfear\r\nb.png\t\r\n",
        " id ; LABEL \n a.png ; fear \n b.png ;\n",
        "id\tlabel\twho\na.png\tfear\tme\nb.png\t\tme\n",
        '"label","id"\n"fear","a.png"\n"","b.png"\n',
        "file,Emotion\na.png,fear\nb.png,\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_any_program_are_read(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content.encode(encoding))
    assert words(path) == [("a.png", "fear"), ("b.png", "")]


def test_json_is_read_as_lines_as_a_list_and_in_utf_16(tmp_path: Path) -> None:
    path, records = tmp_path / "r.json", [{"ID": "ä.png", "Label": "fear"}, {"id": "b.png", "label": None}]
    for text in ("\n".join(map(json.dumps, records)), json.dumps(records, indent=1), json.dumps(records[0])):
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            path.write_bytes(text.encode(encoding))
            assert words(path)[0] == ("ä.png", "fear")


def test_a_row_that_is_cut_short_is_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("id,label,who\na.png,fear,me\nb.png,,me\nc.png\n,fear,me\n")
    assert words(path) == [("a.png", "fear"), ("b.png", "")]
    assert [(problem.kind, problem.place) for problem in read(path).problems] == [
        (BROKEN, f"{path}, row 3"), (BROKEN, f"{path}, row 4")
    ]  # fmt: skip


def test_lines_that_are_not_understood_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"id": "a", "label": "fear"}\n{"id": 3}\n[]\n{"id": "b"; }\n'
        '{"id": true, "label": "x"}\n{"id":"c","label":["x"]}\n'
    )
    assert words(path) == [("a", "fear")] and [one.kind for one in read(path).problems] == [BROKEN] * 5


def test_only_what_was_looked_at_counts_in_the_table_of_an_export(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "id,file,given,label,reviewed,verdict\na,1.png,fear,fear,reviewed,fine\nb,2.png,fear,fear,,fine\nc,3.png,fear,joy,,fine\n"
    )
    assert words(path) == [("a", "fear"), ("c", "joy")]


# Pictures


def test_names_are_joined_however_they_are_written() -> None:
    decomposed = unicodedata.normalize("NFD", "überraschung/é.png")
    data = pictures([*NAMES, unicodedata.normalize("NFC", decomposed)])
    for written, name in [
        ("train\\fear\\1.png", NAMES[0]), ("./train/fear/1.png", NAMES[0]), ("TRAIN/Fear/1.PNG", NAMES[0]),
        ("1.png", NAMES[0]), ("/home/me/faces/train/joy/3.png", NAMES[3]), ("3", NAMES[3]), (decomposed, data.ids[-1]),
    ]:  # fmt: skip
        (found,) = on([Review(written, "happy", "anna")], data).reviews
        assert (found.id, found.label) == (str(name), "happiness"), written


def test_pictures_that_are_gone_and_words_that_are_no_class_become_problems() -> None:
    words = [("train/fear/1.png", "joy"), ("gone.png", "fear"), ("gone.png", "joy"), ("2.png", "fear")]
    words += [("3.png", "hapy"), ("train/joy/2.png", "Cannot say")]
    said = [*(Review(name, word) for name, word in words), Review("train/fear/2.png", None)]
    found = on(said, pictures())
    assert [(one.id, one.label) for one in found.reviews] == [
        (NAMES[0], "happiness"), (NAMES[2], ""), (NAMES[1], None)
    ]  # fmt: skip
    assert [problem.kind for problem in found.problems] == [GONE, AMBIGUOUS, UNKNOWN]
    assert "did you mean 'happiness'" in found.problems[-1].remedy and "gone.png" in found.problems[0].place
    assert found.unused == (said[1], said[2], said[3], said[4])


def test_only_a_file_that_is_about_nothing_here_is_refused() -> None:
    data = pictures()
    with pytest.raises(UsageError, match=r"none of its 2 reviews.*\n.*elsewhere.*train/fear/1\.png"):
        on([Review("elsewhere", "fear"), Review("b", "fear")], data)
    assert on([Review("elsewhere", "fear")], data, strict=False).reviews == ()
    with pytest.raises(UsageError, match="2 of 3 labels"):
        on([Review(NAMES[0], "fear"), Review(NAMES[1], "x"), Review(NAMES[2], "y")], data)
    with pytest.raises(UsageError, match="suggestions"):
        on([Review(NAMES[0], "fear", MACHINE)], data, strict=False)
    assert on([], data).reviews == ()


def test_a_picture_that_moved_is_found_by_what_it_shows() -> None:
    data = pictures(hashes=["a", "b", "c", "d"])
    found = on(
        [Review("row-7", "fear", hash="c"), Review(NAMES[0], "joy", hash="b"), Review(NAMES[3], "joy", hash="z")], data
    )
    assert [one.id for one in found.reviews] == [NAMES[2], NAMES[1], NAMES[3]]
    assert [(problem.kind, NAMES[3] in problem.place) for problem in found.problems] == [(CHANGED, True)]


def test_pictures_that_were_sorted_anew_by_hand_keep_their_reviews() -> None:
    said = [Review(f"fear/{number}.png", "joy") for number in range(6)]
    now = ["fear/0.png", "joy/1.png", "joy/2.png", "fear/5.png", "joy/6.png"]  # 1 and 2 moved, 3 and 4 deleted
    found = on(said, pictures(now))
    assert [one.id for one in found.reviews] == [now[0], now[1], now[2], now[3]]
    assert [problem.kind for problem in found.problems] == [MOVED, MOVED, GONE, GONE]
    assert found.unused == (said[3], said[4])


def test_a_file_name_that_several_folders_have_tells_no_picture() -> None:
    """Numbers begin anew in each folder: what is deleted in one is no picture of another."""
    for now in (["fear/1.png", "joy/1.png", "joy/2.png"], ["joy/2.png", "joy/3.png"]):
        found = on([Review("fear/2.png", "joy"), Review("joy/2.png", "fear")], pictures(now))
        assert [one.id for one in found.reviews] == ["joy/2.png"]
        assert [problem.kind for problem in found.problems] == [GONE]
    found = on([Review("fear/2.png", "joy", hash="b"), Review("joy/3.png", "fear")],
               pictures(["joy/2.png", "joy/3.png"], ["x", "y"]))  # fmt: skip
    assert [one.id for one in found.reviews] == ["joy/3.png"]


@given(gone=st.sets(st.integers(0, 39)), added=st.integers(0, 5))
def test_deleting_and_adding_pictures_takes_no_other_review_away(gone: set[int], added: int) -> None:
    names = [f"train/{'joy' if number % 2 else 'fear'}/{number}.png" for number in range(40)]
    said = [Review(name, "fear", "anna") for name in names]
    left = [name for number, name in enumerate(names) if number not in gone]
    data = pictures([*left, *(f"train/joy/new-{number}.png" for number in range(added))])
    found = on(said, data, strict=False)
    assert [one.id for one in found.reviews] == left
    assert [problem.kind for problem in found.problems] == [GONE] * len(gone)


def test_what_is_said_of_a_picture_goes_for_its_copies(tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for label in ("fear", "joy"):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(rng.integers(0, 255, (16, 16)).astype(np.uint8)).save(
                tmp_path / "faces" / label / f"{number}.png"
            )
    first = tmp_path / "faces" / "fear" / "0.png"
    (first.parent / "copy.png").write_bytes(first.read_bytes())
    path = tmp_path / "r.jsonl"
    append(path, Review("fear/0.png", "joy"))
    data = prepare(DataSettings(str(tmp_path / "faces"), size=16, reviews=str(path)))
    joy = data.labelset.index("joy")
    assert {str(name) for name in data.ids[data.labels == joy]} >= {"fear/0.png", "fear/copy.png"}


def test_reviewed_labels_replace_those_of_the_data_and_make_other_data(tmp_path: Path) -> None:
    plain = prepare(DataSettings("synthetic:n=60,size=24", size=24))
    path = tmp_path / "reviews.jsonl"
    first, second, third = plain.ids[:3].tolist()
    other = next(name for name in plain.labelset.names if name != plain.labelset.names[plain.labels[0]])
    append(path, Review(first, other))
    append(path, Review(second, ""))
    append(path, Review(third, other))
    append(path, Review(third, None))
    settings = DataSettings("synthetic:n=60,size=24", size=24, reviews=str(path))
    new = prepare(settings)
    assert new.labelset.names[new.labels[new.ids == first][0]] == other
    assert set(plain.ids) - set(new.ids) == {second}
    assert new.labels[new.ids == third] == plain.labels[2]
    assert new.fingerprint() != plain.fingerprint()
    if new.targets is not None:
        assert np.isclose(new.targets[new.ids == first].max(), 1)
    append(path, Review(second, other))  # the file has grown: it is read again
    assert second in prepare(settings).ids
