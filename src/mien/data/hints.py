"""What to give in place of a path that is no data set: a folder above or below it, or what an archive holds."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from mien.data.files import pictures_in
from mien.data.labels import ALIASES, EMOTIONS
from mien.errors import DataError
from mien.types import spelling

DEPTH = 3
"""Folders above and below a path in which data are looked for."""
MOST = 200
"""Folders that are looked into."""
INSIDE = ("ferplus", "raf-db", "legend-csv")
"""Formats with the pictures in folders of their own."""


def elsewhere(path: Path, formats: Mapping[str, ModuleType]) -> str:
    """The remedy for a path that no reader knows, "" where nothing near it is known.

    Parameters
    ----------
    formats : format name → reader.
    """
    if path.is_file():
        return _of_file(path)
    near = [*_below(path), *list(path.resolve().parents)[:DEPTH]]
    for place in near:
        for name, reader in formats.items():
            if name != "folders" and reader.looks_like(place):
                return f"give {place} ({name})"
    archives = sorted(file for file in path.iterdir() if file.is_file() and _is_archive(file))
    return _of_file(archives[0]) if archives else ""


def refuse_parts(path: Path, formats: Mapping[str, ModuleType]) -> None:
    """DataError where a folder without class folders is a part of a data set that lies above it.

    That is a folder of pictures beside their table, or one class folder.
    """
    above = list(path.resolve().parents)[:DEPTH]
    for place in above:
        name = next((name for name in INSIDE if formats[name].looks_like(place)), "")
        if name:
            raise DataError("is a part of a data set", place=str(path), remedy=f"give {place} ({name})")
    if not pictures_in(path):
        return
    if spelling(path.resolve().name) in {*EMOTIONS.names, *ALIASES}:
        raise DataError("is the folder of one class", place=str(path), remedy=f"give {above[0]}: it holds the classes")
    if not _folders(path) and formats["list"].looks_like(above[0]):
        remedy = f"give {above[0]}, which has a list of them"
        raise DataError("holds pictures without labels", place=str(path), remedy=remedy)


def _below(path: Path) -> list[Path]:
    """Folders below a path, the nearest first."""
    found, edge = [], [path]
    for _ in range(DEPTH):
        edge = [inner for folder in edge for inner in _folders(folder)][:MOST]
        found += edge
    return found


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(inner for inner in path.iterdir() if inner.is_dir() and not inner.name.startswith("."))
    except OSError:
        return []


def _is_archive(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except OSError:
        return False


def _of_file(path: Path) -> str:
    if not _is_archive(path):
        return ""
    folder = path.name
    for suffix in (".zip", ".tgz", ".gz", ".bz2", ".xz", ".tar"):
        folder = folder.removesuffix(suffix)
    command = "unzip {0} -d {1}" if zipfile.is_zipfile(path) else "mkdir {1} && tar -xf {0} -C {1}"
    return f"it is an archive: unpack it with  {command.format(path, path.with_name(folder))}  and give that folder"
