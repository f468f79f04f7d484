"""Probabilities that were computed elsewhere, as a classifier: rows are known by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer, TableSpec
from mien.data.answer_layout import AnswerColumns
from mien.data.answers import Answers, read_answers
from mien.errors import DataError
from mien.types import LOG_PROBS, FeatureRequest, Outputs, digest


class TableClassifier:
    """A table of outputs, in which every batch is looked up by its ids.

    A table of other rows is the same classifier where it has the same classes, features and name. Whether the same
    weights gave its answers cannot be seen in it; a name that changes with the weights makes up for that.

    Parameters
    ----------
    table : probabilities, features and ids of all rows that can be asked for.
    classes : the K class names.
    inputs : what stands for a row: by default its id alone; images, where the ids are those of image files.
    columns : the names of the features' columns, and of the classifier; by default the columns are numbered.

    Examples
    --------
    >>> table = Outputs(["a.png", "b.png"], [[0.9, 0.1], [0.2, 0.8]])
    >>> classifier = TableClassifier(table, ["calm", "fear"])
    >>> classifier.outputs(Batch(np.empty((1, 0)), ["b.png"])).predicted
    array([1])
    """

    def __init__(
        self,
        table: Outputs,
        classes: Sequence[str],
        inputs: ImageSpec | TableSpec = TableSpec(),  # noqa: B008 -- frozen
        columns: AnswerColumns | None = None,
    ) -> None:
        self.table, self.classes, self.inputs = table, tuple(classes), inputs
        self.columns = columns or AnswerColumns(self.classes, [  # type: ignore[arg-type]  # becomes a tuple
            (name, range(values.shape[1])) for name, values in sorted(table.vectors.items())])  # fmt: skip
        self._order = np.argsort(table.ids)

    @cached_property
    def card(self) -> ClassifierCard:
        """The id is a digest of classes, features and name: equal for tables of other rows."""
        maps = [(name, *values.shape[1:]) for name, values in sorted(self.table.maps.items())]
        known = tuple(self.table.known.tolist())
        identity = digest("table", self.classes, known, self.columns.vectors, self.columns.name, maps)
        layers = [Layer(name, values.shape[1:], "vector") for name, values in self.table.vectors.items()]
        layers += [Layer(name, values.shape[2:], "map") for name, values in self.table.maps.items()]
        return ClassifierCard(identity, self.classes, known, self.inputs, tuple(layers))

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """The rows of these ids; DataError where one is not in the table."""
        batch.checked(self.card, request)
        place = np.searchsorted(self.table.ids, batch.ids, sorter=self._order)
        rows = self._order[np.minimum(place, len(self._order) - 1)]
        absent = self.table.ids[rows] != batch.ids
        if absent.any():
            cause = f"has no row {str(batch.ids[absent][0])!r} ({int(absent.sum())} of {len(batch)} are missing)"
            raise DataError(cause, place="TableClassifier", remedy="give a table with a row for each id")
        outputs = self.table.take(rows)
        vectors = {name: values for name, values in outputs.vectors.items() if request.matches(name)}
        maps = {name: outputs.maps[name] for name in request.maps}
        return Outputs(outputs.ids, outputs.probs, outputs.known, vectors, maps)


def of_answers(answers: Answers, name: str = "") -> TableClassifier:
    """The classifier that gave the answers of a table. Beside its features, it shows the log-probabilities.

    Parameters
    ----------
    name : of the classifier and its version, which should change whenever its weights do; "" for none.
    """
    columns, outputs = replace(answers.columns, name=name), answers.outputs
    if outputs.vectors:  # without features, correctors read the log-probabilities anyway
        outputs = outputs.with_features({LOG_PROBS: outputs.log_probs})
    return TableClassifier(outputs, columns.classes, columns=columns)


def open_table(source: str | Path, name: str = "") -> TableClassifier:
    """The classifier that gave the answers in a CSV, TSV, Parquet or NPZ file, see `mien.data.answers`."""
    return of_answers(read_answers(Path(source)), name)
