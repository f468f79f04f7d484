"""Which pictures to label next for a class that hardly has any: the unlabelled ones that are most likely of it.

`mien discover BASE FILES --for CLASS --labelled DATA` ranks pictures, and writes a page and a table to fill in. The
filled table is read by the next call (`--labelled FOLDER`), and by `mien correct --found FOLDER:CLASS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mien.classifiers.contract import Batch, Classifier
from mien.data.images import read_pictures
from mien.data.provenance import shared
from mien.data.views import as_png, contact_sheet
from mien.deploy.discovery import FOUND
from mien.deploy.examples import Examples
from mien.deploy.label_table import write_table
from mien.deploy.likeness import likeness
from mien.deploy.settings import LabellingSettings
from mien.deploy.trained_on import recorded_by
from mien.errors import DataError
from mien.storage.identity import identity
from mien.types import NO_LABEL, Dataset, Floats, Ints, LabelSet, Problem

IN_A_ROW = 20
"""Pictures in a row of the page."""


@dataclass(frozen=True)
class LabellingOrder:
    """Unlabelled pictures, those that are most likely of a class first.

    Attributes
    ----------
    name : of the class. examples, others : numbers of labelled pictures of the class, and of other classes.
    paths : of the N pictures, best first. score, answers : (N,) their scores and f's answers. classes : f's classes.
    sheets : PNGs of the first pictures, a row each.
    listed : how many of the first pictures the table lists, and the page shows.
    left_out : how many pictures have a label already.
    problems : pictures that could not be read.
    trained_on : how many of the pictures the classifier was trained on; None where that is not known.
    earlier : file → label, of the tables that the labelled pictures come from.
    """

    name: str
    examples: int
    others: int
    paths: tuple[str, ...]
    score: Floats
    answers: Ints
    classes: tuple[str, ...]
    sheets: tuple[bytes, ...]
    listed: int
    left_out: int
    problems: tuple[Problem, ...]
    trained_on: int | None = None
    earlier: Mapping[str, str] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write found.json, in which no picture is of a cluster, and the table of the first pictures to fill in."""
        for stale in folder.glob("cluster-*.png"):
            stale.unlink()
        rows = [
            {
                "file": str(Path(path).resolve()),
                "score": float(score),
                "cluster": NO_LABEL,
                "answer": self.classes[answer],
            }
            for path, score, answer in zip(self.paths, self.score, self.answers, strict=True)
        ]
        about = {"id": identity(pictures=rows), "clusters": 0, "trained_on": self.trained_on, "class": self.name}
        FOUND.write(folder, {**about, "pictures": rows})
        listed = enumerate(rows[: self.listed], 1)
        write_table(folder, [
            {"rank": rank, "image": row["file"], "answer": row["answer"], "score": row["score"]} for rank, row in listed
        ], self.earlier)  # fmt: skip


def label_next(
    classifier: Classifier,
    paths: Sequence[Path],
    examples: Examples,
    settings: LabellingSettings,
    say: Callable[[str], object] = lambda stage: None,
) -> LabellingOrder:
    """Rank unlabelled pictures by how likely they are of a class.

    Parameters
    ----------
    classifier : one that reads images; with borrowed features, these count as well.
    paths : picture files; labels in their names or folders play no part.
    examples : see `mien.deploy.examples.read_examples`. Pictures that are among them are left out.
    say : called with each stage.

    Raises
    ------
    DataError : no picture can be read, or all have a label.
    """
    examples = examples.drawn(settings.have, settings.draw)
    examples = replace(examples, pictures=_by_content(examples.pictures))
    say("reading pictures")
    data = read_pictures(paths, classifier.card.classes, classifier.card.images)
    if not len(data):
        why = f" ({data.problems[0].place}: {data.problems[0].cause})" if data.problems else ""
        raise DataError(f"none of {len(paths)} pictures can be read{why}", place="discover", remedy="give others")
    unlabelled = _by_content(data.take(~np.isin(np.asarray(data.hashes), examples.labelled)))
    if not len(unlabelled):
        remedy = "give pictures that are not among the labelled ones"
        raise DataError(f"all {len(data)} pictures have a label already", place="discover", remedy=remedy)
    say("reading out")
    outputs, of_labelled = (
        classifier.outputs(Batch(part.pictures, part.ids)) for part in (unlabelled, examples.pictures)
    )
    say("ranking")
    score = likeness(outputs, of_labelled, examples.positive, examples.target)
    order = np.argsort(-score, kind="stable")
    recorded, _ = recorded_by(classifier)
    positive = int(examples.positive.sum())
    return LabellingOrder(
        examples.name, positive, len(examples.positive) - positive, tuple(unlabelled.ids[order].tolist()),
        score[order], outputs.predicted[order], classifier.card.classes, _sheets(unlabelled, order[: settings.most]),
        min(settings.most, len(order)), len(data) - len(unlabelled), data.problems,
        None if recorded is None else int(shared(unlabelled, "", [recorded]).picture.sum()), examples.of_tables,
    )  # fmt: skip


def _by_content(data: Dataset) -> Dataset:
    """The same pictures in the order of their hashes, so that names and places of files change no score."""
    return data.take(np.argsort(np.asarray(data.hashes), kind="stable"))


def _sheets(data: Dataset, rows: Ints) -> tuple[bytes, ...]:
    """PNGs of these pictures, `IN_A_ROW` side by side in each."""
    alike = data.replace(labels=np.zeros(len(data), int), labelset=LabelSet(("to label",)))
    lots = (rows[start : start + IN_A_ROW] for start in range(0, len(rows), IN_A_ROW))
    return tuple(as_png(contact_sheet(alike, lot, len(lot))) for lot in lots)
