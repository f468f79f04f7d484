"""From DATA to pictures that can be used, in one step: read, decode, check, shape, keep what has a label."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from mien.data.checks import check, strict, usable
from mien.data.images import ImageSettings, decode
from mien.data.load import FORMATS, absolute, load
from mien.data.picture import FITS
from mien.data.profile import shape
from mien.data.reviews import read, words_on
from mien.errors import UsageError
from mien.settings import setting, validate
from mien.types import Dataset


@dataclass(frozen=True)
class DataSettings:
    """Which pictures, and how they become arrays."""

    source: str
    format: str | None = setting(None, "layout of DATA; recognised by default", choices=tuple(FORMATS))
    names: str = setting("", "what the labels as written mean: 1=surprise,2=fear")
    labels: str | None = setting(
        None,
        "which of FER+'s labels; the plurality, trained on with the votes as shares, by default",
        choices=("plurality", "fer2013", "shares"),
    )
    size: int = setting(48, "side of the pictures in pixels")
    colour: bool = setting(False, "keep colours (RGB)")
    fit: str = setting("pad", "how a picture becomes square", choices=FITS)
    reviews: str = setting(
        "", "a file of reviewed labels, which replace those of DATA: JSON lines or CSV, id and label"
    )
    shape: str = setting("", "class profile: raf, or happiness=500,fear=40")
    strict: bool = setting(False, "stop at the first sign of a problem in the data")

    def __post_init__(self) -> None:
        validate(self)
        _ = self.images, spelled(self.names)  # both refuse what they cannot use

    @property
    def images(self) -> ImageSettings:
        """How pictures become arrays."""
        return ImageSettings(self.size, self.colour, self.fit)

    def stored(self) -> Self:
        """The same with paths in full, as files keep them: whoever reads them back may stand in another folder."""
        reviews = self.reviews and str(Path(self.reviews).expanduser().resolve())
        return replace(self, source=absolute(self.source), reviews=reviews)


def spelled(names: str) -> dict[str, str] | None:
    """The user's own spellings, from "1=surprise,2=fear"; None from an empty text.

    >>> spelled("1=surprise, 2=fear")
    {'1': 'surprise', '2': 'fear'}
    """
    pairs = [item.partition("=") for item in names.split(",") if item.strip()]
    if any(not raw.strip() or not name.strip() for raw, _, name in pairs):
        raise UsageError(f"{names!r} is not understood", place="--names", remedy="write 1=surprise,2=fear")
    return {raw.strip(): name.strip() for raw, _, name in pairs} or None


def prepare(settings: DataSettings, progress: Callable[[int, int], object] | None = None) -> Dataset:
    """The usable pictures, decoded, with every problem met on the way.

    A second call with equal settings in one process is free; another process finds the decoded pictures in the cache.

    Raises
    ------
    DataError
        Nothing usable, or with `strict` any problem at all.
    """
    return _prepare(settings, os.environ.get("MIEN_CACHE", ""), _stamp(settings.reviews), _Ignored(progress))


def _stamp(path: str) -> tuple[int, int]:
    """Size and time of change of a file, so that one that has grown is read again."""
    found = Path(path).stat() if path and Path(path).is_file() else None
    return (found.st_size, found.st_mtime_ns) if found else (0, 0)


def reviewed(data: Dataset, path: Path) -> Dataset:
    """The data with the labels of a file of reviews in place of their own; what nobody could name loses its label.

    What is kept of a reviewed picture, and of its copies, is the reviewers' word alone, no votes. The data set is
    another one, with a fingerprint of its own; nothing on disk is changed.

    Raises
    ------
    UsageError : the file cannot be used.
    """
    found, named = words_on(data, read(path), str(path))
    given = np.array([*data.labelset.names, ""])[found]
    targets = None if data.targets is None else data.targets.copy()
    if targets is not None:
        targets[found >= 0] = np.eye(len(data.labelset))[found[found >= 0]]
    return data.but(
        labels=np.where(named, found, data.labels), raw_labels=np.where(named, given, data.raw_labels), targets=targets
    )


class _Ignored:
    """Carries a progress callback past the memory of earlier calls."""

    def __init__(self, progress: Callable[[int, int], object] | None) -> None:
        self.progress = progress

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ignored)


@lru_cache(maxsize=2)
def _prepare(settings: DataSettings, cache: str, stamp: tuple[int, int], ignored: _Ignored) -> Dataset:
    listed = load(settings.source, format=settings.format, names=spelled(settings.names), labels=settings.labels)
    decoded = decode(listed, settings.images, progress=ignored.progress)
    if settings.reviews:
        decoded = reviewed(decoded, Path(settings.reviews))
    checked = check(decoded)
    if settings.strict:
        strict(checked)
    data = usable(checked)
    return shape(data, settings.shape) if settings.shape else data
