"""Pictures from all places that a caller names, whatever they are, as one stream of Items.

A kind of place is a `Kind` in KINDS: how it is recognised, and how its pictures are listed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from mien.data.deep import Finding, Ranges
from mien.data.files import OnProblem
from mien.data.images import ranges_of
from mien.errors import UsageError
from mien.events import Event, OnEvent, ignore
from mien.incoming import archives, camera, files, lists, video
from mien.incoming.distinct import Distinct
from mien.incoming.item import Item
from mien.types import Problem

STEP = 10_000
"""Files between two events while files are counted."""


@dataclass(frozen=True)
class Part:
    """The pictures of one place.

    Attributes
    ----------
    items : makes an iterator of them; none is read before it is asked for.
    total : how many there are; None where all of the place would have to be read to know it.
    """

    items: Callable[[], Iterator[Item]]
    total: int | None = None


@dataclass(frozen=True)
class Reading:
    """How places are read.

    Attributes
    ----------
    on_problem : called with what is left out. every : seconds from one frame of a video to the next; 0 for all frames.
    """

    on_problem: OnProblem
    every: float = 0.0


@dataclass(frozen=True)
class Kind:
    """A kind of place other than files and folders.

    Attributes
    ----------
    matches : recognises it. opened : makes a `Part` of it.
    timed : whether its pictures are frames with a time. live : whether they come as they happen, and only once.
    """

    matches: Callable[[Path], bool]
    opened: Callable[[Path, Reading], Part]
    timed: bool = False
    live: bool = False


@dataclass(frozen=True)
class Source:
    """Pictures to be answered for, one after another, in the order of the places.

    Attributes
    ----------
    items : all pictures, once; those of several places are each there once.
    total : how many there are, about; None where that is not known beforehand.
    ranges : black and white of all image files of more than 8 bits; archives and lists go by each picture.
    findings : on these ranges.
    timed, live : whether some are frames of a video or a camera; whether some are of a camera.
    """

    items: Iterator[Item]
    total: int | None = None
    ranges: Ranges = Ranges()  # noqa: RUF009 -- frozen
    findings: Sequence[Finding] = field(default=())
    timed: bool = False
    live: bool = False


def open_items(places: Sequence[Path], on_problem: OnProblem, on_event: OnEvent = ignore, every: float = 0.0) -> Source:
    """Open files, folders, globs, archives, videos, cameras and the list "-" on standard input.

    Files and folders are looked at twice: first, they are counted, and black and white of pictures of more than 8 bits
    are found, which is one range for all of them. Pictures of archives and lists have ranges of their own each.

    Memory does not grow with the number of pictures, apart from the names of one folder, or of one ZIP, at a time, the
    matches of a glob, and 32 bytes a picture where several places are named.

    Parameters
    ----------
    on_problem : called with what is left out, such as files in formats that cannot be read.
    every : seconds from one frame of a video to the next; 0 for all frames.

    Raises
    ------
    DataError : a folder holds no picture, or nothing matches a glob. UsageError : the list is named twice.
    """
    if places.count(LIST) > 1:
        raise UsageError("the list on standard input is named twice", place="-", remedy="name it once")
    named = [match for place in places for match in (files.matching(place) if files.is_glob(place) else [place])]
    kinds = [next((kind for kind in KINDS if kind.matches(place)), None) for place in named]
    plain = [place for place, kind in zip(named, kinds, strict=True) if kind is None]
    counted = _Counted(on_event)
    ranges, findings = ranges_of(counted.each(files.each_path(plain, on_problem)))
    parts = [
        _files(place, ranges) if kind is None else kind.opened(place, Reading(on_problem, every))
        for place, kind in zip(named, kinds, strict=True)
    ]
    totals = [part.total for part in parts if part.total != FILES]
    total = None if None in totals else counted.count + sum(filter(None, totals))
    is_distinct = len(parts) == 1 and LIST not in named
    timed, live = (any(getattr(kind, name, False) for kind in kinds) for name in ("timed", "live"))
    return Source(_each(parts, is_distinct), total, ranges, findings, timed, live)


LIST = Path("-")
FILES = -1
"""Total of a part that is counted with all image files."""
KINDS = (
    Kind(lambda place: place == LIST, lambda place, how: Part(lambda: lists.items_in(standard_input()))),
    Kind(
        lambda place: camera.is_camera(str(place)),
        lambda place, how: Part(lambda: camera.items_in(str(place), how.every)),
        timed=True,
        live=True,
    ),
    Kind(
        archives.is_archive,
        lambda place, how: Part(lambda: archives.items_in(place, how.on_problem), archives.count_in(place)),
    ),
    Kind(
        video.is_video,
        lambda place, how: Part(lambda: video.items_in(place, how.every), video.count_in(place, how.every)),
        timed=True,
    ),
)


def standard_input() -> BinaryIO:
    """Standard input as bytes."""
    return sys.stdin.buffer


class _Counted:
    """Counts paths, and reports the count now and then."""

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event, self.count = on_event, 0

    def each(self, paths: Iterator[Path]) -> Iterator[Path]:
        for path in paths:
            self.count += 1
            if not self.count % STEP:
                self.on_event(Event("files looked at", count=self.count))
            yield path


def _files(place: Path, ranges: Ranges) -> Part:
    def items() -> Iterator[Item]:
        return (Item.of_file(path, ranges) for path in files.each_path_in(place, _ignored))

    return Part(items, FILES)


def _ignored(problem: Problem) -> None:
    """Take a problem that was reported when the files were counted."""


def _each(parts: Sequence[Part], is_distinct: bool) -> Iterator[Item]:
    names = Distinct()
    for part in parts:
        for item in part.items():
            if is_distinct or names.add(item.id):
                yield item
