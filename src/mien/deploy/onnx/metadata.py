"""What an exported graph holds for its readers: classes, thresholds, certificate, fingerprints, parity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien.classifiers.contract import ImageSpec, TableSpec
from mien.deploy.onnx.nodes import onnx_library
from mien.errors import RunError
from mien.storage.files import to_json
from mien.types import plain

KIND, FORMAT = "mien", "1"
LONGEST = 200_000
"""Characters of a value that are read; graphs come from anywhere."""
REMEDY = "export it again with mien export"


def with_metadata(model: Any, facts: Mapping[str, Any]) -> Any:
    """The model with these facts, each as a text or as JSON, and the number of their format."""
    values = {KIND: FORMAT, **{name: value if isinstance(value, str) else to_json(value, None)
                               for name, value in facts.items()}}  # fmt: skip
    onnx_library().helper.set_model_props(model, values)
    return model


def input_facts(inputs: ImageSpec | TableSpec, name: str) -> dict[str, Any]:
    """How a row is prepared for a graph, in words and so that a program can do it.

    Parameters
    ----------
    name : of the input of the graph.
    """
    facts = {"name": name, **asdict(inputs), "words": str(inputs)}
    tensor = inputs.tensor if isinstance(inputs, ImageSpec) else None
    if tensor is None:
        return facts
    subtract, divide = tensor.shift_and_factor
    return {**facts, "tensor": {**asdict(tensor), "subtract": subtract, "divide": divide}}


def read_metadata(path: Path) -> dict[str, Any]:
    """The facts in an exported graph. Nothing is computed, and no other file is read.

    Raises
    ------
    RunError : no such file, no ONNX graph, or none that mien exported.
    """
    library = onnx_library()
    try:
        model = library.load_model(path, load_external_data=False)
    except FileNotFoundError:
        raise RunError("no such file", place=str(path), remedy=REMEDY) from None
    except OSError as error:
        raise RunError(f"cannot be read: {error.strerror or error}", place=str(path), remedy=REMEDY) from None
    except Exception:  # protobuf's errors have no common base in its versions
        raise RunError("is no ONNX graph, or a damaged one", place=str(path), remedy=REMEDY) from None
    values = {plain(entry.key): entry.value for entry in model.metadata_props}
    if values.pop(KIND, None) is None:
        raise RunError("was not exported by mien", place=str(path), remedy=REMEDY)
    return {name: _value(text) for name, text in values.items() if len(text) <= LONGEST}


def _value(text: str) -> Any:
    """What a text stands for: JSON, or itself."""
    try:
        return json.loads(text) if text[:1] in '[{"-0123456789tfn' else text
    except (ValueError, RecursionError):
        return text
