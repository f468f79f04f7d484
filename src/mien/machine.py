"""The machine and the packages that made a result: for manifests and benchmarks."""

from __future__ import annotations

import math
import os
import platform
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGE = 2**30
"""Bytes from which on an array lies on disk."""
PACKAGES = ("mien", "numpy", "scipy", "scikit-learn", "torch", "xgboost", "lightgbm", "pillow")


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def empty_or_memmap(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """An empty array; one of more than a gibibyte lies in a nameless file on disk, so that memory need not hold it."""
    import numpy as np

    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= LARGE:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, and not a killed process later
        return np.memmap(file, dtype, "r+", shape=shape)


def machine() -> dict[str, Any]:
    """Cores, processor, memory in GiB, operating system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="ignore").splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "cores": cores(),
        "processor": named[0] if named else platform.processor(),
        "memory_gib": round(pages / 2**30, 1),
        "system": platform.system(),
    }


def installed(package: str) -> bool:
    """Whether a package is there, by its name on PyPI.

    >>> installed("numpy"), installed("no-such-package")
    (True, False)
    """
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def versions() -> dict[str, str]:
    """Versions of Python, mien and the packages that shape its numbers, as far as they are installed."""
    found = {"python": platform.python_version()}
    return found | {package: version(package) for package in PACKAGES if installed(package)}
