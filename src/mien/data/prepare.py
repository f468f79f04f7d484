"""Preparation of a data set in one step: read, decode, check, subsample, and keep the rows with a label."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.data.checks import check, class_sizes, conflicting_images, raise_on_problems, usable
from mien.data.ferplus import LABELS
from mien.data.folders import SUBFOLDERS
from mien.data.images import Formats, decode, formats
from mien.data.load import FORMATS, absolute, load
from mien.data.official import SPLITS, note_mixed_parts, with_official
from mien.data.picture import RESIZE_MODES, ImageSettings
from mien.data.pixel_checks import confounded_by_format
from mien.data.profile import shape
from mien.data.review_files import read
from mien.data.reviewed import on_pictures, reviewed_labels
from mien.errors import UsageError
from mien.events import OnEvent, ignore
from mien.settings import items, setting, validate
from mien.types import Dataset

KEPT = 2
"""Data sets of earlier calls that are kept."""
_recent: dict[tuple[DataSettings, str, tuple[int, int]], Dataset] = {}


@dataclass(frozen=True)
class DataSettings:
    """Source of the pictures and labels, and the conversion of pictures to arrays."""

    source: str
    format: str | None = setting(None, "layout of DATA; recognised by default", choices=tuple(FORMATS))
    names: str = setting("", "class of each label as written: 1=surprise,2=fear")
    labels: str | None = setting(
        None, "which of FER+'s labels; the plurality, trained on with the votes as shares, by default", choices=LABELS
    )
    size: int = setting(48, "side of the pictures in pixels")
    colour: bool = setting(False, "keep colours (RGB)")
    resize_mode: str = setting("pad", "how a picture becomes square", choices=RESIZE_MODES)
    resample: str = field(default=ImageSettings.resample, metadata={"later": True})
    reviews: str = setting(
        "", "file of reviewed labels that replace those of DATA: log, table, or export of Label Studio or FiftyOne"
    )
    class_counts: str = setting(
        "", "class profile: raf, affectnet, affectnet:12000 (its shares of a total), or happiness=500,fear=40"
    )
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
        """Settings for the conversion of pictures to arrays."""
        return ImageSettings(self.size, self.colour, self.resize_mode, self.resample)

    def for_images(self, images: ImageSettings) -> Self:
        """The settings for pictures that are converted to arrays in this way."""
        return replace(self, **asdict(images))

    def stored(self) -> Self:
        """Return the settings with absolute paths, for files that may be read in another working folder."""
        reviews = self.reviews and str(Path(self.reviews).expanduser().resolve())
        return replace(self, source=absolute(self.source), reviews=reviews)


def spelled(names: str) -> dict[str, str] | None:
    """Parse the user's spellings of labels from "1=surprise,2=fear"; None for an empty text.

    >>> spelled("1=surprise, 2=fear")
    {'1': 'surprise', '2': 'fear'}
    """
    pairs = [item.partition("=") for item in items(names)]
    if any(not raw.strip() or not name.strip() for raw, _, name in pairs):
        raise UsageError(f"{names!r} is not understood", place="--names", remedy="write 1=surprise,2=fear")
    return {raw.strip(): name.strip() for raw, _, name in pairs} or None


def prepare(settings: DataSettings, on_event: OnEvent = ignore) -> Dataset:
    """Read, decode and check a data set, and keep its labelled pictures; all Problems are collected.

    A second call with equal settings in one process is free; another process finds the decoded pictures in the cache.

    Parameters
    ----------
    on_event : called now and then while pictures are decoded.

    Raises
    ------
    DataError : no picture is usable, or `strict` is true and there is a Problem.
    """
    key = (settings, os.environ.get("MIEN_CACHE", ""), _stamp(settings.reviews))
    prepared = _recent.pop(key, None)
    if prepared is None:
        prepared = _shaped(settings, usable(_checked(settings, _listed(settings), on_event)))
    _recent[key] = prepared
    for oldest in list(_recent)[:-KEPT]:
        _recent.pop(oldest, None)
    return prepared


def prepare_again(settings: DataSettings, ids: Sequence[str], resample: str) -> NDArray[np.uint8]:
    """The pictures of some rows, resized by another filter; neither the cache nor what was prepared is changed."""
    listed = _listed(settings)
    place = {key: row for row, key in enumerate(listed.ids.tolist())}
    rows = listed.take(np.array([place[key] for key in ids], np.int64))
    return decode(rows, replace(settings.images, resample=resample), keep=False).pictures


def forget() -> None:
    """Read all pictures again from now on, whatever was prepared before."""
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
    of_files = formats(rows)
    return Unfiltered(_shaped(settings, _checked(settings, rows, on_event, of_files)), len(rows), of_files)


def _stamp(path: str) -> tuple[int, int]:
    """Size and modification time of a file, so that a changed file is read again."""
    status = Path(path).stat() if path and Path(path).is_file() else None
    return (status.st_size, status.st_mtime_ns) if status else (0, 0)


def reviewed(data: Dataset, path: Path) -> Dataset:
    """Replace labels by reviewed ones; a picture whose review is "cannot say" loses its label.

    Reviewed pictures, and their copies, have the reviewers' label as only target, without votes. The result has another
    fingerprint; files are not changed. Reviews that cannot be used become Problems.

    Raises
    ------
    UsageError : no review in the file can be used.
    """
    file = on_pictures(read(path), data)
    labels, is_reviewed = reviewed_labels(data, file.reviews)
    names = np.array([*data.labelset.names, ""])[labels]
    targets = None if data.targets is None else data.targets.copy()
    if targets is not None:
        targets[labels >= 0] = np.eye(len(data.labelset))[labels[labels >= 0]]
    return data.replace(
        *file.problems,
        labels=np.where(is_reviewed, labels, data.labels),
        raw_labels=np.where(is_reviewed, names, data.raw_labels),
        targets=targets,
    )


def conflicts(settings: DataSettings) -> list[Dataset]:
    """Find equal pictures with different labels, which `prepare` leaves out: one data set for each picture."""
    return conflicting_images(_decoded(settings, _listed(settings)))


def _listed(settings: DataSettings) -> Dataset:
    """The rows of DATA as their reader lists them. Raises what `load` does."""
    return load(
        settings.source, format=settings.format, names=spelled(settings.names), labels=settings.labels,
        class_level=settings.class_level, image_column=settings.image_column, label_column=settings.label_column,
        subfolders="" if settings.subfolders == SUBFOLDERS[0] else settings.subfolders,
    )  # fmt: skip


def _checked(settings: DataSettings, rows: Dataset, on_event: OnEvent, of_files: Formats | None = None) -> Dataset:
    """The listed rows decoded, reviewed and checked, those without a label included."""
    decoded = _decoded(settings, rows, on_event)
    checked = check((with_official if settings.split == "official" else note_mixed_parts)(decoded))
    if of_files is not None:
        checked = confounded_by_format(checked, of_files)
    if settings.strict:
        raise_on_problems(checked)
    return checked


def _decoded(settings: DataSettings, rows: Dataset, on_event: OnEvent = ignore) -> Dataset:
    """Decode all readable pictures, and apply the reviewed labels if the settings give a file of reviews."""
    decoded = decode(rows, settings.images, on_event=on_event)
    return reviewed(decoded, Path(settings.reviews)) if settings.reviews else decoded


def _shaped(settings: DataSettings, data: Dataset) -> Dataset:
    return class_sizes(shape(data, settings.class_counts)) if settings.class_counts else data
