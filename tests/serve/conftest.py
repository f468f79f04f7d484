"""An audit of drawn faces, to be reviewed and exported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mien.cli import run
from mien.labels.review_queue import ReviewQueue


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an audit of 240 faces. Read it only."""
    folder = tmp_path_factory.mktemp("audits") / "faces"
    assert run(["audit", "synthetic:n=240,size=24", "--size", "24", "--epochs", "4", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(audited: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(audited, tmp_path / "audit"))


@pytest.fixture
def queue(folder: Path) -> ReviewQueue:
    return ReviewQueue.open(folder)
