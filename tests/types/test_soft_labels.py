"""Labels of any form become one type, with class indices and shares of votes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.errors import AlignmentError, DataError, MienError, UsageError
from mien.types import Dataset, LabelSet, SoftLabels, texts

NAMES = ("anger", "fear", "joy")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([2, 0], 3),
        (np.array([2.0, 0.0]), 3),
        (np.array([[2], [0]]), 3),
        ([[0, 0, 1], [1, 0, 0]], 3),
        (["joy", "anger"], NAMES),
        (np.array(["Joy", "ANGER"], object), LabelSet(NAMES)),
        ([2, 0], NAMES),
    ],
)
def test_every_form_gives_the_same_labels(labels: Any, classes: Any) -> None:
    found = SoftLabels.of(labels, classes, rows=2)
    assert found.indices.tolist() == [2, 0] and found.indices.dtype == np.int64
    assert found.shares.tolist() == [[0, 0, 1], [1, 0, 0]] and found.shares.dtype == np.float32
    assert SoftLabels.of(found, classes, rows=2) is found


def test_of_votes_the_largest_share_is_the_class() -> None:
    found = SoftLabels.of([[0.2, 0.8], [0.5, 0.5]], 2)
    assert found.indices.tolist() == [1, 0] and len(found) == 2
    assert found.take(np.array([1])).shares.tolist() == [[0.5, 0.5]]
    assert found.take(np.array([True, False])).indices.tolist() == [1]


@pytest.mark.parametrize(
    ("labels", "classes", "kind"),
    [
        ([[5, 5], [3, 7]], 2, DataError),
        ([[0.0, 0.0], [1, 0]], 2, DataError),
        ([[1.5, -0.5]], 2, DataError),
        ([0, -1], 2, AlignmentError),
        ([1, 2], 2, AlignmentError),
        ([0.5, 1], 2, DataError),
        (["joy", "fear"], 3, DataError),
        (["joy", "boredom"], NAMES, UsageError),
        (["joy", None], NAMES, DataError),
        (SoftLabels.of([0, 1], 2), 3, AlignmentError),
    ],
)
def test_what_is_no_label_is_refused_with_a_remedy(labels: Any, classes: Any, kind: type[MienError]) -> None:
    with pytest.raises(kind) as error:
        SoftLabels.of(labels, classes)
    assert error.value.place and error.value.remedy


def test_another_number_of_labels_is_refused() -> None:
    for labels in ([0, 1], [[1.0, 0.0], [0.0, 1.0]], SoftLabels.of([0, 1], 2)):
        with pytest.raises(AlignmentError, match="2 rows"):
            SoftLabels.of(labels, 2, rows=3)


def test_a_data_set_gives_votes_where_it_has_them() -> None:
    ids = texts(["a", "b"])
    data = Dataset(ids, np.array([1, 0]), LabelSet(("x", "y")), ids, ids)
    assert data.soft_labels().shares.tolist() == [[0, 1], [1, 0]]
    voted = data.replace(targets=np.array([[0.25, 0.75], [1, 0]]))
    assert voted.soft_labels(np.array([0])).shares.tolist() == [[0.25, 0.75]]
