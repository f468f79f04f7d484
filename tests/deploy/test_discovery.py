"""Images that look like nothing a classifier knows, of any classifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.classifiers.contract import ImageSpec
from mien.classifiers.function import FunctionClassifier
from mien.deploy.discovery import discover, named_cluster
from mien.deploy.settings import DiscoverySettings
from mien.errors import DataError, RunError, UsageError
from mien.testing import example_bars


def bars(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knows bars at the top and in the middle."""
    rows = images.mean(2)
    share = np.exp(rows[:, 4:24].reshape(-1, 2, 10).mean(2) / 20)
    return share / share.sum(1, keepdims=True), rows


CLASSIFIER = FunctionClassifier(bars, ["top", "middle"], ImageSpec(32), "1")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    pixels, labels = example_bars(80)
    rare = np.flatnonzero(labels == 2)[8:]
    for row in np.setdiff1d(np.arange(80), rare):
        Image.fromarray(pixels[row]).save(tmp_path / f"{labels[row]}-{row:03}.png")
    return sorted(tmp_path.iterdir())


def test_what_it_does_not_know_is_strange(files: list[Path], tmp_path: Path) -> None:
    found = discover(CLASSIFIER, files, DiscoverySettings(method="msp", share=0.15, clusters=2))
    strange = [Path(found.paths[row]).name[0] for row in np.flatnonzero(found.cluster >= 0)]
    assert strange.count("2") >= len(strange) / 2 and found.trained_on is None
    found.save(tmp_path / "found")
    members = named_cluster(f"{tmp_path / 'found'}:0")
    assert sorted(map(str, members)) == sorted(found.paths[row] for row in found.members(0))
    assert len(found.sheets) == found.count == 2


def test_what_cannot_be_is_refused(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 of 3"):
        discover(CLASSIFIER, files[:3], DiscoverySettings())
    with pytest.raises(UsageError, match="FOLDER:NUMBER"):
        named_cluster("found")
    with pytest.raises(RunError):
        named_cluster(f"{tmp_path}:0")
