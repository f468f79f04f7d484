"""Reviews: a file that only grows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.prepare import DataSettings, prepare
from mien.data.reviews import Review, append, merged, read
from mien.errors import StorageError, UsageError

TEXT = st.text(max_size=12).filter(lambda text: text == "".join(text.splitlines()))


def test_what_is_appended_is_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "reviews.jsonl"
    written = [append(path, Review(f"{number}.png", "fear" if number % 2 else "", "me")) for number in range(5)]
    assert read(path) == written and all(review.when for review in written)


@given(name=TEXT.filter(bool), label=TEXT, who=TEXT)
def test_any_name_survives(tmp_path_factory: pytest.TempPathFactory, name: str, label: str, who: str) -> None:
    path = tmp_path_factory.mktemp("r") / "r.jsonl"
    review = Review(name, label, who, "now")
    assert append(path, review) == review and read(path) == [review]


def test_many_writers_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append(path, Review(str(number), "x" * 500, "")), range(200)))
    assert sorted(int(review.id) for review in read(path)) == list(range(200))


def test_a_line_cut_short_by_a_crash_is_passed_over_and_written_after(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    append(path, Review("a", "fear"))
    with path.open("a") as file:
        file.write('{"id": "b", "lab')
    assert [review.id for review in read(path)] == ["a"]
    append(path, Review("c", "joy"))
    assert [review.id for review in read(path)] == ["a", "c"]
    assert path.read_text().startswith(json.dumps({"id": "a"})[:-1])


def test_the_last_word_of_each_and_the_most_of_all() -> None:
    said = [Review("a", "joy", "x"), Review("a", "fear", "x"), Review("a", "joy", "y"), Review("a", "fear", "z")]
    assert merged(said) == {"a": "fear"}
    assert merged(said[:3]) == {"a": "joy"}  # of equals the latest
    assert merged([*said[:2], Review("a", "", "x")]) == {"a": ""}


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
        b'id,label\na,"b\n',
    ]
    for content in odd:
        (tmp_path / "bytes").write_bytes(content)
        with pytest.raises(UsageError, match=r"understood|columns|no review"):
            read(tmp_path / "bytes")


def test_files_of_spreadsheets_and_editors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b'\xef\xbb\xbfid,label\r\n"two\nlines.png",fear\r\nb.png,\r\n')
    assert [(one.id, one.label) for one in read(path)] == [("two\nlines.png", "fear"), ("b.png", "")]
    path.write_bytes(b'\xef\xbb\xbf{"id": "a", "label": "fear"}  \n\n{"id": "b", "label": null}\n')
    assert [(one.id, one.label) for one in read(path)] == [("a", "fear"), ("b", None)]
    append(path, Review("line\u2028separator", "joy"))
    assert read(path)[-1].id == "line\u2028separator"


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
    plain = prepare(DataSettings("faces:n=60,size=24", size=24))
    path = tmp_path / "reviews.jsonl"
    first, second, third = plain.ids[:3].tolist()
    other = next(name for name in plain.labelset.names if name != plain.labelset.names[plain.labels[0]])
    append(path, Review(first, other))
    append(path, Review(second, ""))
    append(path, Review(third, other))
    append(path, Review(third, None))
    settings = DataSettings("faces:n=60,size=24", size=24, reviews=str(path))
    new = prepare(settings)
    assert new.labelset.names[new.labels[new.ids == first][0]] == other
    assert set(plain.ids) - set(new.ids) == {second}
    assert new.labels[new.ids == third] == plain.labels[2]
    assert new.fingerprint() != plain.fingerprint()
    if new.targets is not None:
        assert np.isclose(new.targets[new.ids == first].max(), 1)
    append(path, Review(second, other))  # the file has grown: it is read again
    assert second in prepare(settings).ids
