"""The files of a patch.

    NAME.patch/
      patch.json        classes, correctors, policy, fingerprints, what is known of the training images, and for people
                        the certificate (computed again on loading)
      calibration.npz   the correctors' scores and suggestions for the calibration images
      corrector-I.npz   what corrector I learnt

Nothing in them can run code.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mien.storage.artifact import Artifact
from mien.storage.files import storage_errors, write_arrays
from mien.storage.folders import appearing

PATCH = Artifact("patch", "patch.json", 3, "mien correct")
REMEDY = "make the patch again with mien correct"
CALIBRATION = "calibration.npz"
PICTURES, ROWS = UNITS = ("pictures", "rows")
"""What a patch corrects, in the plural: pictures, or the rows of a table."""
Arrays = Mapping[str, NDArray[Any]]


def corrector_file(number: int) -> str:
    """Name of the file of a corrector."""
    return f"corrector-{number}.npz"


def write_patch(folder: Path, summary: Mapping[str, Any], calibration: Arrays, correctors: Sequence[Arrays]) -> None:
    """Write the folder, in place of a patch that is there already.

    A killed process leaves the one or the other whole, at worst the older as .NAME.old: the next call puts it back.
    """
    with storage_errors(folder), appearing(folder, stale=0) as new:
        for number, state in enumerate(correctors):
            write_arrays(new / corrector_file(number), **state)
        write_arrays(new / CALIBRATION, **calibration)
        PATCH.write(new, summary)


def now() -> str:
    """The time, as `about` has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")
