"""Remedies for a path without a data set: a folder above or below that holds one, or an archive to unpack."""

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
"""Number of levels above and below a path that are searched for data."""
MOST = 200
"""Maximum number of folders searched per level."""
INSIDE = ("ferplus", "raf-db", "legend-csv")
"""Formats whose pictures lie in subfolders."""


def remedy_for_path(path: Path, formats: Mapping[str, ModuleType]) -> str:
    """Find the remedy for a path that none of the readers `formats` recognises; "" if there are no data near it."""
    if path.is_file():
        return _remedy_for_file(path)
    for folder in _below(path):
        for name, reader in formats.items():
            if name != "folders" and reader.looks_like(folder):
                return f"give {folder} ({name})"
    archives = sorted(file for file in path.iterdir() if file.is_file() and _is_archive(file))
    if archives:
        return _remedy_for_file(archives[0])
    return _enclosing_data(path, formats)


def refuse_parts(path: Path, formats: Mapping[str, ModuleType]) -> None:
    """Raise DataError if a folder without class folders is only a part of a data set, such as one class."""
    remedy, above = _enclosing_data(path, formats), path.resolve().parent
    if remedy:
        raise DataError("is a part of a data set", place=str(path), remedy=remedy)
    if not list_folder(path).pictures:
        return
    if spelling(path.resolve().name) in {*EMOTIONS.names, *ALIASES}:
        raise DataError("is the folder of one class", place=str(path), remedy=f"give {above}: it holds the classes")
    if not _folders(path) and formats["list"].looks_like(above):
        remedy = f"give {above}, which has a list of them"
        raise DataError("holds pictures without labels", place=str(path), remedy=remedy)


def _enclosing_data(path: Path, formats: Mapping[str, ModuleType]) -> str:
    """The remedy that gives the data set around a folder; "" if there is none."""
    for folder in list(path.resolve().parents)[:DEPTH]:
        name = next((name for name in INSIDE if formats[name].looks_like(folder)), "")
        if name:
            return f"give {folder} ({name})"
    return ""


def _below(path: Path) -> list[Path]:
    """Folders below a path, the nearest first."""
    below, level = [], [path]
    for _ in range(DEPTH):
        level = [inner for folder in level for inner in _folders(folder)][:MOST]
        below += level
    return below


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


def _remedy_for_file(path: Path) -> str:
    if not _is_archive(path):
        return unnamed_columns(path)
    folder = path.name
    for suffix in (".zip", ".tgz", ".gz", ".bz2", ".xz", ".tar"):
        folder = folder.removesuffix(suffix)
    command = "unzip {0} -d {1}" if zipfile.is_zipfile(path) else "mkdir {1} && tar -xf {0} -C {1}"
    return f"it is an archive: unpack it with  {command.format(path, path.with_name(folder))}  and give that folder"


def unnamed_columns(path: Path) -> str:
    """The remedy for a table that may be a list with unusual column names; "" if the file is not a table."""
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
        return f"if {path.name} lists pictures, separate its columns by commas, with the first line image,label"
    if any(Path(title).suffix.lower() in EXTENSIONS for title in titles):
        return f"if {path.name} lists pictures, add a first line with the names of its columns: image,label"
    flags = "--image-column and --label-column"
    return f"if {path.name} lists pictures, name its columns with {flags}: {', '.join(titles)[:200]}"
