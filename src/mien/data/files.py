"""Folders of picture files: every folder below a root, once, and the pictures in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mien.types import Problem

PICTURES = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".pgm", ".ppm", ".tif", ".tiff"}
)  # fmt: skip
THUMBNAILS = frozenset({"thumbs", "thumbnails", "thumb", "thumbnail", ".thumbnails"})
"""Folders of small copies, where they lie beside the pictures that they are copies of."""
NOT_OURS = (".", "__", "@", "#")
"""How folders begin that systems and programs make for themselves: .git, __MACOSX, @eaDir, #recycle."""


@dataclass(frozen=True)
class Folder:
    """One folder.

    Attributes
    ----------
    path : where it is.
    pictures : sorted names of the picture files in it.
    problems : what is wrong with it, or with files in it that are no readable pictures.
    """

    path: Path
    pictures: list[str]
    problems: list[Problem] = field(default_factory=list)


def walk(root: Path) -> Iterator[Folder]:
    """Every folder below `root` that is not hidden, once: those that lie there first, then those that links lead to."""
    seen = set(root.resolve().parents)  # a link to what lies above root would never end
    starts = [root]
    for start in starts:  # grows by the links that are met
        for name, inner, _ in os.walk(start):
            folder = Path(name)
            real = folder.resolve()
            if real in seen:
                inner.clear()
                yield Folder(folder, [], [_repeated(folder, real)])
                continue
            seen.add(real)
            pictures = pictures_in(folder)
            inner[:] = sorted(child for child in inner if not child.startswith(NOT_OURS))
            small = [child for child in inner if pictures and child.casefold() in THUMBNAILS]
            inner[:] = [child for child in inner if child not in small]
            starts += [link for link in (folder / child for child in inner) if link.is_symlink()]
            problems = [_thumbnails(folder / child) for child in small]
            if not pictures and not inner and folder != root:
                problems.append(_empty(folder))
            yield Folder(folder, pictures, problems)


def pictures_in(folder: Path) -> list[str]:
    """Sorted names of the pictures in one folder, hidden files left out; empty where there is no such folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return sorted(name for name in names if not name.startswith(".") and os.path.splitext(name)[1].lower() in PICTURES)  # noqa: PTH122


def _repeated(folder: Path, real: Path) -> Problem:
    cause = f"leads to {real}, which is read already or lies above"
    return Problem("repeated folder", str(folder), cause, "nothing: pictures are read once; or remove the link")


def _thumbnails(folder: Path) -> Problem:
    remedy = "nothing: it is left out; rename it if these are pictures of their own"
    return Problem("thumbnails", str(folder), "lies beside the pictures and holds small copies by its name", remedy)


def _empty(folder: Path) -> Problem:
    known = ", ".join(sorted(PICTURES))
    return Problem("empty folder", str(folder), "has no pictures", f"nothing: it is left out; known are {known}")
