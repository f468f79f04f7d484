"""The Open Inference Protocol, version 2, over HTTP and JSON: for tools that already speak it.

Source: KServe, *Open Inference Protocol* (predict protocol, version 2).
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mien.incoming.item import OK
from mien.machine import versions
from mien.serve.asking import rows_of
from mien.serve.bodies import Pictures
from mien.serve.problems import ProblemError
from mien.service.answers import Label
from mien.service.service import Service

NAME = "mien"
"""The name of the one model."""
INPUT = "images"
IMAGE = "image"
"""Output with the number of the picture of each row: one may have several faces, or none."""
PLATFORM = "mien_classifier"
EXAMPLE: dict[str, Any] = {"name": INPUT, "shape": [1, 4, 4], "datatype": "UINT8", "data": [128] * 16}
"""A grey picture of 4 × 4 pixels as a tensor."""
ModelName = Annotated[str, Path(max_length=100)]


class Tensor(BaseModel):
    """A tensor of a request or an answer."""

    name: str = Field(max_length=200)
    shape: list[Annotated[int, Field(ge=0)]] = Field(max_length=8)
    datatype: str = Field(max_length=10)
    data: list[Any]
    parameters: dict[str, Any] = {}


class InferenceRequest(BaseModel):
    """Pictures as one tensor: uint8 pixels, or the content of image files in base64."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [EXAMPLE]}]})
    id: str = Field("", max_length=200)
    inputs: list[Tensor] = Field(max_length=8)
    parameters: dict[str, Any] = {}


def routes(service: Service) -> APIRouter:
    """The routes below /v2."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])

    def check(name: str) -> None:
        if name != NAME:
            raise ProblemError(404, f"there is no model {name!r}", f"ask for {NAME!r}")

    @router.get("")
    def server() -> dict[str, Any]:
        """About the server."""
        return {"name": "mien", "version": versions()["mien"], "extensions": []}

    @router.get("/health/live")
    def live() -> dict[str, bool]:
        """Whether the server runs."""
        return {"live": True}

    @router.get("/health/ready")
    def ready() -> dict[str, bool]:
        """Whether it answers."""
        if service.problem:
            raise ProblemError(503, service.problem)
        return {"ready": True}

    @router.get("/models/{name}")
    def model(name: ModelName) -> dict[str, Any]:
        """Inputs and outputs of the model."""
        check(name)
        return _model(service)

    @router.get("/models/{name}/ready")
    def model_ready(name: ModelName) -> dict[str, Any]:
        """Whether the model answers."""
        check(name)
        return {"name": NAME, **ready()}

    @router.post("/models/{name}/infer")
    async def infer(name: ModelName, request: InferenceRequest) -> dict[str, Any]:
        """Answers for pictures of any size as UINT8 (N, H, W) or (N, H, W, 3), or as files in base64 (BYTES)."""
        check(name)
        return _answer(service, request.id, await _rows(service, request))

    return router


def _model(service: Service) -> dict[str, Any]:
    """Inputs and outputs of the model."""
    spec = service.classifier.card.images
    now = service.in_force.now
    outputs = [
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(now.predictor.classes)]},
        *({"name": each, "datatype": "BYTES", "shape": [-1]} for each in ("label", "corrected", "prediction")),
        {"name": "overridden", "datatype": "BOOL", "shape": [-1]},
        {"name": IMAGE, "datatype": "INT64", "shape": [-1]},
    ]
    inputs = [{"name": INPUT, "datatype": "UINT8", "shape": [-1, *spec.shape]}]
    about = {"name": NAME, "versions": [now.id or "none"], "platform": PLATFORM}
    return {**about, "inputs": inputs, "outputs": outputs}


async def _rows(service: Service, request: InferenceRequest) -> list[dict[str, Any]]:
    """The rows of all pictures with their numbers; the first error of one is raised."""
    images = _images(request, service.settings.max_images)
    patch = request.parameters.get("patch", "")
    if not isinstance(patch, str):
        raise ProblemError(400, "the parameter patch is no text", "give NAME@HASH, or none")
    results = await rows_of(service, Pictures(images, [Label(request.id)] * len(images), patch))
    numbered: list[dict[str, Any]] = []
    for number, rows in enumerate(results):
        if isinstance(rows, Exception):
            raise rows
        numbered += [{**row, IMAGE: number} for row in rows if row["status"] == OK]
    return numbered


def _images(request: InferenceRequest, most: int) -> list[bytes | NDArray[np.uint8]]:
    tensors = [tensor for tensor in request.inputs if tensor.name == INPUT] or request.inputs
    if len(tensors) != 1:
        raise ProblemError(400, f"{len(request.inputs)} inputs", f"give one, named {INPUT!r}")
    [tensor] = tensors
    shape = tensor.shape
    if not shape or not shape[0]:
        raise ProblemError(400, f"the shape {shape} has no picture", f"give 1 to {most} pictures at once")
    if shape[0] > most:
        raise ProblemError(413, f"{shape[0]} pictures in one request", f"give at most {most} at once")
    if tensor.datatype == "BYTES":
        return _files(tensor)
    if tensor.datatype != "UINT8":
        raise ProblemError(400, f"the type {tensor.datatype!r} is not read", "give UINT8 pixels, or BYTES in base64")
    fits = len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)
    if not fits or 0 in shape:
        raise ProblemError(400, f"the shape is {shape}", "give (N, H, W) or (N, H, W, 3)")
    try:
        pixels = np.array(tensor.data)  # nested lists and flat ones
        if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
            raise ValueError("values that are no whole numbers from 0 to 255")
        return list(pixels.astype(np.uint8).reshape(shape))
    except (ValueError, TypeError, OverflowError) as error:
        raise ProblemError(400, f"the data do not fit the shape {shape}: {error}"[:300]) from None


def _files(tensor: Tensor) -> list[bytes | NDArray[np.uint8]]:
    if len(tensor.shape) != 1 or len(tensor.data) != tensor.shape[0]:
        raise ProblemError(400, f"{len(tensor.data)} values for the shape {tensor.shape}", "give one file for each row")
    try:
        return [base64.b64decode(value, validate=True) for value in tensor.data]
    except (binascii.Error, ValueError, TypeError):
        raise ProblemError(400, "the data are no base64", "give the content of image files in base64") from None


def _answer(service: Service, id: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    def tensor(name: str, datatype: str, values: list[Any], *shape: int) -> dict[str, Any]:
        return {"name": name, "datatype": datatype, "shape": [len(rows), *shape], "data": values}

    classes = list(rows[0]["probabilities"]) if rows else list(service.in_force.now.predictor.classes)
    probabilities = [value for row in rows for value in row["probabilities"].values()]
    texts = {name: [row[name] or "" for row in rows] for name in ("label", "corrected", "prediction")}
    patch = rows[0]["patch"] if rows else service.in_force.now.id
    return {
        "model_name": NAME, "model_version": patch or "none", "id": id,
        "parameters": {"classes": classes},
        "outputs": [
            tensor("probabilities", "FP64", probabilities, len(classes)),
            *(tensor(name, "BYTES", values) for name, values in texts.items()),
            tensor("overridden", "BOOL", [row["overridden"] for row in rows]),
            tensor(IMAGE, "INT64", [row[IMAGE] for row in rows]),
        ],
    }  # fmt: skip
