"""The networks of mien as classifiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mien.classifiers.contract import Batch, MapClassifier
from mien.classifiers.network import NetworkClassifier
from mien.errors import DataError, UsageError
from mien.nets import saved
from mien.nets.extraction import extract
from mien.nets.head import widened
from mien.nets.settings import AugmentSettings
from mien.testing import check_classifier, example_bars
from mien.types import Dataset, FeatureRequest, LabelSet

PIXELS, _ = example_bars(12)
NAMES = ("a", "b", "c")


def classifier(folder: Path | None = None, *, mirrored: bool = False) -> NetworkClassifier:
    torch.manual_seed(0)
    network = saved.build("residual", np.array([True, True, False]), colour=False).eval()
    network.mirrored = mirrored
    card = saved.ModelCard("residual", NAMES, (True, True, False), 32, False, "pad")
    return NetworkClassifier(network, card, folder)


@pytest.mark.parametrize("mirrored", [False, True])
def test_it_keeps_the_contract(mirrored: bool) -> None:
    found = classifier(mirrored=mirrored)
    assert isinstance(found, MapClassifier)
    check_classifier(found, Batch(PIXELS), tolerance=1e-2)


def test_it_gives_what_extract_gives() -> None:
    found = classifier()
    direct = extract(found.network, PIXELS, np.arange(12).astype(str), maps=["conv1"])
    outputs = found.outputs(Batch(PIXELS), FeatureRequest("conv1"))
    assert np.array_equal(outputs.probs, direct.probs) and list(outputs.vectors) == list(direct.vectors)
    assert np.array_equal(outputs.maps["conv1"], direct.maps["conv1"])


def test_one_saved_and_opened_is_the_same(tmp_path: Path) -> None:
    first = classifier()
    saved.save(first.network, first.saved_card, tmp_path)
    again = NetworkClassifier.open(tmp_path)
    assert again.card == first.card and again.cache_folder == tmp_path
    assert np.array_equal(again.outputs(Batch(PIXELS)).probs, first.outputs(Batch(PIXELS)).probs)


def test_a_network_in_memory_has_the_identity_of_the_saved_one() -> None:
    found = classifier()
    ids, none = np.arange(12).astype(str), np.full(12, "")
    data = Dataset(ids, np.zeros(12, int), LabelSet(NAMES), none, none, PIXELS)
    assert NetworkClassifier.of(found.network, data).card.id == found.card.id


def test_padded_outputs_are_those_of_a_network_with_more_columns() -> None:
    found = classifier()
    outputs = found.outputs(Batch(PIXELS))
    wide = extract(widened(found.network, 5), PIXELS, outputs.ids)
    padded = outputs.padded_to(5)
    assert np.allclose(padded.probs, wide.probs, atol=1e-7) and padded.known.tolist() == wide.known.tolist()
    assert all(np.array_equal(padded.vectors[name], wide.vectors[name]) for name in wide.vectors if name != "logits")


def test_views_differ_and_repeat() -> None:
    found = classifier()
    first, again = (found.views(Batch(PIXELS), "conv1", 2, AugmentSettings()) for _ in range(2))
    assert np.array_equal(first, again) and not np.array_equal(first[:, 0], first[:, 1])


def test_what_it_cannot_read_or_show_is_refused() -> None:
    with pytest.raises(DataError, match="grey images of 32"):
        classifier().outputs(Batch(PIXELS[:, :16]))
    with pytest.raises(UsageError, match="no map 'hidden'"):
        classifier().outputs(Batch(PIXELS), FeatureRequest("hidden"))
