"""Label pictures with model.onnx: `python predict.py PICTURE...` (pip install numpy onnxruntime pillow).

It reads files as mien does: upright, grey or RGB, in a square of the size that the model reads, with its order of
colours, axes and scaling.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def read(path: str, inputs: dict) -> np.ndarray:
    """Read a picture file as (S, S) or (S, S, 3) uint8, padded, cropped or stretched to a square."""
    size, resampling = inputs["size"], Image.Resampling[inputs["resample"].upper()]
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image.convert("RGBA"))
    image = image.convert("RGB").convert("RGB" if inputs["colour"] else "L")
    if image.size == (size, size):
        return np.array(image)
    if inputs["resize_mode"] == "stretch":
        return np.array(image.resize((size, size), resampling))
    if inputs["resize_mode"] == "crop":
        return np.array(ImageOps.fit(image, (size, size), resampling))
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = np.asarray(image.resize((width, height), resampling))
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    pixels = np.empty((size, size, *small.shape[2:]), np.uint8)
    pixels[:] = np.rint(edge.mean(0))
    top, left = (size - height) // 2, (size - width) // 2
    pixels[top : top + height, left : left + width] = small
    return pixels


def prepared(pixels: np.ndarray, inputs: dict) -> np.ndarray:
    """One picture of `read` as the array that the model reads: order of colours, scaling, axes, type."""
    tensor = inputs.get("tensor")
    if not tensor:
        return pixels[None]
    values = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], tensor["channels"], axis=2)
    if tensor["dtype"] != "uint8":
        values = (values.astype(np.float32) - np.float32(tensor["subtract"])) / np.float32(tensor["divide"])
    if tensor["scaling"] == "standardised":
        values = values - values.mean()
        values = values / max(values.std(), 1e-6)
    if tensor["order"] == "bgr":
        values = values[..., ::-1]
    values = {"nchw": values.transpose(2, 0, 1), "nhw": values[..., 0], "flat": values.ravel()}.get(
        tensor["layout"], values
    )
    return np.ascontiguousarray(values[None], tensor["dtype"])


def main(paths: list) -> None:
    """Print a line of JSON for each picture."""
    session = onnxruntime.InferenceSession(str(Path(__file__).with_name("model.onnx")))
    facts = session.get_modelmeta().custom_metadata_map
    classes, inputs = json.loads(facts["classes"]), json.loads(facts["inputs"])
    names = [output.name for output in session.get_outputs()]
    for path in paths:
        values = session.run(None, {inputs["name"]: prepared(read(path, inputs), inputs)})
        answers = dict(zip(names, (value[0] for value in values)))
        chances = answers["probabilities"].tolist()
        row = {"file": path, "label": classes[int(np.argmax(chances))]}
        if "corrected" in answers:
            corrected = int(answers["corrected"])
            row["corrected"] = None if corrected < 0 else classes[corrected]
            row["overridden"] = bool(answers["overridden"])
            row["score"] = float(answers["score"])
        row["probabilities"] = {name: round(value, 6) for name, value in zip(classes, chances)}
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
