"""Take in a classifier from elsewhere: complete its declaration, check it on labelled pictures, keep it in a folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mien.classifiers.adopted import open_graph, save_adopted
from mien.classifiers.contract import ImageSpec
from mien.classifiers.declare import InputSettings, declare
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.input_check import InputCheck, check_inputs
from mien.data.prepare import DataSettings, prepare, prepare_again
from mien.errors import DataError, UsageError
from mien.types import Dataset, Ints

MOST = 2000
"""Labelled pictures that a declaration is checked on; more are drawn from at random."""


@dataclass(frozen=True)
class Adoption:
    """A classifier from elsewhere that is ready to be kept.

    Attributes
    ----------
    classifier : with what is declared of it. kind : of its model.
    source : as its user named it. notes : what was not declared and follows from its file, a sentence each.
    check : how right the declaration is on labelled pictures; None where there are none.
    """

    classifier: ForeignClassifier
    kind: str
    source: str
    notes: tuple[str, ...]
    check: InputCheck | None = None

    def save(self, folder: Path) -> None:
        """Write the folder that every verb takes for a trained classifier."""
        checked = {} if self.check is None else {"check": self.check.words}
        save_adopted(self.classifier, folder, {"kind_of_model": self.kind, "source": self.source, **checked})


def adopt(
    source: str, settings: InputSettings, *, weights: Path | None = None, checked_on: DataSettings | None = None
) -> Adoption:
    """Open a model, and complete and check what its user declares.

    Parameters
    ----------
    source : see `mien.classifiers.adopted.open_graph`. weights : of a torch module.
    checked_on : labelled pictures; its size and colour are taken from the classifier.

    Raises
    ------
    UsageError : something is neither declared nor in the file, or does not fit the model. RunError : a file that is
        missing or damaged. DataError : pictures of no class that the classifier has.
    """
    kind, graph = open_graph(source, weights)
    declared = declare(graph, settings)
    classifier = ForeignClassifier(graph, declared.declaration)
    check = None if checked_on is None else _checked(classifier, checked_on)
    return Adoption(classifier, kind, source, declared.notes, check)


def _checked(classifier: ForeignClassifier, data: DataSettings) -> InputCheck:
    inputs = classifier.declared.inputs
    if not isinstance(inputs, ImageSpec) or inputs.tensor is None:
        remedy = "leave --check out for a classifier of tables"
        raise UsageError(f"reads {inputs}, no pictures", place="--check", remedy=remedy)
    data = data.for_images(replace(inputs.settings, colour=inputs.tensor.channels == 3))
    pictures = prepare(data)
    rows, labels = _labelled(pictures, classifier.card.classes)
    resized = partial(prepare_again, data, pictures.ids[rows].tolist())
    return check_inputs(classifier, pictures.pictures[rows], labels, resized)


def _labelled(pictures: Dataset, classes: tuple[str, ...]) -> tuple[Ints, Ints]:
    """Rows with a class of the classifier, at most MOST, and its index there."""
    place = {name: index for index, name in enumerate(classes)}
    by_label = np.array([place.get(name, -1) for name in pictures.labelset.names])
    labels: Ints = np.where(pictures.labels >= 0, by_label[pictures.labels], -1)
    rows = np.flatnonzero(labels >= 0)
    if len(np.unique(labels[rows])) < 2:
        cause = f"no pictures of two classes of the classifier ({', '.join(classes)})"
        remedy = f"name its classes as the data do ({', '.join(pictures.labelset.names)}), with --classes"
        raise DataError(cause, place=f"--check {pictures.name}", remedy=remedy)
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    return rows, labels[rows]
