"""Probabilities that were computed elsewhere, as a classifier: rows are known by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer, TableSpec
from mien.errors import DataError
from mien.types import FeatureRequest, Outputs, digest


class TableClassifier:
    """A table of outputs, in which every batch is looked up by its ids.

    Parameters
    ----------
    table : probabilities, features and ids of all rows that can be asked for.
    classes : the K class names.
    inputs : what stands for a row: by default its id alone; images, where the ids are those of image files.

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
    ) -> None:
        self.table, self.classes, self.inputs = table, tuple(classes), inputs
        self._order = np.argsort(table.ids)

    @cached_property
    def card(self) -> ClassifierCard:
        """The id is a digest of the whole table."""
        named = [*self.table.vectors.items(), *self.table.maps.items()]
        identity = digest(
            "table", self.table.ids, self.table.probs, self.classes, *(part for pair in named for part in pair)
        )
        layers = [Layer(name, values.shape[1:], "vector") for name, values in self.table.vectors.items()]
        layers += [Layer(name, values.shape[2:], "map") for name, values in self.table.maps.items()]
        return ClassifierCard(identity, self.classes, tuple(self.table.known.tolist()), self.inputs, tuple(layers))

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
