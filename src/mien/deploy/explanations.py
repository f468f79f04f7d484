"""Heat maps as files: one for each picture whose answer a patch changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.classifiers.contract import Batch
from mien.data.heat import heat_map_image
from mien.data.views import as_png
from mien.deploy.explaining import heat_maps
from mien.deploy.predictor import Predictions, Predictor
from mien.storage.files import write_atomic
from mien.storage.layout import file_name
from mien.types import digest

COLUMN = "explanation"
"""Column of a log with the file of a picture's heat map."""
LONGEST = 150
"""Characters of a file's name; of longer ids the end is kept, and a digest tells them apart."""
SUFFIX = ".png"


@dataclass(frozen=True)
class Explanations:
    """Writes heat maps of overridden pictures into a folder.

    Attributes
    ----------
    predictor : which answered. folder : made with the first map.
    """

    predictor: Predictor
    folder: Path

    def write(self, batch: Batch, answers: Predictions | None = None) -> dict[str, str]:
        """Write a PNG for each overridden picture of a batch, and return the file of each id.

        Parameters
        ----------
        batch : pictures in the form that the classifier reads. answers : to them, where they are there already.

        Raises
        ------
        UsageError : the classifier reads no pictures. StorageError : a file cannot be written.
        """
        decision = (self.predictor.answer(batch) if answers is None else answers).decision
        changed = batch.take(np.flatnonzero(np.isin(batch.ids, decision.ids[decision.overridden])))
        explained = heat_maps(self.predictor, changed)
        files = {}
        for name, pixels, heat in zip(explained.ids, changed.data, explained.maps, strict=True):
            content = as_png(np.asarray(heat_map_image(pixels, heat)))
            path = self.folder / explanation_file(name)
            write_atomic(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
            files[name] = str(path)
        return files


def explanation_file(name: str) -> str:
    """File name of the map of a row, on any system.

    >>> explanation_file("photos/a.jpg"), explanation_file("clip.mp4#t=1.500")
    ('photos%2fa.jpg.png', 'clip.mp4#t=1.500.png')
    """
    safe = file_name(name)
    if len(safe.encode(errors="surrogateescape")) > LONGEST:
        safe = f"{digest(name)}-{file_name(name[-LONGEST // 4 :])}"
    return f"{safe}{SUFFIX}"
