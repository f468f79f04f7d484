"""A plain endpoint, as a user writes it first: FastAPI, Pillow and ONNX Runtime. PLAIN_MODEL names the ONNX file."""

import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, UploadFile
from PIL import Image

CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
app = FastAPI()
session = onnxruntime.InferenceSession(os.environ["PLAIN_MODEL"])
[given] = session.get_inputs()
side, floats = given.shape[-1], given.type == "tensor(float)"


@app.post("/predict")
def predict(file: UploadFile) -> dict[str, object]:
    image = Image.open(file.file).convert("L").resize((side, side), Image.Resampling.BILINEAR)
    grey = np.asarray(image)
    array = (grey.astype(np.float32) / 127.5 - 1)[None, None] if floats else grey[None]
    [probabilities] = session.run(None, {given.name: array})[0]
    return {
        "label": CLASSES[int(probabilities.argmax())],
        "probabilities": dict(zip(CLASSES, probabilities.tolist(), strict=True)),
    }
