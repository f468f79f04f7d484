"""What all tests share: a cache of their own, and the real data where they are."""

from __future__ import annotations

import os
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker for each core: more threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and torch, which read it once

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # a busy machine is no failure
settings.load_profile("no deadline")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests never read or write the user's cache of decoded pictures."""
    os.environ["MIEN_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    folder = os.environ.get("MIEN_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MIEN_DATA names no folder with the real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def onnxruntime_web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of onnxruntime-web; the test is skipped where npm cannot fetch it."""
    from browsing import fetched_runtime

    return fetched_runtime(tmp_path_factory.mktemp("npm"))
