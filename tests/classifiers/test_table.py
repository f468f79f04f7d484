"""Outputs that were computed elsewhere as a classifier."""

from __future__ import annotations

import numpy as np
import pytest

from mien.classifiers.contract import Batch
from mien.classifiers.inputs import as_batch
from mien.classifiers.table import TableClassifier
from mien.errors import DataError
from mien.testing import check_classifier, example_outputs
from mien.types import FeatureRequest

OUTPUTS, _ = example_outputs(count=40)
FOUND = TableClassifier(OUTPUTS, list("abcd"))


def test_it_keeps_the_contract() -> None:
    check_classifier(FOUND, as_batch(FOUND.card, OUTPUTS.ids[5:15]))


def test_rows_are_found_by_their_ids() -> None:
    batch = as_batch(FOUND.card, OUTPUTS.ids[::-3])
    found = FOUND.outputs(batch, FeatureRequest(vectors=("hidden",), maps=("map",)))
    assert np.array_equal(found.probs, OUTPUTS.probs[::-3]) and list(found.vectors) == ["hidden"]
    assert np.array_equal(found.maps["map"], OUTPUTS.maps["map"][::-3])


def test_a_row_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="'row-99'"):
        FOUND.outputs(Batch(np.empty((2, 0)), ["row-1", "row-99"]))
