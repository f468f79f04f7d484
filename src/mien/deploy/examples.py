"""Labelled pictures of a class and of others, from data sets and from tables that were filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mien.classifiers.contract import ClassifierCard
from mien.data.images import read_pictures
from mien.data.labels import EMOTIONS
from mien.data.prepare import DataSettings, prepare
from mien.deploy.label_table import LabelTable
from mien.errors import DataError, UsageError, choice_error
from mien.types import NO_LABEL, Bools, Dataset, Ints, LabelSet, Texts, spelling, texts

FLAG = "--labelled"
MOST_OTHERS = 2000
"""Pictures of other classes that are used: more make a score slower, not better."""
OTHERS, OF_CLASS = SORTS = ("others", "the class")


@dataclass(frozen=True)
class Examples:
    """Labelled pictures of a class, and of others.

    Attributes
    ----------
    name : of the class. target : its index among the classifier's classes, or the number of these where it lacks it.
    pictures : decoded, with the labels 1 for the class and 0 for others.
    labelled : hashes of all pictures that have a label already.
    of_tables : file → label as written, of those that are in a table.
    """

    name: str
    target: int
    pictures: Dataset
    labelled: Texts
    of_tables: Mapping[str, str] = field(default_factory=dict)

    @property
    def positive(self) -> Bools:
        """(N,) whether the pictures are of the class."""
        return np.asarray(self.pictures.labels == SORTS.index(OF_CLASS))

    def drawn(self, have: int | None, draw: int) -> Examples:
        """So many pictures of the class, all by default; the others of the class then count as not labelled.

        Of other classes `MOST_OTHERS` are kept.

        Raises
        ------
        UsageError : there are not so many.
        """
        rng = np.random.default_rng(draw)
        mine, others = np.flatnonzero(self.positive), np.flatnonzero(~self.positive)
        if have is not None and have > len(mine):
            remedy = "give a smaller number, or leave it out"
            raise UsageError(f"{len(mine)} pictures are labelled {self.name}", place="--have", remedy=remedy)
        order = rng.permutation(mine)
        kept, dropped = (order, order[:0]) if have is None else (order[:have], order[have:])
        rows = np.sort(np.concatenate([kept, rng.permutation(others)[:MOST_OTHERS]]))
        unlabelled = _hashes(self.pictures.take(dropped))
        return replace(
            self, pictures=self.pictures.take(rows), labelled=self.labelled[~np.isin(self.labelled, unlabelled)]
        )


def read_examples(name: str, sources: Sequence[str], card: ClassifierCard, data: DataSettings) -> Examples:
    """Read labelled pictures, in the form that a classifier reads.

    Parameters
    ----------
    name : of the class. sources : data sets, or folders of a discovery whose table was filled in; of a picture that
        is in several of them, the label of the last one counts.
    data : how data sets are read; their source, size and colour are replaced.

    Raises
    ------
    UsageError : an unknown class, or a table without labels. DataError : no picture of the class.
    """
    (meant, target), lots, known, of_tables = _meant(name, card), [], list(card.classes), dict[str, str]()
    for number, source in enumerate(sources):
        table = LabelTable.read(Path(source).expanduser())
        lot, names = _of_data(source, name, card, data) if table is None else _of_table(table, meant, card)
        known += names
        if table is not None:
            of_tables |= dict(zip((str(file.resolve()) for file in table.files), table.labels, strict=True))
        lots.append(lot.replace(ids=texts([f"{number}: {key}" for key in lot.ids.tolist()])))
    classes = LabelSet(tuple(dict.fromkeys(known)), EMOTIONS.aliases)
    pictures = lots[0]
    for lot in lots[1:]:
        pictures = pictures.concat(lot)
    pictures = pictures.take(_last_of_each(_hashes(pictures)))
    examples = Examples(meant, target, pictures, _hashes(pictures), of_tables)
    if not examples.positive.any():
        if classes.resolve(name) == NO_LABEL:
            raise choice_error("class", name, classes.names, place="--for")
        remedy = "label at least one; without any, mien discover without --for groups unusual pictures"
        raise DataError(f"no labelled picture is of class {examples.name}", place=FLAG, remedy=remedy)
    return examples


def _of_data(source: str, name: str, card: ClassifierCard, data: DataSettings) -> tuple[Dataset, tuple[str, ...]]:
    """The pictures of a data set, and the names of its classes."""
    pictures = prepare(replace(data, source=source).for_images(card.images))
    return _sorted(pictures, pictures.labels == pictures.labelset.resolve(name)), pictures.labelset.names


def _of_table(table: LabelTable, name: str, card: ClassifierCard) -> tuple[Dataset, tuple[str, ...]]:
    """The labelled pictures of a table, and the name of the class where a label means it."""
    if not table.files:
        remedy = "look at the pictures on the page beside it, and fill in the column label"
        raise UsageError("has no label yet", place=f"{FLAG} {table.place}", remedy=remedy)
    pictures = read_pictures(table.files, SORTS, card.images)
    if not len(pictures):
        remedy = f"are they where they were? {pictures.problems[0].remedy}"
        raise DataError("none of its labelled pictures can be read", place=str(table.place), remedy=remedy)
    positive = dict(zip(map(str, table.files), table.is_of(name), strict=True))
    matches = np.array([positive[path] for path in pictures.paths.tolist()])
    return _sorted(pictures, matches), (name,) if matches.any() else ()


def _sorted(pictures: Dataset, positive: Bools) -> Dataset:
    """The same pictures with the class and others as their only labels."""
    return Dataset(
        pictures.ids, positive.astype(int), LabelSet(SORTS), texts(np.array(SORTS)[positive.astype(int)].tolist()),
        pictures.paths, pixels=pictures.pixels, hashes=pictures.hashes, problems=pictures.problems,
    )  # fmt: skip


def _hashes(pictures: Dataset) -> Texts:
    return np.asarray(pictures.hashes)


def _last_of_each(hashes: Texts) -> Ints:
    """Rows of the last picture of each hash, ascending."""
    last = {key: row for row, key in enumerate(hashes.tolist())}
    return np.array(sorted(last.values()), np.int64)


def _meant(name: str, card: ClassifierCard) -> tuple[str, int]:
    """Name and index of a class among those of a classifier; where it lacks the class, the name and their number."""
    for aliases in ({}, EMOTIONS.aliases):
        index = LabelSet(card.classes, aliases).resolve(name)
        if index != NO_LABEL:
            return card.classes[index], index
    return spelling(name), len(card.classes)
