"""Reading of a data set from a path or a specification of synthetic faces; the layout is recognised."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from mien.data import ferplus, folders, hints, legend_csv, lists, pixel_csv, raf_db
from mien.data.files import refuse_unread
from mien.data.labels import EMOTIONS
from mien.data.levels import PARTS
from mien.data.listing import spellings
from mien.errors import DataError, MienError, UsageError, choice_error, nearest
from mien.storage.old_names import SYNTHETIC, current_source, is_earlier
from mien.types import Dataset, Problem, spelling

FORMATS: dict[str, ModuleType] = {
    "ferplus": ferplus,
    "raf-db": raf_db,
    "legend-csv": legend_csv,
    "pixel-csv": pixel_csv,
    "list": lists,
    "folders": folders,
}
"""Format name → reader with `LAYOUT`, `looks_like(path)`, `read(path, names)`, and OPTIONS, the names of further
parameters of `read`; the first reader that recognises a path is used."""
TO_USE = "give --format list to use the list"


def load(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,
    names: Mapping[str, str] | None = None,
    labels: str | None = None,
    **options: object,
) -> Dataset:
    """Read a data set; pictures in files are listed, not decoded (see :func:`mien.data.images.decode`).

    Parameters
    ----------
    source : a path, or drawn faces: "synthetic", "synthetic:size=48,n=4000,seed=0".
    format : one of FORMATS, to force it; recognised otherwise.
    names : label as written → class name, for numbers and the user's own spellings.
    labels : kind of labels of FER+, see :func:`mien.data.ferplus.read`; "shares" by default.
    options : further parameters of readers: `class_level` and `subfolders` of class folders, `image_column` and
        `label_column` of lists. None and "" mean their defaults.

    Raises
    ------
    DataError
        The path does not exist, is an empty folder, or has an unknown layout.
    UsageError
        The format is unknown, `labels` is given for data without votes, or an option belongs to another format.
    """
    text = os.fspath(source)
    given = {name: value for name, value in options.items() if value not in (None, "")}
    if is_drawn(text):
        from mien.data import faces  # heavier than the readers, and seldom both

        _check_labels(labels, "drawn faces")
        _check_options(given, (), "drawn faces")
        if Path(text).exists():
            remedy = f"write ./{text} for that; to draw faces, work in another folder"
            raise UsageError("is drawn faces, and there is a file or folder of that name", place=text, remedy=remedy)
        return faces.read(text)
    if not text.strip():
        remedy = "give a path, . for this folder, or synthetic for drawn faces"
        raise DataError("is an empty text", place="DATA", remedy=remedy)
    path = Path(text).expanduser()
    _must_exist(path)
    if format is not None and format not in FORMATS:
        raise choice_error("format", format, FORMATS, place="--format")
    columns = {"image_column", "label_column"} & given.keys()
    name = format or ("list" if len(columns) == 2 or (columns and path.is_file()) else recognise(path, names))
    _check_options(given, getattr(FORMATS[name], "OPTIONS", ()), name)
    if name == "ferplus":
        return ferplus.read(path, names, labels or "shares")
    _check_labels(labels, name)
    dataset: Dataset = FORMATS[name].read(path, names, **given)
    return dataset.replace(*_unlike_lists(dataset, path, names)) if name == "folders" and format is None else dataset


def recognise(path: Path, names: Mapping[str, str] | None = None) -> str:
    """Recognise the format of a path, where folders with the user's `names` are class folders; DataError if unknown."""
    for name, reader in FORMATS.items():
        if reader.looks_like(path) and not (reader is lists and _has_class_folders(path, names)):
            if reader is folders:
                _refuse_collections(path)
                if not _has_class_folders(path, names):
                    hints.refuse_parts(path, FORMATS)
            return name
    if path.is_dir() and not any(path.iterdir()):
        raise DataError("is an empty folder", place=str(path), remedy="give the folder that the data lie in")
    refuse_unread(path)
    layouts = "; ".join(str(reader.LAYOUT) for reader in FORMATS.values())
    remedy = hints.remedy_for_path(path, FORMATS) or f"known are: {layouts}; or drawn faces (synthetic)"
    raise DataError("has an unknown layout", place=str(path), remedy=remedy)


def _has_class_folders(path: Path, names: Mapping[str, str] | None) -> bool:
    """Whether two folders are named after known classes, directly below `path` or below a part such as train."""
    if not path.is_dir():
        return False
    known = spellings(names)
    inner = [folder for folder in path.iterdir() if folder.is_dir()]
    inner += [deep for folder in inner if folder.name.casefold() in PARTS for deep in folder.iterdir() if deep.is_dir()]
    meant = {known.get(spelling(folder.name), spelling(folder.name)) for folder in inner}
    return len(meant & {*EMOTIONS.names, *known.values()}) > 1


def _unlike_lists(dataset: Dataset, path: Path, names: Mapping[str, str] | None) -> Iterator[Problem]:
    """A Problem for each table beside class folders that contradicts the folders or is not used."""
    of_folder = dict(zip(dataset.paths.tolist(), dataset.labels.tolist(), strict=True))
    used = lists.lists_in(path)
    for table in lists.tables_in(path):
        if table not in used:
            cause, remedy = "names pictures but is not used", "call it votes.csv if it has "
            remedy += "votes or persons, or name its columns with --image-column and --label-column"
            yield Problem("table not used", str(table), cause, remedy)
            continue
        try:
            listed = lists.read(table, names)
        except MienError as error:
            yield Problem("table not used", str(table), f"folders name the classes, and {error.cause}", TO_USE)
            continue
        given = [dataset.labelset.resolve(raw) for raw in listed.raw_labels.tolist()]
        pairs = [(of_folder[file], label) for file, label in zip(listed.paths.tolist(), given, strict=True)
                 if file in of_folder]  # fmt: skip
        unlike = sum(folder != label for folder, label in pairs)
        if unlike:
            cause = f"gives {unlike} of {len(pairs)} pictures another class than their folders; the folders count"
            yield Problem("list unlike folders", str(table), cause, TO_USE)
        elif pairs and listed.groups is not None and dataset.groups is None:
            cause = "names people, and is not used: the folders name the classes"
            yield Problem("table not used", str(table), cause, TO_USE)


def _refuse_collections(path: Path) -> None:
    """Raise DataError for a folder of several data sets, which would look like class folders."""
    for inner in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        for name, reader in FORMATS.items():
            if reader is not folders and reader.looks_like(inner):
                remedy = f"give {inner} ({name}), or --format folders"
                raise DataError("is not one data set but holds some", place=str(path), remedy=remedy)


def is_drawn(text: str) -> bool:
    """Whether a source means synthetic faces instead of a path."""
    return text == SYNTHETIC or text.startswith(f"{SYNTHETIC}:")


def absolute(source: str) -> str:
    """Make a path absolute for storage; specifications of synthetic faces are returned unchanged.

    >>> absolute("synthetic:n=100"), absolute("/data/../faces/")
    ('synthetic:n=100', '/faces')
    """
    return source if is_drawn(source) else str(Path(source).expanduser().resolve())


def _must_exist(path: Path) -> None:
    if path.exists():
        return
    above = next((parent for parent in path.parents if parent.is_dir()), Path())
    missing = path.relative_to(above).parts[0]
    if is_earlier(missing):
        remedy = f"drawn faces are now called {current_source(missing)}"
        raise DataError("no such file or folder", place=missing, remedy=remedy)
    here = {entry.name.casefold(): entry for entry in above.iterdir()}
    near = nearest(missing, here)
    hint = f"did you mean {here[near]}? " if near else ""
    remedy = f"{hint}give a path, or {SYNTHETIC} for drawn faces"
    raise DataError("no such file or folder", place=str(path), remedy=remedy)


def _check_labels(labels: str | None, name: str) -> None:
    if labels not in (None, "plurality"):
        cause = f"labels {labels!r} need FER+, and these data are {name}"
        raise UsageError(cause, place="--labels", remedy="leave --labels out")


def _check_options(given: Mapping[str, object], allowed: Sequence[str], name: str) -> None:
    for option in given:
        if option not in allowed:
            owners = [format for format, reader in FORMATS.items() if option in getattr(reader, "OPTIONS", ())]
            remedy = f"leave it out; it belongs to --format {' or '.join(owners)}"
            raise UsageError(f"these data are read as {name}", place="--" + option.replace("_", "-"), remedy=remedy)
