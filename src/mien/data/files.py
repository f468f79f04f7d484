"""Search for image files in folders; every folder below a root is visited once.

Files are recognised by content, not by name. For speed, a file with a usual extension is taken for a picture without
opening it; all others are recognised by their first bytes (:mod:`mien.data.signatures`). Pictures in formats that
cannot be read here are counted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mien.data.signatures import EXTENSIONS, can_read, first_bytes, format_of, remedy
from mien.errors import DataError
from mien.types import Problem

OnProblem = Callable[[Problem], object]
NOT_READ = "format not read"
UNKNOWN = "unknown"
THUMBNAILS = frozenset({"thumbs", "thumbnails", "thumb", "thumbnail", "_thumbs", "_thumbnails"})
"""Names of folders that hold small copies of the pictures beside them."""
JUNK = frozenset(
    {"__macosx", "__pycache__", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "@sharebin", "#recycle",
     "#snapshot", "$recycle.bin", "lost+found", "system volume information"}
)  # fmt: skip
"""Lower-case names of folders created by operating systems and programs; left out like hidden folders."""
SYSTEM_PREFIXES = ("__", "@", "#", "$")
"""Usual prefixes of such folders. Other folders with these prefixes are left out too, with a Problem."""


@dataclass(frozen=True)
class Folder:
    """Image files in one folder, without its subfolders.

    Attributes
    ----------
    path : path of the folder.
    pictures : sorted names of its image files that can be read here.
    problems : faults of the folder, and one for each format of `unread`.
    unread : format → sorted names of its files with pictures or similar content that cannot be read here.
    """

    path: Path
    pictures: list[str]
    problems: list[Problem] = field(default_factory=list)
    unread: Mapping[str, list[str]] = field(default_factory=dict)


def walk(root: Path) -> Iterator[Folder]:
    """Visit every folder below `root` that is not hidden once: first real folders, then those reached by links."""
    visited = set(root.resolve().parents)  # a link to a folder above root would cause an endless loop
    starts = [root]
    errors: list[OSError] = []
    for start in starts:  # links are appended while walking
        for name, inner, _ in os.walk(start, onerror=errors.append):
            folder = Path(name)
            real = folder.resolve()
            if real in visited:
                inner.clear()
                cause = f"links to {real}, which was read already or contains this folder"
                remedy = "nothing: each picture is read once; or remove the link"
                yield Folder(folder, [], [Problem("repeated folder", str(folder), cause, remedy)])
                continue
            visited.add(real)
            here = list_folder(folder)
            inner[:], problems = _accepted(folder, inner, has_pictures=bool(here.pictures))
            starts += [link for link in (folder / child for child in inner) if link.is_symlink()]
            if not here.pictures and not here.unread and not inner and folder != root:
                problems.append(Problem("empty folder", str(folder), "has no pictures", "nothing: it is left out"))
            yield Folder(folder, here.pictures, here.problems + problems, here.unread)
    for error in errors:
        cause, remedy = f"cannot be read: {error.strerror}", "change its permissions, or remove it"
        yield Folder(Path(error.filename), [], [Problem("unreadable folder", str(error.filename), cause, remedy)])


def list_folder(folder: Path) -> Folder:
    """List the image files of one folder without hidden files; empty if the folder does not exist."""
    pictures: list[str] = []
    unread: dict[str, list[str]] = {}
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith("."):
                    continue
                format = unread_format(entry.name, partial(first_bytes, entry.path))
                if format is None:
                    pictures.append(entry.name)
                elif format:
                    unread.setdefault(format, []).append(entry.name)
    problems = [_not_read(folder, format, len(names), names[0]) for format, names in unread.items()]
    return Folder(folder, pictures, problems, unread)


def images_in(path: Path) -> tuple[list[Path], list[Problem]]:
    """List the image files in and below a folder, or the file itself, and the Problems of `each_image_in`."""
    problems: list[Problem] = []
    return list(each_image_in(path, problems.append)), problems


def each_image_in(path: Path, on_problem: OnProblem) -> Iterator[Path]:
    """Iterate over the image files in and below a folder, or the file itself; only one folder is held in memory.

    Unread files are counted over all folders: one Problem for each format that cannot be read.
    """
    if not path.is_dir():
        yield path
        return
    unread = Unread(path)
    for folder in walk(path):
        yield from (folder.path / name for name in folder.pictures)
        for problem in folder.problems:
            if problem.kind not in (NOT_READ, "empty folder"):
                on_problem(problem)
        for format, names in folder.unread.items():
            unread.add(format, str(folder.path.relative_to(path) / names[0]), len(names))
    for problem in unread.problems():
        on_problem(problem)


class Unread:
    """Counts of files in formats that cannot be read, in a folder or an archive."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def add(self, format: str, name: str, count: int = 1) -> None:
        """Count files of a format, the first of which has the name."""
        self.counts[format] += count
        self.first.setdefault(format, name)

    def problems(self) -> list[Problem]:
        """A Problem for each format."""
        return [_not_read(self.place, format, count, self.first[format]) for format, count in self.counts.items()]


def refuse_unread(root: Path) -> None:
    """Raise DataError if all pictures below `root` have formats that cannot be read here."""
    pictures, problems = images_in(root)
    unread = [problem for problem in problems if problem.kind == NOT_READ]
    if unread and not pictures:
        causes = "; ".join(problem.cause for problem in unread)
        raise DataError(f"has no picture that can be read here: {causes}", place=str(root), remedy=unread[0].remedy)


def unread_format(name: str, first: Callable[[], bytes]) -> str | None:
    """The format of a picture that cannot be read here; None for a readable picture, "" for other files.

    Parameters
    ----------
    name : of the file. first : reads its first bytes; it is not called where the extension is a usual one.
    """
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 -- called for every file
    by_name = EXTENSIONS.get(suffix, "")
    if by_name and can_read(by_name):
        return None
    try:
        format = format_of(first(), suffix)
    except FileNotFoundError:
        format = ""  # a broken link
    except OSError:
        return UNKNOWN
    if format:
        return None if can_read(format) else format
    return None if by_name else ""  # an empty or broken file: decoding reports it


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or made by an operating system."""
    return name.startswith(".") or name.casefold() in JUNK


def _accepted(folder: Path, inner: list[str], *, has_pictures: bool) -> tuple[list[str], list[Problem]]:
    """Sorted subfolders to visit, and a Problem for each skipped one that may hold pictures."""
    accepted, problems = [], []
    for child in sorted(inner):
        name = child.casefold()
        if is_hidden(child):
            continue
        place = str(folder / child)
        if child.startswith(SYSTEM_PREFIXES):
            cause = f"has a name that begins with {child[0]}, as folders made by programs often do"
            remedy = "rename it if these are pictures of your own"
            problems.append(Problem("folder left out", place, cause, remedy))
        elif has_pictures and name in THUMBNAILS:
            cause = "is named like a folder of small copies of the pictures beside it"
            remedy = "nothing: it is left out; rename it if these are pictures of their own"
            problems.append(Problem("thumbnails", place, cause, remedy))
        else:
            accepted.append(child)
    return accepted, problems


def _not_read(folder: Path, format: str, count: int, first: str) -> Problem:
    files = "file" if count == 1 else "files"
    if format == UNKNOWN:
        cause = f"{count} {files} cannot be opened, such as {first}"
        return Problem(NOT_READ, str(folder), cause, "check their permissions")
    cause = f"{count} {files} of format {format} cannot be read here, such as {first}"
    return Problem(NOT_READ, str(folder), cause, remedy(format))


def find_file(folder: Path, name: str) -> Path:
    """Path of the file with this name in any case; FOLDER/NAME if there is none."""
    path = folder / name
    if path.exists() or not folder.is_dir():
        return path
    return next((entry for entry in sorted(folder.iterdir()) if entry.name.casefold() == name.casefold()), path)
