"""Reader of FER+: ten annotators' votes on FER2013's pictures (Barsoum et al., ICMI 2016).

    ROOT/fer2013new.csv     Usage, Image name, neutral … contempt, unknown, NF
    ROOT/FER2013Train/      pictures of Usage Training; FER2013Valid PublicTest; FER2013Test PrivateTest
    ROOT/fer2013_labels.csv (optional) Usage, Image name, emotion: FER2013's original label

or, without fer2013new.csv, a headerless label.csv in each picture folder: name, box, ten votes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.data.files import list_folder
from mien.data.join import join, match
from mien.data.labels import EMOTIONS
from mien.data.listing import UNDECIDED, broken_row, labelset_of, resolve, unique_ids, unlisted
from mien.data.tables import Table, read_table, rows_of
from mien.errors import DataError, choice_error
from mien.types import Dataset, Floats, Ints, Problem, Texts, texts

LAYOUT = "FER+ (fer2013new.csv beside FER2013Train, FER2013Valid, FER2013Test)"
OPTIONS = ("labels",)
LABELS = ("plurality", "fer2013", "shares")
VOTED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
TABLE = "fer2013new.csv"
FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
FER2013_NUMBERS = {
    "0": "anger", "1": "disgust", "2": "fear", "3": "happiness", "4": "sadness", "5": "surprise", "6": "neutral",
}  # fmt: skip

_ORDER = [VOTED.index(name) for name in (*EMOTIONS.names, "unknown", "NF")]


def looks_like(path: Path) -> bool:
    """Whether `path` is a FER+ folder, or its fer2013new.csv."""
    root = path.parent if path.name == TABLE else path
    return any((root / table).is_file() for table in (TABLE, *(f"{name}/label.csv" for name in FOLDERS.values())))


def read(path: Path, names: Mapping[str, str] | None = None, labels: str = "plurality") -> Dataset:
    """List the pictures of FER+ with their votes and labels.

    Parameters
    ----------
    path : the folder, or its fer2013new.csv.
    names : own spellings of FER2013's labels.
    labels : "plurality": the most voted of all ten columns; no label for a tie, or if "unknown" or "NF" has most votes.
        "fer2013": FER2013's original label. "shares": like "plurality", and `targets` are the normalised votes over the
        eight emotions (all equal if none of them has a vote).

    Returns
    -------
    Dataset, not decoded, with `votes` (N, 10): the emotions in the order of the label set, then unknown, NF.
    """
    if labels not in LABELS:
        raise choice_error("labels", labels, LABELS, place="FER+")
    root = path.parent if path.is_file() else path
    if not looks_like(root):
        remedy = f"give the folder of FER+, which contains that file and {FOLDERS['Training']}"
        raise DataError("has no fer2013new.csv", place=str(root), remedy=remedy)
    table = root / TABLE
    listed = _read_new(table) if table.is_file() else _read_label_files(root)
    if not listed.names:
        raise DataError("has no row with a picture name", place=str(root), remedy="is the file complete?")
    folders = {name: list_folder(root / name) for name in FOLDERS.values()}
    pictures = [f"{folder}/{name}" for folder, images in folders.items() for name in images.pictures]
    table = table if table.is_file() else root / "label.csv"
    written = [f"{FOLDERS[usage]}/{name}" for usage, name in zip(listed.usages, listed.names, strict=True)]
    matched, unmatched = match(written, pictures, table)
    kept = matched >= 0
    rows = matched[kept].tolist()
    named, usages = texts(listed.names)[kept], texts(listed.usages)[kept]
    votes = np.array(listed.votes, dtype=np.int64)[:, _ORDER][kept]
    labelset = labelset_of(EMOTIONS.names, {**FER2013_NUMBERS, **(names or {})}, others=False)
    raw, problems = _fer2013_labels(root, named) if labels == "fer2013" else (plurality(votes), [])
    return Dataset(
        ids=texts(unique_ids(named.tolist())),
        labels=resolve(raw, labelset),
        labelset=labelset,
        raw_labels=raw,
        paths=texts([f"{root}/{pictures[row]}" for row in rows]),
        votes=votes,
        targets=shares(votes[:, : len(labelset)]) if labels == "shares" else None,
        sources=usages,
        problems=(
            *listed.problems, *unmatched, *problems,
            *(problem for folder in folders.values() for problem in folder.problems),
            *unlisted(root, pictures, rows, table.name),
        ),
        name=str(root),
    )  # fmt: skip


def plurality(votes: Ints) -> Texts:
    """(N,) name of the column with most votes (an emotion, "unknown" or "NF"), "tie" if several have most.

    >>> plurality(np.array([[0, 0, 0, 6, 0, 0, 4, 0, 0, 0], [0, 0, 5, 0, 0, 0, 5, 0, 0, 0]])).tolist()
    ['happiness', 'tie']
    """
    most = votes.max(1, keepdims=True)
    tied = (votes == most).sum(1) > 1
    winners = np.array([*EMOTIONS.names, *UNDECIDED[1:]])[votes.argmax(1)]
    return np.where(tied, UNDECIDED[0], winners)


def shares(votes: Ints) -> Floats:
    """(N, K) votes normalised to shares that sum to 1; all equal in a row without votes."""
    totals = votes.sum(1, keepdims=True)
    even = np.full(votes.shape, 1 / votes.shape[1])
    normalised: Floats = np.divide(votes, totals, out=even, where=totals > 0)
    return normalised


@dataclass
class _Listed:
    """Usable rows of FER+'s tables, one sequence per column, and the Problems of the others."""

    usages: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    votes: list[list[int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, usage: str, name: str, votes: list[str], path: Path, number: int) -> None:
        if not name:
            cause = "has no picture name (in FER+ as published: not a face)"
            self.problems.append(Problem("no picture name", f"{path}, row {number}", cause, "nothing: it is left out"))
        elif usage not in FOLDERS:
            self.problems.append(broken_row(path, number, f"Usage {usage!r} is not one of {', '.join(FOLDERS)}"))
        elif len(votes) != len(VOTED) or not all(vote.isdecimal() for vote in votes):
            self.problems.append(broken_row(path, number, f"does not have {len(VOTED)} vote counts"))
        else:
            self.usages.append(usage)
            self.names.append(name)
            self.votes.append([int(vote) for vote in votes])


def _read_new(path: Path) -> _Listed:
    lines = rows_of(path)
    header = Table(path, next(lines, []), [])
    usage, name, *voted = (header.require_column(title) for title in ("Usage", "Image name", *VOTED))
    listed = _Listed()
    for number, row in enumerate(lines, 1):
        row += [""] * (len(VOTED) + 2 - len(row))
        listed.add(row[usage], row[name], [row[column] for column in voted], path, number)
    return listed


def _read_label_files(root: Path) -> _Listed:
    listed = _Listed()
    for usage, folder in FOLDERS.items():
        path = root / folder / "label.csv"
        for number, row in enumerate(rows_of(path), 1) if path.is_file() else ():
            listed.add(usage, row[0], row[2:], path, number)
    return listed


def _fer2013_labels(root: Path, names: Texts) -> tuple[Texts, list[Problem]]:
    """(N,) FER2013's original labels of the named pictures, "" where there is none, and Problems of their table."""
    path = root / "fer2013_labels.csv"
    if not path.is_file():
        remedy = "write one (Usage,Image name,emotion), or use --labels plurality"
        raise DataError("there is no fer2013_labels.csv", place=str(root), remedy=remedy)
    table = read_table(path)
    labels = table.column(table.require_column("emotion"))
    distinct, inverse = np.unique(names, return_inverse=True)
    joined = join(table.column(table.require_column("Image name")), labels, distinct.tolist(), path)
    return texts([*labels, ""])[joined.rows][inverse], joined.problems
