"""Write a classifier, with its patch, as one ONNX graph that is checked against mien and certified as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.certify.calibration_set import CalibrationSet
from mien.classifiers.contract import Batch, Classifier, GraphClassifier, ImageSpec
from mien.deploy.onnx.graph import composed, corrector_graph, rounded_up
from mien.deploy.onnx.metadata import with_metadata
from mien.deploy.onnx.nodes import OPSET, PROBABILITIES, onnx_library
from mien.deploy.onnx.parity import Parity, answers_in_full_precision, compare, compare_probabilities, in_full_precision
from mien.deploy.onnx.pictures import Compared, calibration_pictures, pictures_to_compare
from mien.deploy.onnx.session import LARGEST, Session, write_model
from mien.deploy.patch import Patch
from mien.deploy.patch_io import now
from mien.deploy.predictor import Predictor
from mien.errors import UsageError
from mien.types import FeatureRequest, Outputs

ALONE = FeatureRequest(vectors=())
"""No feature: what a classifier needs that is not corrected."""


@dataclass(frozen=True)
class Exported:
    """A graph that was compared with mien, not yet written.

    Attributes
    ----------
    model : an `onnx.ModelProto`, with `facts` in its metadata.
    parity : how much its answers differ from mien's. calibration : how its thresholds are certified, in words.
    """

    model: Any
    facts: Mapping[str, Any]
    parity: Parity
    calibration: str = ""

    def write(self, path: Path, largest: int = LARGEST) -> list[Path]:
        """Write it, and return the files: weights above `largest` bytes lie beside the graph.

        Raises
        ------
        UsageError : there is something already. StorageError : it cannot be written.
        """
        check_new(path)
        return write_model(self.model, path, largest)


def check_new(path: Path) -> None:
    """Raise UsageError where a graph, or the weights beside it, would replace something."""
    for place in (path, path.with_name(f"{path.name}.data")):
        if place.exists() or place.is_symlink():
            raise UsageError("exists already", place=str(place), remedy="give another place, or move it away")


def export_graph(predictor: Predictor, *, patch_only: bool = False, check: str = "") -> Exported:
    """A classifier, with its patch if it has one, as an ONNX graph.

    The graph reads `pictures` (N, H, W) or (N, H, W, 3) uint8. It gives f's `probabilities` and, with a patch,
    `corrected` (class, −1 for none), `overridden`, `score`, and `suggested`. Thresholds are certified again on its own
    scores, where the calibration pictures can be read.

    Parameters
    ----------
    patch_only : whether the graph has the corrector alone, and reads f's probabilities and layers.
    check : a data set whose pictures it is compared on; drawn faces by default.

    Raises
    ------
    UsageError : the classifier or a corrector cannot be exported. RunError : the graph decides otherwise than mien.
    MissingExtraError : without the packages onnx and onnxruntime.
    """
    classifier, patch = predictor.classifier, predictor.patch
    if patch_only and patch is None:
        raise UsageError("there is no patch", place="--patch-only", remedy="name one with --patch")
    if not isinstance(classifier, GraphClassifier) or not isinstance(classifier.card.inputs, ImageSpec):
        cause = f"a classifier of type {type(classifier).__name__} cannot become an ONNX graph"
        raise UsageError(cause, place="--onnx", remedy="give a network that mien trained")
    pictures = pictures_to_compare(classifier, check)
    if patch is None:
        return _without_patch(classifier, pictures)
    return _Corrected(classifier, patch, pictures, patch_only).exported()


def _without_patch(classifier: GraphClassifier, pictures: Compared) -> Exported:
    model = classifier.graph(ALONE)
    outputs, _ = answers_in_full_precision(Predictor(classifier), pictures.batch)
    session = Session(model)
    answers = session.run({session.inputs[0]: pictures.batch.data})
    parity = compare_probabilities(outputs, answers, pictures.source)
    facts = {"kind": "classifier", **_facts(classifier), "parity": asdict(parity)}
    return Exported(_checked(with_metadata(model, facts)), facts, parity)


@dataclass(frozen=True)
class _Corrected:
    """The export of a classifier with a patch."""

    classifier: GraphClassifier
    patch: Patch
    pictures: Compared
    patch_only: bool

    def exported(self) -> Exported:
        template = self._outputs(self.pictures.batch.take(np.arange(1)))
        patch, calibration = self._certified_again(template)
        f, model = self._graph(template, patch)
        outputs, decision = answers_in_full_precision(Predictor(self.classifier, patch), self.pictures.batch)
        answers = Session(model).run(self._feeds(model, self.pictures.batch, outputs))
        if not self.patch_only:
            self._check_untouched(f, answers[PROBABILITIES])
        parity = compare(patch, outputs, decision, answers, self.pictures.source)
        facts = {
            "kind": "corrector" if self.patch_only else "corrected classifier",
            **_facts(self.classifier), **self._patch_facts(patch), "calibration": calibration, "parity": asdict(parity),
        }  # fmt: skip
        return Exported(_checked(with_metadata(model, facts)), facts, parity, calibration)

    def _outputs(self, batch: Batch) -> Outputs:
        """What mien reads out for the patch, in float32."""
        request = Predictor(self.classifier, self.patch).request
        with in_full_precision(self.classifier):
            return self.classifier.outputs(batch, request).padded_to(len(self.patch.classes))

    def _graph(self, template: Outputs, patch: Patch) -> tuple[Any, Any]:
        """The graph of f with the layers that g reads, and the graph that is exported."""
        g = corrector_graph(patch, template, len(self.classifier.card.classes))
        if self.patch_only:
            return None, g
        names = [value.name for value in g.graph.input]
        layers = tuple(name.removeprefix("maps/") for name in names if name.startswith("maps/"))
        vectors = tuple(name for name in names if name != PROBABILITIES and not name.startswith("maps/"))
        f = self.classifier.graph(FeatureRequest(vectors=vectors, maps=layers))
        return f, composed(f, g)

    def _feeds(self, model: Any, batch: Batch, outputs: Outputs | None = None) -> Mapping[str, NDArray[Any]]:
        if not self.patch_only:
            return {model.graph.input[0].name: batch.data}
        outputs = self._outputs(batch) if outputs is None else outputs
        maps = {f"maps/{name}": values for name, values in outputs.maps.items()}
        values = {PROBABILITIES: outputs.probs[:, : len(self.classifier.card.classes)], **outputs.vectors, **maps}
        return {value.name: np.asarray(values[value.name], np.float32) for value in model.graph.input}

    def _certified_again(self, template: Outputs) -> tuple[Patch, str]:
        """The patch with the graph's own scores for its calibration pictures, where these can be read."""
        batch, reason = calibration_pictures(self.classifier, self.patch)
        if batch is None:
            return self.patch, f"thresholds of the patch, rounded up to float32, not certified again: {reason}"
        _, model = self._graph(template, self.patch)
        outputs = self._outputs(batch) if self.patch_only else None
        answers = Session(model).run(self._feeds(model, batch, outputs))
        probs = answers[PROBABILITIES] if outputs is None else outputs.probs
        before = self.patch.calibration
        calibration = CalibrationSet(
            before.truth, probs.argmax(1), answers["score"].astype(np.float64), answers["suggested"],
            before.groups, before.ids, None if before.confidence is None else probs.max(1),
        )  # fmt: skip
        return replace(self.patch, calibration=calibration), (
            f"thresholds certified on the graph's own scores of the {len(calibration)} calibration pictures"
        )

    def _check_untouched(self, f: Any, probabilities: NDArray[Any]) -> None:
        """Hold the probabilities against those of f alone, bit by bit."""
        session = Session(self.classifier.graph(ALONE))
        alone = session.run({session.inputs[0]: self.pictures.batch.data})[PROBABILITIES]
        if not np.array_equal(alone, probabilities):
            raise UsageError(
                "the patch changes bits of the classifier's probabilities in this version of ONNX Runtime",
                place="--onnx", remedy="export the two apart: mien export without a patch, and with --patch-only",
            )  # fmt: skip

    def _patch_facts(self, patch: Patch) -> dict[str, Any]:
        certified = patch.certified
        thresholds = rounded_up(certified.thresholds)
        if patch.restraint:
            thresholds, _ = patch.restraint.applied(thresholds, patch.policy.action)
        silent = {name: None for name, value in zip(patch.classes, thresholds, strict=True) if not np.isfinite(value)}
        return {
            "patch": self.patch.id, "correctors": patch.names, "targets": patch.targets,
            "classes": patch.classes, "known": patch.known, "policy": asdict(patch.policy),
            "thresholds": {name: float(value) for name, value in zip(patch.classes, thresholds, strict=True)} | silent,
            "restraint": None if patch.restraint is None else asdict(patch.restraint),
            "certificate": patch.assurance(), "guarantees": [vars(guarantee) for guarantee in certified.guarantees],
        }  # fmt: skip


def _facts(classifier: Classifier) -> dict[str, Any]:
    """What is known of the classifier, and of the export."""
    card = classifier.card
    assert isinstance(card.inputs, ImageSpec)
    return {
        "classes": card.classes, "known": card.known, "inputs": {**asdict(card.inputs), "words": str(card.inputs)},
        "classifier": card.id, "opset": OPSET, "exported": now(), "version": version("mien"),
    }  # fmt: skip


def _checked(model: Any) -> Any:
    """The model, found valid by ONNX's own checks."""
    if model.ByteSize() <= LARGEST:
        onnx_library().checker.check_model(model, full_check=True)
    return model
