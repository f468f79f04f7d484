"""Rows of the log of decisions."""

from __future__ import annotations

import numpy as np

from mien.deploy.decisions.rows import Columns, rows_of
from mien.deploy.predictor import Predictions
from mien.incoming.item import NO_FACE, Face, Item
from mien.types import Decision, Outputs

CLASSES = ("joy", "fear")


def answers(*, scored: bool = False, items: tuple[Item, ...] = ()) -> Predictions:
    """Answers for the first and the third of three rows; the third is overridden, and abstained on."""
    ids = np.array(["a", "c"], np.dtypes.StringDType()) if hasattr(np.dtypes, "StringDType") else np.array(["a", "c"])
    outputs = Outputs(ids, np.array([[0.123456789, 0.876543211], [1, 0]]), None, {})
    score = {"score": np.array([-0.5, 3]), "threshold": np.array([np.inf, 2])} if scored else {}
    decision = Decision(outputs.ids, np.array([1, 0]), np.array([1, -1]), np.array([False, True]), **score)
    return Predictions(("a", "b", "c"), outputs, decision, (), items)


ITEMS = (
    Item("a", "a", None),
    Item.unreadable("b", "broken picture", "is cut", "fetch it again"),
    Item("c", "c", None),
)


def test_rows_of_pictures() -> None:
    first, second, third = rows_of(answers(items=ITEMS), Columns(CLASSES))
    assert list(first) == ["file", "status", "label", "corrected", "overridden", "probabilities"]
    assert first["label"] == first["corrected"] == "fear" and first["probabilities"] == {
        "joy": 0.123457,
        "fear": 0.876543,
    }
    assert second == {"file": "b", "status": "unreadable", "error": "is cut"}
    assert third["corrected"] is None and third["overridden"] is True and third["label"] == "joy"


def test_what_a_patch_adds() -> None:
    first, _, third = rows_of(answers(items=ITEMS, scored=True), Columns(CLASSES, "patch 7"))
    assert list(first)[-4:] == ["patch", "score", "threshold", "time"]
    assert first["patch"] == "patch 7" and first["threshold"] is None and third["threshold"] == 2
    assert first["score"] == -0.5 and first["time"].endswith("Z")


def test_rows_of_tables_have_neither_file_nor_status() -> None:
    columns = Columns(CLASSES, "patch 7", "id", last=("group",))
    first, _, _ = rows_of(answers(scored=True), columns)
    assert list(first)[:2] == ["id", "label"]
    assert columns.names == (
        "id", "label", "corrected", "overridden", "joy", "fear", "error",
        "patch", "score", "threshold", "time", "group",
    )  # fmt: skip


def test_columns_of_stages_are_there_where_the_stage_is_used() -> None:
    items = (
        Item("v.mp4#t=1.500#face=1", "v.mp4", None, 1.5, Face(1, (1.04, 2, 3, 4), 0.9, "person 1")),
        Item("v.mp4#t=2.000", "v.mp4", None, 2.0, status=NO_FACE),
        Item("c", "c", None),
    )
    columns = Columns(CLASSES, stages=("seconds", "face", "box", "track"))
    rows = list(rows_of(Predictions(tuple(item.id for item in items), *_none(), (), items), columns))
    assert rows[0] == {
        "file": "v.mp4#t=1.500#face=1", "status": "ok", "seconds": 1.5, "face": 1, "box": [1.0, 2, 3, 4],
        "track": "person 1",
    }  # fmt: skip
    assert rows[1] == {
        "file": "v.mp4#t=2.000",
        "status": "no_face",
        "seconds": 2.0,
        "face": None,
        "box": None,
        "track": None,
    }
    assert columns.names[:6] == ("file", "status", "seconds", "face", "box", "track")


def _none() -> tuple[Outputs, Decision]:
    empty = np.array([], int)
    outputs = Outputs([], np.empty((0, 2)), None, {})
    return outputs, Decision(outputs.ids, empty, empty, np.array([], bool))
