"""Why a picture has its answer: the parts of it that carry the answer, and the labelled pictures most alike."""

from __future__ import annotations

import logging
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import Batch, Classifier
from mien.data.heat import heat_map_image
from mien.data.views import encoded, png_uri
from mien.deploy.explaining import heat_maps
from mien.deploy.predictor import Predictor
from mien.errors import MienError
from mien.service.neighbours import NeighbourIndex, open_index

log = logging.getLogger("mien.service")
OF_PATCH = "Blurring the outlined parts takes most from the score with which the patch overrides {base} by {final}."
OF_CLASSIFIER = "Blurring the outlined parts takes most from the classifier's own answer, {base}; it is not overridden."
NO_DATA = "The server was started without labelled pictures (--data)."
READING = "The labelled pictures are still being read."


class Reasons:
    """What explains single answers.

    Parameters
    ----------
    classifier : of images. source : of labelled pictures, read in the background; "" for none.
    """

    def __init__(self, classifier: Classifier, source: str = "") -> None:
        self.classifier, self.source = classifier, source
        self.index: NeighbourIndex | None = None
        self.without = READING if source else NO_DATA
        self._turn = threading.Lock()

    def start(self) -> None:
        """Begin to read the labelled pictures."""
        if self.source:
            threading.Thread(target=self._read, name="labelled", daemon=True).start()

    def of(self, pixels: NDArray[np.uint8], predictor: Predictor) -> dict[str, Any]:
        """The reasons for the answer to one picture, one call at a time: each costs some eighty answers.

        Parameters
        ----------
        pixels : as the classifier reads them. predictor : what answers.
        """
        batch = Batch(pixels[None])
        with self._turn:
            predictor.prepare_thread()
            answers = predictor.answer(batch)
            [heat] = heat_maps(predictor, batch, answers).maps
            near = self._nearest(batch)
        decision, classes = answers.decision, predictor.classes
        base, final = int(decision.base[0]), int(decision.final[0])
        words = OF_PATCH if decision.overridden[0] else OF_CLASSIFIER
        shown = classes[final] if final >= 0 else "no answer"
        picture, _ = encoded(heat_map_image(pixels, heat), lossless=2**24)
        return {
            "heat_map": png_uri(picture), "words": words.format(base=classes[base], final=shown), "nearest": near,
            "without_nearest": self.without,
        }  # fmt: skip

    def _nearest(self, batch: Batch) -> list[dict[str, Any]]:
        if self.index is None:
            return []
        near = self.index.nearest(self.classifier.outputs(batch, self.index.request))
        return [
            {"label": str(label), "distance": float(distance), "picture": png_uri(self.index.thumbnail(int(row)))}
            for label, distance, row in zip(near.labels[0], near.distances[0], near.rows[0], strict=True)
        ]

    def _read(self) -> None:
        try:
            self.index, self.without = open_index(self.classifier, self.source), ""
        except MienError as error:
            self.without = f"The labelled pictures cannot be read: {error.cause}."
            log.error("%s", error)
