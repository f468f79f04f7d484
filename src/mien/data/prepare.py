"""From DATA to pictures that can be used, in one step: read, decode, check, shape, keep what has a label."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from mien.data.checks import check, conflicting, strict, usable
from mien.data.folders import SUBFOLDERS
from mien.data.images import Formats, ImageSettings, decode, formats
from mien.data.load import FORMATS, absolute, load
from mien.data.official import SPLITS, mixed, with_official
from mien.data.picture import FITS
from mien.data.pixel_checks import told_by_format
from mien.data.profile import shape
from mien.data.review_files import read
from mien.data.reviewed import on_pictures, words_on
from mien.errors import UsageError
from mien.events import OnEvent, ignore
from mien.settings import items, setting, validate
from mien.types import Dataset

KEPT = 2
"""Data sets of earlier calls that are kept."""
_recent: dict[tuple[DataSettings, str, tuple[int, int]], Dataset] = {}


@dataclass(frozen=True)
class DataSettings:
    """Which pictures, and how they become arrays."""

    source: str
    format: str | None = setting(None, "layout of DATA; recognised by default", choices=tuple(FORMATS))
    names: str = setting("", "class of each label as written: 1=surprise,2=fear")
    labels: str | None = setting(
        None,
        "which of FER+'s labels; the plurality, trained on with the votes as shares, by default",
        choices=("plurality", "fer2013", "shares"),
    )
    size: int = setting(48, "side of the pictures in pixels")
    colour: bool = setting(False, "keep colours (RGB)")
    fit: str = setting("pad", "how a picture becomes square", choices=FITS)
    reviews: str = setting(
        "", "file of reviewed labels that replace those of DATA: log, table, or export of Label Studio or FiftyOne"
    )
    shape: str = setting("", "class profile: raf, or happiness=500,fear=40")
    class_level: int | None = setting(
        None, "level of the class folders below DATA, counted from 1; recognised by default", within=(1, 20)
    )
    subfolders: str = setting(
        SUBFOLDERS[0],
        "what the folders above and below the class folders name; auto decides by their names",
        choices=SUBFOLDERS,
    )
    image_column: str = setting("", "column of a list that names the pictures; recognised by default")
    label_column: str = setting("", "column of a list that holds the labels; recognised by default")
    split: str = setting(
        SPLITS[0], "official keeps the parts that DATA come with; mixed divides all pictures again", choices=SPLITS
    )
    strict: bool = setting(False, "stop at the first sign of a problem in the data")

    def __post_init__(self) -> None:
        validate(self)
        _ = self.images, spelled(self.names)  # both refuse what they cannot use

    @property
    def images(self) -> ImageSettings:
        """How pictures become arrays."""
        return ImageSettings(self.size, self.colour, self.fit)

    def stored(self) -> Self:
        """The same with absolute paths, as stored in files: they may be read back in another working folder."""
        reviews = self.reviews and str(Path(self.reviews).expanduser().resolve())
        return replace(self, source=absolute(self.source), reviews=reviews)


def spelled(names: str) -> dict[str, str] | None:
    """The user's own spellings, from "1=surprise,2=fear"; None from an empty text.

    >>> spelled("1=surprise, 2=fear")
    {'1': 'surprise', '2': 'fear'}
    """
    pairs = [item.partition("=") for item in items(names)]
    if any(not raw.strip() or not name.strip() for raw, _, name in pairs):
        raise UsageError(f"{names!r} is not understood", place="--names", remedy="write 1=surprise,2=fear")
    return {raw.strip(): name.strip() for raw, _, name in pairs} or None


def prepare(settings: DataSettings, on_event: OnEvent = ignore) -> Dataset:
    """The usable pictures, decoded, with every problem met on the way.

    A second call with equal settings in one process is free; another process finds the decoded pictures in the cache.

    Parameters
    ----------
    on_event : called now and then while pictures are decoded.

    Raises
    ------
    DataError
        Nothing usable, or with `strict` any problem at all.
    """
    key = (settings, os.environ.get("MIEN_CACHE", ""), _stamp(settings.reviews))
    found = _recent.pop(key, None)
    if found is None:
        found = _shaped(settings, usable(_checked(settings, _listed(settings), on_event)))
    _recent[key] = found
    for oldest in list(_recent)[:-KEPT]:
        _recent.pop(oldest, None)
    return found


def forget() -> None:
    """Read all pictures anew from now on, whatever was prepared before."""
    _recent.clear()


@dataclass(frozen=True)
class Unfiltered:
    """A data set with all rows whose picture can be read, those without a label included.

    Attributes
    ----------
    data : checked. rows : as many as the reader listed. formats : sizes and modes of the files before decoding.
    """

    data: Dataset
    rows: int
    formats: Formats


def prepare_unfiltered(settings: DataSettings, on_event: OnEvent = ignore) -> Unfiltered:
    """Like `prepare`, but nothing is left out for want of a label, and the formats of the files are checked too."""
    rows = _listed(settings)
    seen = formats(rows)
    return Unfiltered(_shaped(settings, _checked(settings, rows, on_event, seen)), len(rows), seen)


def _stamp(path: str) -> tuple[int, int]:
    """Size and time of change of a file, so that one that has grown is read again."""
    found = Path(path).stat() if path and Path(path).is_file() else None
    return (found.st_size, found.st_mtime_ns) if found else (0, 0)


def reviewed(data: Dataset, path: Path) -> Dataset:
    """The data with reviewed labels in place of their own; a picture that no reviewer could name loses its label.

    What is kept of a reviewed picture, and of its copies, is the reviewers' word alone, no votes. The data set is
    another one, with a fingerprint of its own; nothing on disk is changed. Reviews that cannot be used become Problems.

    Raises
    ------
    UsageError : nothing in the file can be used.
    """
    file = on_pictures(read(path), data)
    found, named = words_on(data, file.reviews)
    given = np.array([*data.labelset.names, ""])[found]
    targets = None if data.targets is None else data.targets.copy()
    if targets is not None:
        targets[found >= 0] = np.eye(len(data.labelset))[found[found >= 0]]
    return data.replace(
        *file.problems,
        labels=np.where(named, found, data.labels),
        raw_labels=np.where(named, given, data.raw_labels),
        targets=targets,
    )


def conflicts(settings: DataSettings) -> list[Dataset]:
    """Equal pictures with different labels, which `prepare` leaves out: one data set for each picture."""
    return conflicting(_decoded(settings, _listed(settings)))


def _listed(settings: DataSettings) -> Dataset:
    """The rows of DATA as their reader lists them. Raises what `load` does."""
    return load(
        settings.source, format=settings.format, names=spelled(settings.names), labels=settings.labels,
        class_level=settings.class_level, image_column=settings.image_column, label_column=settings.label_column,
        subfolders="" if settings.subfolders == SUBFOLDERS[0] else settings.subfolders,
    )  # fmt: skip


def _checked(settings: DataSettings, rows: Dataset, on_event: OnEvent, seen: Formats | None = None) -> Dataset:
    """The listed rows decoded, reviewed and checked, those without a label included."""
    decoded = _decoded(settings, rows, on_event)
    found = check((with_official if settings.split == "official" else mixed)(decoded))
    found = found if seen is None else told_by_format(found, seen)
    if settings.strict:
        strict(found)
    return found


def _decoded(settings: DataSettings, rows: Dataset, on_event: OnEvent = ignore) -> Dataset:
    """All pictures that can be read, with the reviewed labels where there are any."""
    decoded = decode(rows, settings.images, on_event=on_event)
    return reviewed(decoded, Path(settings.reviews)) if settings.reviews else decoded


def _shaped(settings: DataSettings, data: Dataset) -> Dataset:
    return shape(data, settings.shape) if settings.shape else data
