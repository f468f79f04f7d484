"""Find picture files in folders: every folder below a root, once, and the pictures in it.

Content decides which files are pictures. A file with a usual extension is taken for a picture without opening it, for
speed; every other file is recognised by its first bytes (:mod:`mien.data.signatures`). Pictures of a format that
cannot be read here are counted.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mien.data.signatures import EXTENSIONS, can_read, first_bytes, format_of, remedy
from mien.errors import DataError
from mien.types import Problem

NOT_READ = "format not read"
UNKNOWN = "unknown"
THUMBNAILS = frozenset({"thumbs", "thumbnails", "thumb", "thumbnail", "_thumbs", "_thumbnails"})
"""Names of folders that hold small copies of the pictures beside them."""
JUNK = frozenset(
    {
        "__macosx",
        "__pycache__",
        "@eadir",
        "@tmp",
        "@recycle",
        "@recently-snapshot",
        "@sharebin",
        "#recycle",
        "#snapshot",
    }
    | {"$recycle.bin", "lost+found", "system volume information"}
)
"""Folders that systems and programs make for themselves, in small letters: left out, as hidden ones are."""
SYSTEM_PREFIXES = ("__", "@", "#", "$")
"""How the names of such folders often begin. Other folders with such names are left out too, with a Problem."""


@dataclass(frozen=True)
class Folder:
    """One folder.

    Attributes
    ----------
    path : where it is.
    pictures : sorted names of the picture files in it that can be read here.
    problems : what is wrong with it, and one for each format of `unread`.
    unread : format → sorted names of files in it that hold pictures, or something like them, and cannot be read here.
    """

    path: Path
    pictures: list[str]
    problems: list[Problem] = field(default_factory=list)
    unread: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Gathered:
    """Picture files from several places.

    Attributes
    ----------
    pictures : the files, each once, in order.
    problems : what was left out, with counts.
    """

    pictures: list[Path]
    problems: list[Problem]


def walk(root: Path) -> Iterator[Folder]:
    """Every folder below `root` that is not hidden, once: those that lie there first, then those that links lead to."""
    seen = set(root.resolve().parents)  # a link to what lies above root would never end
    starts = [root]
    refused: list[OSError] = []
    for start in starts:  # grows by the links that are met
        for name, inner, _ in os.walk(start, onerror=refused.append):
            folder = Path(name)
            real = folder.resolve()
            if real in seen:
                inner.clear()
                yield Folder(folder, [], [_repeated(folder, real)])
                continue
            seen.add(real)
            here = look(folder)
            inner[:], problems = _followed(folder, inner, has_pictures=bool(here.pictures))
            starts += [link for link in (folder / child for child in inner) if link.is_symlink()]
            if not here.pictures and not here.unread and not inner and folder != root:
                problems.append(_empty(folder))
            yield Folder(folder, here.pictures, here.problems + problems, here.unread)
    for error in refused:
        yield Folder(Path(error.filename), [], [_unreadable(error)])


def look(folder: Path, known: Collection[str] = ()) -> Folder:
    """The pictures of one folder, hidden files left out; none where there is no such folder.

    Parameters
    ----------
    known : names of files that something else reports on: they are not counted among the unread.
    """
    pictures: list[str] = []
    unread: dict[str, list[str]] = {}
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith("."):
                    continue
                format = _format(entry)
                if format is None:
                    pictures.append(entry.name)
                elif format and entry.name not in known:
                    unread.setdefault(format, []).append(entry.name)
    return Folder(folder, pictures, [_not_read(folder, *item) for item in unread.items()], unread)


def pictures_in(folder: Path) -> list[str]:
    """Sorted names of the pictures in one folder that can be read here, hidden files left out."""
    return look(folder).pictures


def images_from(named: Iterable[Path]) -> Gathered:
    """The files named, folders replaced by the pictures in and below them.

    What is left out in a folder is counted over all folders below it: one Problem for each format that cannot be read.
    """
    pictures: dict[Path, None] = {}
    problems: list[Problem] = []
    for place in named:
        if not place.is_dir():
            pictures[place] = None
            continue
        unread: dict[str, list[str]] = {}
        for folder in walk(place):
            pictures.update(dict.fromkeys(folder.path / name for name in folder.pictures))
            problems += [problem for problem in folder.problems if problem.kind not in (NOT_READ, "empty folder")]
            for format, names in folder.unread.items():
                unread.setdefault(format, []).extend(str(folder.path.relative_to(place) / name) for name in names)
        problems += [_not_read(place, *item) for item in unread.items()]
    return Gathered(list(pictures), problems)


def refuse_unread(root: Path) -> None:
    """DataError where the pictures below `root` are all of formats that cannot be read here."""
    found = images_from([root]) if root.is_dir() else Gathered([], [])
    unread = [problem for problem in found.problems if problem.kind == NOT_READ]
    if unread and not found.pictures:
        causes = "; ".join(problem.cause for problem in unread)
        raise DataError(f"has no picture that can be read here: {causes}", place=str(root), remedy=unread[0].remedy)


def _format(entry: os.DirEntry[str]) -> str | None:
    """The format of a file that cannot be read here; None for a picture that can be read, "" for other files."""
    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 -- called for every file
    promised = EXTENSIONS.get(suffix, "")
    if promised and can_read(promised):
        return None
    try:
        format = format_of(first_bytes(entry.path), suffix)
    except FileNotFoundError:
        format = ""  # a link that leads nowhere
    except OSError:
        return UNKNOWN
    if format:
        return None if can_read(format) else format
    return None if promised else ""  # an empty or broken file: reading it says so


def _followed(folder: Path, inner: list[str], *, has_pictures: bool) -> tuple[list[str], list[Problem]]:
    """The folders in one folder that are walked, sorted, and a Problem for each other one that may hold pictures."""
    followed, problems = [], []
    for child in sorted(inner):
        name = child.casefold()
        if child.startswith(".") or name in JUNK:
            continue
        if child.startswith(SYSTEM_PREFIXES):
            problems.append(_system_folder(folder / child))
        elif has_pictures and name in THUMBNAILS:
            problems.append(_thumbnails(folder / child))
        else:
            followed.append(child)
    return followed, problems


def _not_read(folder: Path, format: str, names: list[str]) -> Problem:
    files = "file" if len(names) == 1 else "files"
    if format == UNKNOWN:
        cause, helps = f"{len(names)} {files} cannot be opened, such as {names[0]}", "check their permissions"
    else:
        cause, helps = (
            f"{len(names)} {files} of format {format} cannot be read here, such as {names[0]}",
            remedy(format),
        )
    return Problem(NOT_READ, str(folder), cause, helps)


def _repeated(folder: Path, real: Path) -> Problem:
    cause = f"links to {real}, which was read already or contains this folder"
    return Problem("repeated folder", str(folder), cause, "nothing: each picture is read once; or remove the link")


def _thumbnails(folder: Path) -> Problem:
    remedy = "nothing: it is left out; rename it if these are pictures of their own"
    return Problem(
        "thumbnails", str(folder), "is named like a folder of small copies of the pictures beside it", remedy
    )


def _system_folder(folder: Path) -> Problem:
    cause = f"has a name that begins with {folder.name[0]}, as folders made by programs often do"
    return Problem("folder left out", str(folder), cause, "rename it if these are pictures of your own")


def _unreadable(error: OSError) -> Problem:
    remedy = "change its permissions, or remove it"
    return Problem("unreadable folder", str(error.filename), f"cannot be read: {error.strerror}", remedy)


def _empty(folder: Path) -> Problem:
    return Problem("empty folder", str(folder), "has no pictures", "nothing: it is left out")


def named(folder: Path, name: str) -> Path:
    """The file of a name in a folder, in whatever case it is written; FOLDER/NAME where there is none."""
    place = folder / name
    if place.exists() or not folder.is_dir():
        return place
    return next((entry for entry in sorted(folder.iterdir()) if entry.name.casefold() == name.casefold()), place)
