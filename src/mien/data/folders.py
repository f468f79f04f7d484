"""Class folders: the name of a picture's folder is its label; folders above (train, test, …) become its source.

    ROOT/happiness/1.png        ROOT/train/happiness/1.png        ROOT/votes.csv (optional)

`votes.csv` has the columns `image` (path inside ROOT), one per class with its votes, and optionally `person`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.data.listing import PICTURES, broken_row, columns, labelset_of, pictures_in, resolve, rows_of
from mien.errors import DataError
from mien.types import Dataset, Ints, LabelSet, Problem, Texts, texts

LAYOUT = "class folders (ROOT/happiness/1.png, ROOT/train/happiness/1.png)"
PARTS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "images", "data"})
NOT_CLASSES = frozenset({"image", "label", "person", "truth"})


def looks_like(path: Path) -> bool:
    """Whether there is a folder with pictures somewhere below `path`."""
    return path.is_dir() and any(True for _ in _picture_folders(path))


def read(path: Path, names: Mapping[str, str] | None = None) -> Dataset:
    """List the pictures of class folders.

    Parameters
    ----------
    path : the root folder.
    names : folder name → class name, needed for numeric folders.

    Returns
    -------
    Dataset, not decoded; ids are paths inside `path`, sources the folders above the class folder.
    """
    files, stray = _list(path)
    if not files:
        raise DataError(
            "has no class folders with pictures", place=str(path), remedy="put the pictures into one folder per class"
        )
    raw = texts([Path(file).parent.name for file in files])
    _refuse_numbers(np.unique(raw), names, path)
    table = _read_votes(path / "votes.csv")
    labelset = labelset_of([*np.unique(raw).tolist(), *table.classes], names, others=True)
    sources = texts([Path(file).parent.parent.as_posix() for file in files])
    problems = [*stray, *_empty_folders(path), *table.problems]
    return Dataset(
        ids=texts(files),
        labels=resolve(raw, labelset),
        labelset=labelset,
        raw_labels=raw,
        paths=texts([str(path / file) for file in files]),
        votes=table.votes(files, labelset),
        groups=table.groups(files),
        sources=None if (sources == ".").all() else sources,
        problems=tuple(problems),
        name=str(path),
    )


def _picture_folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, inner, _ in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith((".", "__")))
        found = pictures_in(Path(folder))
        if found:
            yield Path(folder), found


def _list(root: Path) -> tuple[list[str], list[Problem]]:
    """Pictures in class folders, as paths inside root; Problems for pictures that lie in no class folder."""
    found = list(_picture_folders(root))
    above = {parent for folder, _ in found for parent in folder.parents}
    files: list[str] = []
    stray: list[Problem] = []
    for folder, names in found:
        inside = folder.relative_to(root)
        if folder == root or folder in above or folder.name.casefold() in PARTS:
            remedy = "move it into the folder of its class, or remove it"
            stray += [Problem("unlabelled", str(folder / name), "lies in no class folder", remedy) for name in names]
        else:
            files += [(inside / name).as_posix() for name in names]
    return files, stray


def _refuse_numbers(raw: Texts, names: Mapping[str, str] | None, root: Path) -> None:
    """Data sets number the emotions in different orders, so a number alone says nothing."""
    numbers = [str(word) for word in raw if str(word).isdigit() and str(word) not in (names or {})]
    if numbers:
        example = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral", "contempt")
        shown = ",".join(f"{number}={name}" for number, name in zip(numbers, example, strict=False))
        raise DataError(
            f"class folders are numbers ({', '.join(numbers)}), and what they mean differs between data sets",
            place=str(root),
            remedy=f"say what each means, for instance --names {shown}",
        )


def _empty_folders(root: Path) -> list[Problem]:
    """Leaf folders without any picture."""
    return [
        Problem("empty folder", folder, "has no pictures", f"known are {', '.join(sorted(PICTURES))}; or remove it")
        for folder, inner, files in os.walk(root)
        if not inner and Path(folder) != root and not Path(folder).name.startswith((".", "__"))
        if not any(Path(file).suffix.lower() in PICTURES for file in files)
    ]


@dataclass(frozen=True)
class _Votes:
    """votes.csv by picture; all parts empty where there is none."""

    classes: list[str] = field(default_factory=list)
    rows: dict[str, list[int]] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def votes(self, files: list[str], labelset: LabelSet) -> Ints | None:
        """(N, K) votes in the order of the label set; zeros for a picture without a row."""
        if not self.rows:
            return None
        votes = np.zeros((len(files), len(labelset)), dtype=np.int64)
        place = [labelset.resolve(name) for name in self.classes]
        for number, file in enumerate(files):
            if file in self.rows:
                np.add.at(votes[number], place, self.rows[file])
        return votes

    def groups(self, files: list[str]) -> Texts | None:
        """(N,) person, "" where unknown."""
        return texts([self.people.get(file, "") for file in files]) if any(self.people.values()) else None


def _read_votes(path: Path) -> _Votes:
    if not path.is_file():
        return _Votes()
    lines = rows_of(path)
    header = next(lines, [])
    (image,) = columns(header, ["image"], path)
    person = header.index("person") if "person" in header else None
    places = [place for place, name in enumerate(header) if name.casefold() not in NOT_CLASSES]
    table = _Votes([header[place] for place in places])
    for number, row in enumerate(lines, 1):
        try:
            table.rows[row[image]] = [int(row[place]) for place in places]
            table.people[row[image]] = row[person] if person is not None else ""
        except (ValueError, IndexError):
            table.problems.append(broken_row(path, number, "votes are not whole numbers, or cells are missing"))
    return table
