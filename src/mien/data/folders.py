"""Class folders: the name of a picture's folder is its label; folders above (train, test, …) become its source.

    ROOT/happiness/1.png        ROOT/train/happiness/1.png        ROOT/votes.csv (optional)

`votes.csv` has the columns `image` (path inside ROOT), one per class with its votes, and optionally `person`. Links to
folders are followed; what two ways lead to is read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.data.files import walk
from mien.data.labels import EMOTIONS
from mien.data.listing import broken_row, columns, labelset_of, resolve, rows_of
from mien.errors import DataError
from mien.types import NO_LABEL, Dataset, Ints, LabelSet, Problem, Texts, texts

LAYOUT = "class folders (ROOT/happiness/1.png, ROOT/train/happiness/1.png)"
PARTS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "images", "data"})
NOT_CLASSES = frozenset({"image", "label", "person", "truth"})


def looks_like(path: Path) -> bool:
    """Whether there is a folder with pictures somewhere below `path`."""
    return path.is_dir() and any(folder.pictures for folder in walk(path))


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
    files, problems = _list(path)
    if not files:
        raise DataError(
            "has no class folders with pictures", place=str(path), remedy="put the pictures into one folder per class"
        )
    raw = texts([Path(file).parent.name for file in files])
    _refuse_numbers(np.unique(raw), names, path)
    meanings = labelset_of([*np.unique(raw).tolist(), *EMOTIONS.names, *(names or {}).values()], names, others=True)
    table = _read_votes(path / "votes.csv", meanings)
    labelset = labelset_of([*np.unique(raw).tolist(), *table.classes], names, others=True)
    sources = texts([Path(file).parent.parent.as_posix() for file in files])
    return Dataset(
        ids=texts(files),
        labels=resolve(raw, labelset),
        labelset=labelset,
        raw_labels=raw,
        paths=texts([str(path / file) for file in files]),
        votes=table.votes(files, labelset),
        groups=table.groups(files),
        sources=None if (sources == ".").all() else sources,
        problems=(*problems, *table.problems),
        name=str(path),
    )


def _list(root: Path) -> tuple[list[str], list[Problem]]:
    """Pictures in class folders, as paths inside root; Problems for folders, and for pictures in no class folder."""
    found = list(walk(root))
    above = {parent for folder in found if folder.pictures for parent in folder.path.parents}
    files: list[str] = []
    stray: list[Problem] = []
    for folder in found:
        if folder.path == root or folder.path in above or folder.path.name.casefold() in PARTS:
            remedy = "move it into the folder of its class, or remove it"
            stray += [
                Problem("unlabelled", str(folder.path / name), "lies in no class folder", remedy)
                for name in folder.pictures
            ]
        else:
            inside = folder.path.relative_to(root)
            files += [(inside / name).as_posix() for name in folder.pictures]
    return files, stray + [problem for folder in found for problem in folder.problems]


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


@dataclass(frozen=True)
class _Votes:
    """votes.csv by picture; all parts empty where there is none."""

    classes: list[str] = field(default_factory=list)
    rows: dict[str, list[int]] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def votes(self, files: list[str], labelset: LabelSet) -> Ints | None:
        """(N, K) votes in the order of the label set; zeros for a picture without a row."""
        if not self.rows or not self.classes:
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


def _read_votes(path: Path, meanings: LabelSet) -> _Votes:
    """votes.csv; a column that none of `meanings` fits is left out with a Problem, one without a name without."""
    if not path.is_file():
        return _Votes()
    lines = rows_of(path)
    header = next(lines, [])
    (image,) = columns(header, ["image"], path)
    titles = [name.casefold() for name in header]
    person = titles.index("person") if "person" in titles else None
    places = [place for place, title in enumerate(titles) if title and title not in NOT_CLASSES]
    known = [place for place in places if meanings.resolve(header[place]) != NO_LABEL]
    table = _Votes([header[place] for place in known])
    table.problems.extend(_unknown_column(path, header[place]) for place in places if place not in known)
    for number, row in enumerate(lines, 1):
        try:
            table.rows[row[image]] = [int(row[place]) for place in known]
            table.people[row[image]] = row[person] if person is not None else ""
        except (ValueError, IndexError):
            table.problems.append(broken_row(path, number, "votes are not whole numbers, or cells are missing"))
    return table


def _unknown_column(path: Path, name: str) -> Problem:
    remedy = f"remove the column, or say what it means: --names {name}=CLASS"
    return Problem("unknown column", f"{path}, column {name}", "is no class: no folder and no emotion", remedy)
