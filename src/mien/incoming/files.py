"""Image files by their names: single files, folders with all that is in and below them, and globs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import takewhile
from pathlib import Path

from mien.data.files import OnProblem, each_image_in, is_hidden, unread_format
from mien.data.signatures import first_bytes
from mien.errors import DataError
from mien.incoming.archives import is_archive
from mien.incoming.distinct import Distinct
from mien.incoming.video import is_video
from mien.types import Problem

MAGIC = "*?["
"""Characters by which a place that is not there is a glob."""


def each_path(places: Iterable[Path], on_problem: OnProblem) -> Iterator[Path]:
    """Iterate over the image files among files and folders, each once, in the order of the places.

    Raises
    ------
    DataError : a folder holds no picture that can be read.
    """
    several, names = list(places), Distinct()
    for place in several:
        for path in each_path_in(place, on_problem):
            if len(several) == 1 or names.add(str(path)):
                yield path


def each_path_in(place: Path, on_problem: OnProblem) -> Iterator[Path]:
    """Iterate over the image files of one place; DataError for a folder without any."""
    problems, is_empty = list[Problem](), True

    def note(problem: Problem) -> None:
        problems.extend([problem] if is_empty else [])
        on_problem(problem)

    for path in each_image_in(place, note):
        is_empty = False
        yield path
    if is_empty:
        why = f": {problems[0].cause}" if problems else ""
        remedy = problems[0].remedy if problems else "name picture files or a folder of them"
        raise DataError(f"no picture in this folder{why}", place=str(place), remedy=remedy)


def is_glob(place: Path) -> bool:
    """Whether a place is a pattern of file names, such as photos/**/*.png, and no file of that name."""
    return any(sign in str(place) for sign in MAGIC) and not os.path.lexists(place)


def matching(pattern: Path) -> list[Path]:
    """The pictures, folders, archives and videos that match a glob, sorted; ** stands for folders at any depth.

    Hidden files, and those that are none of these, are left out.

    Raises
    ------
    DataError : nothing matches.
    """
    fixed = sum(1 for _ in takewhile(lambda part: not any(sign in part for sign in MAGIC), pattern.parts))
    matches = [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]  # noqa: PTH207 -- Path.glob takes no absolute pattern
    places = [path for path in matches if not any(map(is_hidden, path.parts[fixed:])) and _can_be_read(path)]
    if not places:
        cause = f"{len(matches)} files match, and none is a picture" if matches else "no file matches"
        raise DataError(cause, place=str(pattern), remedy="correct the pattern, or name a folder")
    return places


def _can_be_read(path: Path) -> bool:
    if path.is_dir():
        return True
    return unread_format(path.name, partial(first_bytes, path)) is None or is_archive(path) or is_video(path)
