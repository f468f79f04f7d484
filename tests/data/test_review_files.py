"""Files of other tools as reviews, in the shapes that Label Studio and FiftyOne write."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.data.label_studio import file_of
from mien.data.review_files import read
from mien.data.reviewed import export_stem, on_pictures
from mien.data.reviews import BROKEN, Review
from mien.errors import UsageError
from mien.types import Dataset, LabelSet, texts

PIXELS = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAADAAAAAwCAAAAAByaaZb"
NAMES = ("happiness/1.png", "happiness/2.png", "fear/2.png", "fear/3.png")


def data() -> Dataset:
    raw = texts(list(NAMES))
    return Dataset(raw, np.array([1, 1, 0, 0]), LabelSet(("fear", "happiness"), {"happy": "happiness"}), raw, raw)


def result(label: str | list[str], name: str = "emotion") -> dict[str, Any]:
    choices = [label] if isinstance(label, str) else label
    return {
        "value": {"choices": choices}, "id": "Xs2lPq", "from_name": name, "to_name": "image", "type": "choices",
        "origin": "manual",
    }  # fmt: skip


def annotation(
    *results: dict[str, Any], by: Any = 1, at: str = "2024-05-02T10:00:00.000000Z", **more: Any
) -> dict[str, Any]:
    return {
        "id": 7, "completed_by": by, "result": list(results), "was_cancelled": False, "ground_truth": False,
        "created_at": "2024-05-01T09:00:00.000000Z", "updated_at": at, "draft_created_at": None, "lead_time": 3.2,
        "prediction": {}, "result_count": 1, "unique_id": "8a5b1c0e", "import_id": None, "last_action": None,
        "task": 12,
        "project": 3, "updated_by": 1, "parent_prediction": None, "parent_annotation": None, "last_created_by": None,
        **more,
    }  # fmt: skip


def task(fields: dict[str, Any], *annotations: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": 12, "annotations": list(annotations), "file_upload": "5b0c2f11-tasks.json", "drafts": [],
        "predictions": [{"id": 3, "model_version": "mien audit", "score": 0.9, "result": [result("fear")], "task": 12}],
        "data": fields, "meta": {}, "created_at": "2024-05-01T08:00:00.000000Z",
        "updated_at": "2024-05-02T10:00:00.000000Z",
        "inner_id": 1, "total_annotations": len(annotations), "cancelled_annotations": 0, "total_predictions": 1,
        "comment_count": 0, "unresolved_comment_count": 0, "last_comment_updated_at": None, "project": 3,
        "updated_by": 1,
        "comment_authors": [], **more,
    }  # fmt: skip


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "export"  # no ending: the content counts
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
    return path


def said(path: Path) -> list[tuple[str, str | None, str]]:
    return [(one.id, one.label, one.who) for one in read(path).reviews]


# Label Studio's JSON


def test_annotations_of_label_studio_are_reviews(tmp_path: Path) -> None:
    anna = {"id": 1, "email": "anna@example.org", "first_name": "Anna", "last_name": ""}
    path = written(tmp_path, [
        task({"image": PIXELS, "mien_id": NAMES[0]}, annotation(result("fear"), by=anna),
             annotation(result("happiness"), by=2)),
        task({"image": PIXELS, "mien_id": NAMES[1]}),
        task({"image": PIXELS, "id": NAMES[2]}, annotation(result("cannot say"))),
        task({"image": PIXELS, "mien_id": NAMES[3]}, annotation(), annotation(result("fear"), was_cancelled=True)),
    ])  # fmt: skip
    assert said(path) == [
        (NAMES[0], "fear", "anna@example.org"), (NAMES[0], "happiness", "annotator 2"),
        (NAMES[2], "cannot say", "annotator 1"),
    ]  # fmt: skip
    assert read(path).reviews[0].when == "2024-05-02T10:00:00.000000Z" and not read(path).problems
    assert [one.label for one in on_pictures(read(path), data()).reviews] == ["fear", "happiness", ""]


def test_predictions_drafts_and_cancelled_annotations_are_no_reviews(tmp_path: Path) -> None:
    drafted = {"drafts": [{"id": 1, "result": [result("fear")], "user": "anna"}]}
    path = written(tmp_path, [
        task({"image": PIXELS, "mien_id": NAMES[0]}, **drafted),
        task({"image": PIXELS, "mien_id": NAMES[1]}, annotation(result("fear"), was_cancelled=True)),
        {"data": {"image": PIXELS, "mien_id": NAMES[1]}, "predictions": [{"result": [result("fear")]}]},
    ])  # fmt: skip
    with pytest.raises(UsageError, match="holds no review"):
        read(path)


def test_the_last_word_of_an_annotator_is_that_with_the_latest_time(tmp_path: Path) -> None:
    late, early = (
        annotation(result(label), at=f"2024-05-0{day}T00:00:00Z") for label, day in (("fear", 9), ("happy", 3))
    )
    path = written(tmp_path, [task({"mien_id": NAMES[0]}, late, early)])
    assert [one.label for one in read(path).reviews] == ["happy", "fear"]


def test_of_several_questions_that_about_the_emotion_counts(tmp_path: Path) -> None:
    boxes = {"type": "rectanglelabels", "from_name": "face", "value": {"rectanglelabels": ["face"]}}
    path = written(tmp_path, [
        task({"mien_id": NAMES[0]}, annotation(boxes, result("sharp", "quality"), result("fear"))),
        task({"mien_id": NAMES[1]}, annotation(result("fear", "what"), boxes)),
        task({"mien_id": NAMES[2]}, annotation(result(["fear", "happiness"]))),
    ])  # fmt: skip
    assert [(one.id, one.label) for one in read(path).reviews] == [(NAMES[0], "fear"), (NAMES[1], "fear")]
    assert [(one.kind, one.cause) for one in read(path).problems] == [(BROKEN, "has 2 choices: fear, happiness")]


@pytest.mark.parametrize(
    ("fields", "upload", "name"),
    [
        ({"image": "/data/upload/3/1a2b3c4d-3.png"}, None, NAMES[3]),
        ({"image": "/data/upload/1a2b3c4d-1.png"}, None, NAMES[0]),
        ({"image": "/data/local-files/?d=faces/happiness/2.png"}, None, NAMES[1]),
        ({"image": "s3://bucket/a/fear/2.png"}, None, NAMES[2]),
        ({"Image": "https://host/x/happiness%2F2.png?X-Amz-Signature=ab"}, None, NAMES[1]),
        ({"image": "fear\\\\2.png"}, None, NAMES[2]),
        ({"image": PIXELS, "id": NAMES[2]}, None, NAMES[2]),
        ({"image": PIXELS, "picture_id": NAMES[2], "id": 9}, None, NAMES[2]),
        ({"image": PIXELS}, "1a2b3c4d-3.png", NAMES[3]),
        ({"image": "fear/3.png", "id": 17}, None, NAMES[3]),
    ],
)
def test_the_picture_is_found_by_its_id_or_by_its_link(
    tmp_path: Path, fields: dict[str, Any], upload: str | None, name: str
) -> None:
    path = written(tmp_path, [task(fields, annotation(result("fear")), file_upload=upload)])
    (found,) = on_pictures(read(path), data()).reviews
    assert found.id == name


def test_pixels_within_a_file_are_never_printed(tmp_path: Path) -> None:
    row = {"image": PIXELS, "id": 4, "emotion": "fear", "annotator": 1, "annotation_id": 2}
    table = f"id,label\n{PIXELS},fear\n"
    tasks = [task({"image": PIXELS}, annotation(result("fear")))]
    for content in (tasks, [row], [{"image": PIXELS, "label": "fear"}], [{"id": PIXELS, "label": "fear"}], table):
        with pytest.raises(UsageError, match=r"names no picture|no id of a picture") as error:
            read(written(tmp_path, content))
        assert "iVBOR" not in str(error.value)


# JSON-MIN and CSV


def rows(**more: Any) -> list[dict[str, Any]]:
    """Rows as JSON-MIN has them: the task's data, over which its number is written, and one annotation each."""
    about = {"annotator": 1, "annotation_id": 5, "lead_time": 3.1}
    about |= {"created_at": "2024-05-01T09:00:00Z", "updated_at": "2024-05-02T10:00:00Z"}
    given = {"image": PIXELS, "given": "fear", "verdict": "probably wrong", "reason": "happiness 80 %, fear 10 %"}
    return [
        {**given, "mien_id": name, "id": number, "emotion": label, **about, **more}
        for number, (name, label) in enumerate(
            zip(NAMES, ("happiness", "fear", {"choices": ["happy"]}, ""), strict=True), 40
        )
    ]


EXPECTED = [
    (NAMES[0], "happiness", "annotator 1"),
    (NAMES[1], "fear", "annotator 1"),
    (NAMES[2], "happy", "annotator 1"),
]


def test_json_min_is_read(tmp_path: Path) -> None:
    assert said(written(tmp_path, rows())) == EXPECTED
    renamed = [{("mood" if key == "emotion" else key): value for key, value in row.items()} for row in rows()]
    assert said(written(tmp_path, renamed)) == EXPECTED[2:]


@pytest.mark.parametrize("column", ["emotion", "choice", "label"])
def test_csv_is_read(tmp_path: Path, column: str) -> None:
    table = io.StringIO()
    writer = csv.DictWriter(table, sorted({*rows()[0], column} - {"emotion"} | {column}))
    writer.writeheader()
    for row in rows():
        value = row.pop("emotion")
        writer.writerow({**row, column: value if isinstance(value, str) else json.dumps(value)})
    assert said(written(tmp_path, table.getvalue())) == EXPECTED


def test_rows_without_our_id_are_found_by_their_link(tmp_path: Path) -> None:
    links = [
        {**row, "image": f"/data/upload/9/00ff00ff-{number}.png"}
        for row, number in zip(rows(), (1, 9, 3, 3), strict=True)
    ]
    for row in links:
        del row["mien_id"]
    found = on_pictures(read(written(tmp_path, links)), data())
    assert [(one.id, one.label) for one in found.reviews] == [(NAMES[0], "happiness"), (NAMES[3], "happiness")]
    assert len(found.problems) == 1 and "9.png" in found.problems[0].place


# FiftyOne


def test_labels_of_fiftyone_are_read(tmp_path: Path) -> None:
    stems = {export_stem(NAMES[0]): 1, export_stem(NAMES[2]): 0, "fear/3": 0, "happiness/2": None}
    path = written(tmp_path, {"classes": ["fear", "happiness"], "labels": stems})
    found = on_pictures(read(path), data())
    assert [(one.id, one.label) for one in found.reviews] == [
        (NAMES[0], "happiness"), (NAMES[2], "fear"), (NAMES[3], "fear")
    ]  # fmt: skip
    assert {one.who for one in found.reviews} == {"FiftyOne"} and not found.problems


def test_other_targets_of_fiftyone_are_read_or_named(tmp_path: Path) -> None:
    targets = {
        "happiness/1": "happy", "happiness/2": {"label": 0, "confidence": None, "attributes": {}}, "fear/3": [1],
        "a": 7, "b": [0, 1], "c": {"label": 0, "bounding_box": [0, 0, 1, 1]}, "d": True, "e": [],
    }  # fmt: skip
    found = read(written(tmp_path, {"classes": ["fear", "happiness"], "labels": targets}))
    assert [one.label for one in found.reviews] == ["happy", "fear", "happiness"]
    assert [one.place.rpartition(" ")[2] for one in found.problems] == ["a", "b", "c", "d"]


def test_a_table_of_fiftyone_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "filepath,ground_truth.label\n/data/fear/3.png,happiness\n/data/happiness/1.png,fear\n")
    assert [one.id for one in on_pictures(read(path), data()).reviews] == [NAMES[3], NAMES[0]]
    moved = f"filepath,label\n/data/{export_stem(NAMES[1])}.png,fear\n"
    assert [one.id for one in on_pictures(read(written(tmp_path, moved)), data()).reviews] == [NAMES[1]]
    numbers = "id,filepath,label\n5f0c1f0e1f0e1f0e1f0e1f0e,/data/fear/3.png,fear\n"
    assert said(written(tmp_path, numbers)) == [("/data/fear/3.png", "fear", "")]


# Others


@pytest.mark.parametrize(
    "content",
    [
        {"images": [], "annotations": [], "categories": []},
        {"samples": [{"filepath": "a.png"}]},
        [1, 2],
        ["a.png"],
        {"classes": ["a"], "labels": {}},
        [],
        "[{'id': 'a'}]",
        "[" * 100_000,
        '{"id": "a"',
    ],
)
def test_other_json_is_refused_with_what_is_known(tmp_path: Path, content: Any) -> None:
    with pytest.raises(UsageError, match="FiftyOne's labels"):
        read(written(tmp_path, content))


def test_a_table_without_labels_says_which_columns_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column 'label'\n.*id, given"):
        read(written(tmp_path, "id,given,suggested\na,fear,joy\n"))
    with pytest.raises(UsageError, match="no column 'id'"):
        read(written(tmp_path, "a,label\n1,fear\n"))


def test_a_folder_with_reviews_in_it_is_told_which_file_to_give(tmp_path: Path) -> None:
    (tmp_path / "reviews.jsonl").write_text("")
    with pytest.raises(UsageError, match=r"give .*reviews\.jsonl"):
        read(tmp_path)


def test_links_lead_to_files() -> None:
    assert file_of("C:\\faces\\1.png") == "C:\\faces\\1.png" and file_of("a#b?.png") == "a#b?.png"
    assert file_of("http://[bad") == "http://[bad" and file_of("gs://b/%C3%A9.png") == "é.png"


def test_who_and_when_of_plain_tables_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "id,label,reviewer,when\na,fear,anna,2024\n")
    assert read(path).reviews == (Review("a", "fear", "anna", "2024"),)
