"""The table of pictures to label, which a person fills in: label.csv in the folder of a discovery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.data.labels import EMOTIONS
from mien.data.tables import read_table
from mien.errors import UsageError
from mien.storage.csv_tables import Table
from mien.types import spelling

FILE = "label.csv"
_TABLE = Table.of("label", "rank image label answer score", text="image label answer")


@dataclass(frozen=True)
class LabelTable:
    """What a person wrote into the table.

    Attributes
    ----------
    place : the file. files : those with a label. labels : theirs, as written.
    fresh : how many of these labels are of ranked pictures; the others are of earlier tables.
    """

    place: Path
    files: tuple[Path, ...]
    labels: tuple[str, ...]
    fresh: int

    @classmethod
    def read(cls, folder: Path) -> LabelTable | None:
        """The rows of FOLDER/label.csv that have a label; None where there is no such file.

        Raises
        ------
        DataError : it is no table, or has no column of pictures or labels.
        """
        place = folder / FILE
        if not place.is_file():
            return None
        table = read_table(place)
        image, label = table.require_column("image"), table.require_column("label")
        rank = table.find_column("rank")
        filled = [row for row in table.rows if row[image] and row[label]]
        fresh = len(filled) if rank is None else sum(bool(row[rank]) for row in filled)
        return cls(place, tuple(Path(row[image]) for row in filled), tuple(row[label] for row in filled), fresh)

    def is_of(self, name: str) -> list[bool]:
        """Whether each label means the class of this name; all other labels mean another class."""
        written = map(spelling, self.labels)
        return [spelling(name) in (label, EMOTIONS.aliases.get(label)) for label in written]


def write_table(folder: Path, ranked: Iterable[Mapping[str, Any]], earlier: Mapping[str, str]) -> None:
    """Write FOLDER/label.csv with empty labels.

    Parameters
    ----------
    ranked : rows with rank, image, answer and score; their label is left empty. earlier : file → label, of earlier
        tables, which are repeated at the end, so that the newest table has all labels.
    """
    _TABLE.write(folder / FILE, [*ranked, *({"image": file, "label": label} for file, label in earlier.items())])


def check_not_filled_in(folder: Path) -> None:
    """UsageError where the folder has a table with labels: it would be written over."""
    table = LabelTable.read(folder)
    if table is not None and table.fresh:
        remedy = f"give another --out, and --labelled {folder} to use the labels"
        raise UsageError(f"has {table.fresh} new labels, which would be lost", place=str(table.place), remedy=remedy)


def labelled_as(folder: Path, name: str) -> list[Path]:
    """The picture files that FOLDER/label.csv labels with a class.

    Raises
    ------
    UsageError : there is no such table, or no such label in it.
    """
    table = LabelTable.read(folder)
    if table is None:
        remedy = "give FOLDER:NUMBER, or a folder that mien discover --for wrote"
        raise UsageError(f"{folder} has no {FILE}", place="--found", remedy=remedy)
    files = [file for file, matches in zip(table.files, table.is_of(name), strict=True) if matches]
    if not files:
        remedy = "look at the pictures on its page, and fill in the column label"
        raise UsageError(f"no picture is labelled {name} in {table.place}", place="--found", remedy=remedy)
    return files
