"""Description of the machine and of installed packages for manifests, and arrays that may lie on disk."""

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
"""Size in bytes above which an array is stored on disk."""
PACKAGES = ("mien", "numpy", "scipy", "scikit-learn", "torch", "xgboost", "lightgbm", "pillow")


def cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def empty_or_memmap(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Allocate an uninitialised array; above 1 GiB it is mapped to an unnamed file on disk."""
    import numpy as np

    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= LARGE:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # raises here if the disk is full, instead of a crash later
        return np.memmap(file, dtype, "r+", shape=shape)


def machine() -> dict[str, Any]:
    """Describe the machine: cores, processor, memory in GiB and operating system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="ignore").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "cores": cores(),
        "processor": models[0] if models else platform.processor(),
        "memory_gib": round(pages / 2**30, 1),
        "system": platform.system(),
    }


def installed(package: str) -> bool:
    """Whether a package is installed, by its name on PyPI.

    >>> installed("numpy"), installed("no-such-package")
    (True, False)
    """
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def versions() -> dict[str, str]:
    """Versions of Python, mien and those of the packages that affect its numbers which are installed."""
    packages = {package: version(package) for package in PACKAGES if installed(package)}
    return {"python": platform.python_version(), **packages}
