"""Outputs of a classifier on disk, beside it, so that the next corrector on the same images has them at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import ClassifierCard
from mien.errors import MienError
from mien.storage.folders import appearing, is_older
from mien.storage.identity import identity
from mien.types import Dataset, FeatureRequest, Ints, Outputs

FOLDER, CARD = "features", "outputs.json"
AT_WORK = 3600
"""Seconds after which a half-written folder is taken as left behind."""


def cached_outputs(place: Path, key: str, make: Callable[[], Outputs]) -> Outputs:
    """The outputs of this key: mapped from PLACE/features where they are kept there, else made and kept.

    Only the last are kept. A damaged or incomplete folder is made again; where nothing can be written, nothing is kept.
    """
    folder = place / FOLDER / key
    with contextlib.suppress(MienError, OSError, ValueError, KeyError, TypeError, EOFError):
        return _read(folder)
    outputs = make()
    with contextlib.suppress(OSError):
        _write(folder, outputs)
    return outputs


def _read(folder: Path) -> Outputs:
    """The arrays are mapped, so that memory holds what is looked at alone."""
    names = json.loads((folder / CARD).read_text(encoding="utf-8"))

    def array(name: str) -> NDArray[Any]:
        return np.asanyarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))

    vectors, maps = (
        {name: array(f"{kind}{number}") for number, name in enumerate(names[kind])} for kind in ("vectors", "maps")
    )
    return Outputs(np.array(array("ids")), np.array(array("probs")), np.array(array("known")), vectors, maps)


def _write(folder: Path, outputs: Outputs) -> None:
    """A folder that appears at once; those of other pictures are taken away."""
    with appearing(folder, stale=AT_WORK) as scratch:
        arrays = {"ids": outputs.ids, "probs": outputs.probs, "known": outputs.known}
        features = {"vectors": outputs.vectors, "maps": outputs.maps}
        for kind, by_name in features.items():
            arrays |= {f"{kind}{number}": values for number, values in enumerate(by_name.values())}
        for name, values in arrays.items():
            with (scratch / f"{name}.npy").open("wb") as file:
                np.save(file, values, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())  # a file cut short is noticed, one of zeros would not be
        names = {kind: list(by_name) for kind, by_name in features.items()}
        (scratch / CARD).write_text(json.dumps(names), encoding="utf-8")
    for other in folder.parent.iterdir():
        half_written = other.name.startswith(".") and not is_older(other, AT_WORK)
        if other != folder and not half_written:
            shutil.rmtree(other, ignore_errors=True)


def cache_key(card: ClassifierCard, data: Dataset, rows: Ints, request: FeatureRequest) -> str:
    """Digest of all that outputs depend on: classifier, images, features and version of mien."""
    return identity(
        mien=version("mien"), classifier=card.id, data=data.fingerprint(), rows=rows, vectors=request.vectors,
        maps=request.maps,
    )  # fmt: skip
