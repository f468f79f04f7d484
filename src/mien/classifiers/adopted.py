"""The folder of a classifier from elsewhere: its file, and what its user declares of it, in classifier.json."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mien.classifiers.cache import FOLDER
from mien.classifiers.contract import ImageSpec, TableSpec
from mien.classifiers.declaration import Declaration
from mien.classifiers.declare import InputSettings, declare
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.graph import Graph, LayerInfo
from mien.classifiers.tensors import TensorSpec
from mien.errors import AlignmentError, RunError, UsageError, choice_error
from mien.storage.artifact import Artifact
from mien.storage.files import Record, as_storage_error, storage_errors
from mien.storage.folders import appearing
from mien.storage.layout import ADOPTED, APPLIED

CLASSIFIER = Artifact("classifier", ADOPTED, 1, "mien adopt")
REMEDY = "adopt the classifier again: mien adopt"
FILES = {".onnx": "onnx", ".skops": "estimator"}
"""Ending of a file → kind of model."""
CODE = ("torch", "function")
"""Kinds of models that need code from outside mien, which the user names each time: no file may choose it."""


def open_graph(source: str, weights: Path | None = None) -> tuple[str, Graph]:
    """The model that a source names, and its kind.

    Parameters
    ----------
    source : an ONNX or skops file; module:factory of a torch module; module:function of a Python function.
    weights : of the torch module.

    Raises
    ------
    UsageError : no such kind of source. RunError : a file that is missing or damaged.
    """
    kind = FILES.get(Path(source).suffix.lower())
    if kind == "onnx":
        from mien.classifiers.onnx_graph import OnnxGraph

        return kind, OnnxGraph(Path(source))
    if kind == "estimator":
        from mien.classifiers.estimator_graph import EstimatorGraph

        return kind, EstimatorGraph(Path(source))
    module, _, name = source.partition(":")
    if not name or not module or "/" in module:
        cause = "is no model that can be adopted"
        remedy = (
            "give an ONNX or skops file, module:factory of a torch module with --weights FILE, or module:function; "
            "pickles are never opened: export the model to ONNX"
        )
        raise UsageError(cause, place=source, remedy=remedy)
    return _of_code(source, weights)


def open_model(source: Any, weights: Path | None = None, **declared: Any) -> ForeignClassifier:
    """A classifier of a model from elsewhere, which is kept nowhere.

    Parameters
    ----------
    source : see `open_graph`; or a torch module.
    declared : fields of `mien.classifiers.declare.InputSettings`.

    Raises
    ------
    UsageError : a field that there is not; something is neither declared nor in the file, or does not fit the model.
    """
    names = [field.name for field in fields(InputSettings)]
    for name in declared:
        if name not in names:
            raise choice_error("setting", name, names, place="open_model")
    if isinstance(source, str | Path):
        _, graph = open_graph(str(source), weights)
    else:
        from mien.classifiers.torch_graph import TorchGraph

        graph = TorchGraph(source, weights)
    return ForeignClassifier(graph, declare(graph, InputSettings(**declared)).declaration)


def _of_code(source: str, weights: Path | None) -> tuple[str, Graph]:
    """A torch module, where the name makes one, else a function."""
    from mien.classifiers.function_graph import FunctionGraph

    if weights is not None or _makes_module(source):
        from mien.classifiers.torch_graph import TorchGraph

        return "torch", TorchGraph(source, weights)
    return "function", FunctionGraph(source)


def _makes_module(source: str) -> bool:
    """Whether a name is of a torch module, or of a class of them; functions are not called to find out."""
    import sys

    from mien.classifiers.function_graph import FunctionGraph

    target = FunctionGraph(source).function
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    kind = target if isinstance(target, type) else type(target)
    return issubclass(kind, torch.nn.Module)


def save_adopted(classifier: ForeignClassifier, folder: Path, about: dict[str, Any]) -> None:
    """Write a folder with the files of a classifier and what is declared of it; it appears at once.

    A folder that has the same classifier already stays as it is, with what was made beside it.

    Parameters
    ----------
    about : kind, source, and whatever else is to be shown.

    Raises
    ------
    RunError : the folder has another classifier with a patch. StorageError : it cannot be written.
    """
    card, graph, declared = classifier.card, classifier.graph, classifier.declared
    if (folder / ADOPTED).exists():
        if CLASSIFIER.read(folder, REMEDY)["id"] == card.id:
            return
        if (folder / APPLIED).exists():
            remedy = f"give another folder, or take the patch away first: mien patch remove {folder}"
            raise RunError("has another classifier, with a patch", place=str(folder), remedy=remedy)
    files = dict(zip(_names(getattr(graph, "files", ())), getattr(graph, "files", ()), strict=True))
    taken = [name for name in files if name.partition("/")[0] in (ADOPTED, APPLIED, FOLDER)]
    if taken:
        remedy = "save the model again, with its data in a file of another name"
        raise UsageError("has a name that mien needs for its own files", place=str(files[taken[0]]), remedy=remedy)
    content = {
        **about, "id": card.id, "files": list(files), "classes": declared.classes,
        "inputs": asdict(declared.inputs), "reads": "images" if isinstance(declared.inputs, ImageSpec) else "table",
        "output": declared.output, "answers": declared.answers, "layers": [asdict(layer) for layer in declared.layers],
        "own_features": declared.own_features,
    }  # fmt: skip
    with storage_errors(folder), appearing(folder, stale=0) as new:
        for name, file in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, new / name)
        CLASSIFIER.write(new, content)


def open_adopted(folder: Path, base: str | None = None) -> ForeignClassifier:
    """The classifier in a folder that `mien adopt` wrote.

    Parameters
    ----------
    base : module:Name of its code, where it has any.

    Raises
    ------
    RunError : the folder is damaged, or its files are others than those that were adopted. UsageError : its code is not
        named.
    """
    stored = CLASSIFIER.read(folder, REMEDY)
    with as_storage_error(folder / ADOPTED, REMEDY):
        kind, files = str(stored["kind_of_model"]), [_inside(folder, str(name)) for name in stored["files"]]
        try:
            declared = _declared(stored)
        except (UsageError, AlignmentError) as error:
            raise ValueError(error.cause) from None
    if kind in CODE and not base:
        cause = "needs code from outside mien"
        raise UsageError(cause, place=str(folder), remedy=f"name it again: --base {stored['source']}")
    graph = _opened(kind, files, base or "")
    classifier = ForeignClassifier(graph, declared, None, folder)
    if kind in CODE:
        classifier.cache_folder = None  # the code may give other answers the next time
    if classifier.card.id != stored["id"]:
        cause = "its files, or its declaration, are not those that were adopted"
        raise RunError(cause, place=str(folder), remedy=REMEDY)
    return classifier


def stored_kind(folder: Path) -> str:
    """The kind of model in a folder that `mien adopt` wrote; RunError where it is damaged."""
    with as_storage_error(folder / ADOPTED, REMEDY):
        return str(CLASSIFIER.read(folder, REMEDY)["kind_of_model"])


def _opened(kind: str, files: list[Path], base: str) -> Graph:
    makers: dict[str, Callable[[], Graph]] = {
        "onnx": lambda: open_graph(str(files[0]))[1],
        "estimator": lambda: open_graph(str(files[0]))[1],
        "torch": lambda: _of_code(base, files[0] if files else None)[1],
        "function": lambda: _of_code(base, None)[1],
    }
    if kind not in makers or (kind in FILES.values() and not files):
        raise RunError(f"is of an unknown kind {kind!r}", place="classifier.json", remedy=REMEDY)
    return makers[kind]()


def _declared(stored: Record) -> Declaration:
    inputs = dict(stored.part("inputs"))
    if stored["reads"] == "images":
        spec: ImageSpec | TableSpec = ImageSpec(**{**inputs, "tensor": TensorSpec(**inputs["tensor"])})
    else:
        spec = TableSpec(**inputs)
    layers = tuple(LayerInfo(**{**layer, "shape": tuple(layer["shape"])}) for layer in stored["layers"])
    alone = bool(stored.get("own_features", False))  # earlier versions had none
    return Declaration(tuple(stored["classes"]), spec, stored["output"], stored["answers"], layers, alone)


def _names(files: Sequence[Path]) -> list[str]:
    """Where files lie, seen from the folder of the first: a model finds the data beside it by that."""
    return [file.name if file == files[0] else file.relative_to(files[0].parent.resolve()).as_posix() for file in files]


def _inside(folder: Path, name: str) -> Path:
    """A file of the folder; ValueError for a name that leads out of it."""
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} lies outside the folder")
    return file
