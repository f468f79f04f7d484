"""Heat maps as files, such as one for each picture whose answer a patch changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mien.classifiers.contract import Batch
from mien.data.heat import heat_map_image
from mien.data.views import as_png
from mien.deploy.explaining import heat_maps
from mien.deploy.predictor import Predictor
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
    """Heat maps as files in a folder.

    Attributes
    ----------
    predictor : which answers. folder : made with the first map.
    """

    predictor: Predictor
    folder: Path

    def write(self, batch: Batch) -> dict[str, str]:
        """Write a PNG for each picture, and return the file of each id.

        Parameters
        ----------
        batch : pictures in the form that the classifier reads, such as `Predictions.changed`.

        Raises
        ------
        UsageError : the classifier reads no pictures. StorageError : a file cannot be written.
        """
        explained = heat_maps(self.predictor, batch)
        files = {}
        for name, pixels, heat in zip(explained.ids, batch.data, explained.maps, strict=True):
            content = as_png(np.asarray(heat_map_image(pixels, heat)))
            path = self.folder / explanation_file(name)
            write_atomic(path, partial(_write, content))
            files[name] = str(path)
        return files


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def explanation_file(name: str) -> str:
    """File name of the map of a row, on any system.

    >>> explanation_file("photos/a.jpg"), explanation_file("clip.mp4#t=1.500")
    ('photos%2fa.jpg.png', 'clip.mp4#t=1.500.png')
    """
    safe = file_name(name)
    if len(safe.encode(errors="surrogateescape")) > LONGEST:
        safe = f"{digest(name)}-{file_name(name[-LONGEST // 4 :])}"
    return f"{safe}{SUFFIX}"
