"""Remedies for a path that holds no data set: the folder above or below it that does, or an archive to unpack."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from mien.data import lists
from mien.data.files import list_folder
from mien.data.labels import ALIASES, EMOTIONS
from mien.data.signatures import EXTENSIONS
from mien.data.tables import SUFFIXES, header_of
from mien.errors import DataError, MienError, MissingExtraError
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
    for place in _below(path):
        for name, reader in formats.items():
            if name != "folders" and reader.looks_like(place):
                return f"give {place} ({name})"
    archives = sorted(file for file in path.iterdir() if file.is_file() and _is_archive(file))
    if archives:
        return _of_file(archives[0])
    return _whole(path, formats)


def refuse_parts(path: Path, formats: Mapping[str, ModuleType]) -> None:
    """DataError where a folder without class folders is a part of a data set that lies above it.

    That is a folder of pictures beside their table, or one class folder.
    """
    whole, above = _whole(path, formats), path.resolve().parent
    if whole:
        raise DataError("is a part of a data set", place=str(path), remedy=whole)
    if not list_folder(path).pictures:
        return
    if spelling(path.resolve().name) in {*EMOTIONS.names, *ALIASES}:
        raise DataError("is the folder of one class", place=str(path), remedy=f"give {above}: it holds the classes")
    if not _folders(path) and formats["list"].looks_like(above):
        remedy = f"give {above}, which has a list of them"
        raise DataError("holds pictures without labels", place=str(path), remedy=remedy)


def _whole(path: Path, formats: Mapping[str, ModuleType]) -> str:
    """What to give in place of a folder inside a data set, "" where it is in none."""
    for place in list(path.resolve().parents)[:DEPTH]:
        name = next((name for name in INSIDE if formats[name].looks_like(place)), "")
        if name:
            return f"give {place} ({name})"
    return ""


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
        return unnamed_columns(path)
    folder = path.name
    for suffix in (".zip", ".tgz", ".gz", ".bz2", ".xz", ".tar"):
        folder = folder.removesuffix(suffix)
    command = "unzip {0} -d {1}" if zipfile.is_zipfile(path) else "mkdir {1} && tar -xf {0} -C {1}"
    return f"it is an archive: unpack it with  {command.format(path, path.with_name(folder))}  and give that folder"


def unnamed_columns(path: Path) -> str:
    """The remedy for a table that may be a list with column names of its own, "" where a file is no table."""
    try:
        titles = header_of(path) if path.suffix.lower() in SUFFIXES else []
    except MissingExtraError as error:
        return f"to read {path.name}: {error.remedy}"
    except MienError:
        return ""
    if not titles:
        return ""
    if lists.looks_like(path):
        return f"give {path} itself to read it as a list"
    if len(titles) == 1 and " " in titles[0]:
        return f"if {path.name} lists pictures, put commas between its columns, and their names above: image,label"
    if any(Path(title).suffix.lower() in EXTENSIONS for title in titles):
        return f"if {path.name} lists pictures, give it a first line with the names of its columns: image,label"
    flags = "--image-column and --label-column"
    return f"if {path.name} lists pictures, name its columns with {flags}: {', '.join(titles)[:200]}"
