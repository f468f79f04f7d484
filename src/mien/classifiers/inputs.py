"""What users have (arrays, image files, tables) in the form that a classifier reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.classifiers.contract import Batch, ClassifierCard, TableSpec
from mien.classifiers.pictures import ReadRows, gathered, of_files, read_run, runs
from mien.data.deep import Ranges
from mien.data.files import images_in
from mien.data.images import ranges_of
from mien.data.picture import ImageSettings, decoded_image
from mien.errors import AlignmentError, DataError
from mien.types import as_array, as_ids, as_numbers
from mien.types.containers import as_pixels
from mien.workers import map_on_cores


def as_batch(card: ClassifierCard, X: Any) -> Batch:
    """All rows of X as a batch; DataError where an image file cannot be read.

    Parameters
    ----------
    X : for a classifier of images: uint8 (N, H, W) or (N, H, W, 3) of any size, paths of image files, or a folder; for
        one of tables: (N, D) numbers, or a pandas table with its columns.

    Examples
    --------
    >>> from mien.classifiers.contract import ImageSpec
    >>> card = ClassifierCard("a", ("calm", "fear"), inputs=ImageSpec(16))
    >>> as_batch(card, np.zeros((2, 32, 32), np.uint8)).data.shape
    (2, 16, 16)
    """
    read = read_rows(card, X)
    if read.problems and len(read.rows) < _count(X):
        problem = read.problems[0]
        raise DataError(
            problem.cause,
            place=problem.place,
            remedy=f"{problem.remedy}; or use stream(), which leaves it out and continues",
        )
    return read.batch


def read_rows(card: ClassifierCard, X: Any, ranges: Ranges | None = None) -> ReadRows:
    """The rows of X that can be read, as a batch.

    Parameters
    ----------
    X : see `as_batch`. ranges : black and white of images of more than 8 bits; by default they follow from the files.
    """
    if isinstance(X, Batch):
        return ReadRows(X.checked(card), np.arange(len(X)))
    if isinstance(card.inputs, TableSpec):
        batch = _table(card.inputs, X)
        return ReadRows(batch, np.arange(len(batch)))
    paths = paths_in(X)
    if paths is None:
        pixels = _resized(X, card.inputs.settings)
        return ReadRows(Batch(pixels), np.arange(len(pixels)))
    return _files(paths, card.inputs.settings, ranges)


def paths_in(X: Any) -> list[Path] | None:
    """The image files that X names, one path, a folder or a list of paths; None where X is no text."""
    if isinstance(X, str | Path):
        images, _ = images_in(Path(X))
        if not images:
            raise DataError("no image in this folder", place=str(X), remedy="name image files or a folder of them")
        return images
    if isinstance(X, np.ndarray) and X.dtype.kind not in "UOT":
        return None
    values = X.tolist() if hasattr(X, "tolist") else X
    if isinstance(values, Sequence) and values and all(isinstance(value, str | Path) for value in values):
        return [Path(value) for value in values]
    return None


def _files(paths: Sequence[Path], settings: ImageSettings, ranges: Ranges | None) -> ReadRows:
    Image.init()  # not thread-safe
    items = of_files(paths, ranges_of(paths)[0] if ranges is None else ranges)
    read = map_on_cores(partial(read_run, settings=settings), list(runs(items)))
    return gathered(list(chain.from_iterable(read)), settings)


def _count(X: Any) -> int:
    paths = paths_in(X)
    return len(X) if paths is None else len(paths)


def _resized(X: Any, settings: ImageSettings) -> NDArray[np.uint8]:
    """Images in the size and colours that the settings ask for."""
    pixels = as_pixels(X, "X")
    if pixels.shape[1:] == settings.shape:
        return pixels
    decoded = [decoded_image(Image.fromarray(image), settings, hashed=False).pixels for image in pixels]
    resized = [image for image in decoded if image is not None]
    return np.stack(resized) if resized else np.empty((0, *settings.shape), np.uint8)


def _table(spec: TableSpec, X: Any) -> Batch:
    if not spec.width:
        ids = as_ids(X, "X")
        return Batch(np.empty((len(ids), 0)), ids)
    names = [str(name) for name in getattr(X, "columns", ())]
    if spec.columns and names and names != list(spec.columns):
        missing = [name for name in spec.columns if name not in names]
        if missing:
            remedy = "give the columns that the classifier was trained on"
            raise DataError(f"has no column {missing[0]!r}", place="X", remedy=remedy)
        X = X[list(spec.columns)]
    data = as_numbers(as_array(X, "X"), "X", ndim=2, finite=False).astype(np.float64, copy=False)
    if data.shape[1] != spec.width:
        cause = f"has {data.shape[1]} columns, and the classifier reads {spec.width}"
        raise AlignmentError(cause, place="X", remedy="give the columns that the classifier was trained on")
    return Batch(data)
