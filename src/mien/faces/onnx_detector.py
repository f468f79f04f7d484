"""Any detector in an ONNX file that gives boxes in one of two common forms."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import DataError, MissingExtraError
from mien.faces.boxes import suppress
from mien.faces.contract import Detections, Image
from mien.faces.fitting import opencv
from mien.faces.sessions import Sessions
from mien.outside import words
from mien.types import Floats

OVERLAP, FLOOR = 0.4, 0.3
SIDE = 320
"""Height and width where the file leaves them open."""
FORMS = (
    "(N, 5) or (N, 6): left, top, right, bottom in pixels of the input, confidence; or two outputs, boxes (1, N, 4) as "
    "shares of the input and confidences (1, N, 2) of background and face"
)
REMEDY = f"give a file with one image (1, 3, H, W) as input, and as output {FORMS}"


@dataclass(frozen=True)
class Declared:
    """What a file cannot state about its input; from the file of the same name with the ending .json.

    Attributes
    ----------
    scaling : values of black and white. colours : "rgb" or "bgr".
    """

    scaling: tuple[float, float] = (-1.0, 1.0)
    colours: str = "rgb"

    @classmethod
    def beside(cls, path: Path) -> Declared:
        """Read {"scaling": [0, 255], "colours": "bgr"}; DataError where it is something else."""
        file = path.with_suffix(".json")
        if not file.is_file():
            return cls()
        try:
            fields = json.loads(file.read_text(encoding="utf-8"))
            low, high = fields.get("scaling", (-1.0, 1.0))
            declared = cls((float(low), float(high)), str(fields.get("colours", "rgb")))
        except (OSError, ValueError, TypeError, AttributeError):
            declared = cls(colours="")
        if declared.colours not in ("rgb", "bgr"):
            raise DataError("declares no input", place=str(file), remedy='write {"scaling": [-1, 1], "colours": "rgb"}')
        return declared


class OnnxDetector:
    """A face detector in an ONNX file, with final boxes, or with boxes and confidences as UltraFace gives them.

    Images are stretched to the size of its input. Overlapping boxes are reduced to the most confident one.

    Parameters
    ----------
    path : of the file. declared : how it reads colours; by default RGB from −1 to 1, unless a .json beside it differs.

    Raises
    ------
    DataError : the file is no ONNX model, or its input or outputs have another form.
    """

    def __init__(self, path: Path, declared: Declared | None = None) -> None:
        self.declared = declared or Declared.beside(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", place=str(path), remedy=REMEDY) from None
        self._place, self._sessions = str(path), Sessions(content)
        self.name = f"onnx {hashlib.sha256(content).hexdigest()[:16]}"
        session = self._session()
        inputs = session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[1] != 3 or "float" not in inputs[0].type:
            raise self._refusal(f"has the inputs {[(item.shape, item.type) for item in inputs]}")
        height, width = (side if isinstance(side, int) else SIDE for side in inputs[0].shape[2:])
        self._input, self._size = inputs[0].name, (width, height)
        self.detect(np.zeros((height, width, 3), np.uint8))

    def detect(self, image: Image) -> Detections:
        """The faces in an image, the most confident first."""
        cv2 = opencv()
        pixels = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA).astype(np.float32)
        low, high = self.declared.scaling
        pixels = pixels / 255 * (high - low) + low
        if self.declared.colours == "bgr":
            pixels = pixels[..., ::-1]
        values = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
        boxes, confidences = self._boxes(self._run(values))
        chosen = np.flatnonzero(confidences > FLOOR)
        factor = np.tile(np.array(image.shape[1::-1]) / self._size, 2)
        detections = Detections(boxes[chosen] * factor, np.clip(confidences[chosen], 0, 1))
        return detections.take(suppress(detections.boxes, detections.confidences, OVERLAP))

    def _run(self, values: Any) -> list[Any]:
        try:
            return list(self._session().run(None, {self._input: values}))
        except Exception as error:  # the runtime raises its own kinds
            raise self._refusal(f"cannot be computed: {words(error)}") from None

    def _boxes(self, outputs: list[Any]) -> tuple[Floats, Floats]:
        """(N, 4) boxes in pixels of the input, and (N,) confidences."""
        arrays = [np.asarray(output, np.float64) for output in outputs]
        arrays = [array[0] if array.ndim == 3 and len(array) == 1 else array for array in arrays]
        if len(arrays) == 1 and arrays[0].ndim == 2 and arrays[0].shape[1] in (5, 6):
            return arrays[0][:, :4], arrays[0][:, 4]
        widths = {array.shape[1]: array for array in arrays if array.ndim == 2}
        if len(arrays) == 2 and set(widths) == {2, 4} and len(widths[2]) == len(widths[4]):
            return widths[4] * np.tile(np.array(self._size, np.float64), 2), widths[2][:, 1]
        raise self._refusal(f"has outputs of the shapes {[array.shape for array in arrays]}")

    def _refusal(self, cause: str) -> DataError:
        return DataError(f"is no detector of a form that is read here: it {cause}", place=self._place, remedy=REMEDY)

    def _session(self) -> Any:
        try:
            return self._sessions.get()
        except MissingExtraError:
            raise
        except Exception as error:  # the runtime raises its own kinds
            raise self._refusal(f"cannot be opened: {words(error)}") from None
