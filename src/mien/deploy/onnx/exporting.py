"""Write a classifier, with its patch, as one ONNX graph that is checked against mien and certified as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mien.certify.calibration_set import CalibrationSet
from mien.classifiers.borrowing import without_borrowed
from mien.classifiers.contract import Batch, Classifier, GraphClassifier
from mien.classifiers.onnx_sessions import LARGEST
from mien.deploy.onnx.graph import composed, corrector_graph, features_read, rounded_up
from mien.deploy.onnx.metadata import input_facts, with_metadata
from mien.deploy.onnx.nodes import PROBABILITIES, onnx_library
from mien.deploy.onnx.parity import Parity, answers_in_full_precision, compare, compare_probabilities, in_full_precision
from mien.deploy.onnx.pictures import Compared, calibration_pictures, rows_to_compare
from mien.deploy.onnx.session import Arrays, Session, write_model
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


def export_graph(predictor: Predictor, *, patch_only: bool = False, check: Any = "") -> Exported:
    """A classifier, with its patch if it has one, as an ONNX graph.

    The graph of a network of mien reads `pictures` (N, H, W) or (N, H, W, 3) uint8; that of an ONNX file reads what
    the file reads, and keeps its outputs. It gives f's `probabilities` and, with a patch, `corrected` (class, −1 for
    none), `overridden`, `score`, and `suggested`. Thresholds are certified again on its own scores, where the
    calibration pictures can be read.

    Parameters
    ----------
    patch_only : whether the graph has the corrector alone, and reads f's probabilities and layers.
    check : a data set whose pictures it is compared on, drawn faces by default; or rows as `as_batch` takes them, for a
        classifier of tables random ones by default.

    Raises
    ------
    UsageError : the classifier or a corrector cannot be exported. RunError : the graph decides otherwise than mien.
    MissingExtraError : without the packages onnx and onnxruntime.
    """
    classifier, patch = predictor.source, predictor.patch
    if patch_only and patch is None:
        raise UsageError("there is no patch", place="--patch-only", remedy="name one with --patch")
    if not patch_only and not isinstance(classifier, GraphClassifier):
        cause = f"a classifier of type {type(classifier).__name__} cannot become an ONNX graph"
        remedy = "give a network that mien trained, or an ONNX file; or export the corrector alone: --patch-only"
        raise UsageError(cause, place="--onnx", remedy=remedy)
    compared = rows_to_compare(classifier, check)
    if patch is not None:
        return _Corrected(classifier, patch, compared, patch_only).exported()
    assert isinstance(classifier, GraphClassifier)
    return _without_patch(classifier, compared)


def _without_patch(classifier: GraphClassifier, compared: Compared) -> Exported:
    model = classifier.as_onnx(ALONE)
    outputs, _ = answers_in_full_precision(Predictor(classifier), compared.batch)
    parity = compare_probabilities(outputs, Session(model).answer(classifier, compared.batch), compared.source)
    facts = {"kind": "classifier", **_facts(classifier, model), "parity": asdict(parity)}
    return Exported(_checked(with_metadata(model, facts)), facts, parity)


@dataclass(frozen=True)
class _Corrected:
    """The export of a classifier with a patch."""

    classifier: Classifier
    patch: Patch
    compared: Compared
    patch_only: bool

    def exported(self) -> Exported:
        template = self._outputs(self.compared.batch.take(np.arange(1)))
        patch, calibration = self._certified_again(template)
        model = self._graph(template, patch)
        outputs, decision = answers_in_full_precision(Predictor(self.classifier, patch), self.compared.batch)
        answers = self._answers(model, self.compared.batch, outputs)
        if not self.patch_only:
            self._check_untouched(answers)
        parity = compare(patch, outputs, decision, answers, self.compared.source)
        facts = {
            "kind": "corrector" if self.patch_only else "corrected classifier",
            **_facts(self.classifier, model), **self._patch_facts(patch), "calibration": calibration,
            "parity": asdict(parity),
        }  # fmt: skip
        return Exported(_checked(with_metadata(model, facts)), facts, parity, calibration)

    def _outputs(self, batch: Batch) -> Outputs:
        """What mien reads out for the patch, in float32."""
        predictor = Predictor(self.classifier, self.patch)
        with in_full_precision(predictor):
            return predictor.outputs(batch)

    def _graph(self, template: Outputs, patch: Patch) -> Any:
        """The graph that is exported: of the corrector, or of the classifier with the corrector."""
        g = corrector_graph(patch, template, len(self.classifier.card.classes))
        if self.patch_only:
            return g
        assert isinstance(self.classifier, GraphClassifier)
        return composed(self.classifier.as_onnx(features_read(g)), g)

    def _answers(self, model: Any, batch: Batch, outputs: Outputs | None = None) -> Arrays:
        """What a graph answers for a batch, beside f or, for a corrector alone, from what mien reads out of f."""
        session = Session(model)
        if not self.patch_only:
            assert isinstance(self.classifier, GraphClassifier)
            return session.answer(self.classifier, batch)
        outputs = self._outputs(batch) if outputs is None else outputs
        probs = outputs.probs[:, : len(self.classifier.card.classes)]
        vectors = {f"features/{name}": values for name, values in outputs.vectors.items()}
        maps = {f"maps/{name}": values for name, values in outputs.maps.items()}
        values = {PROBABILITIES: probs, **vectors, **maps}
        feeds = {name: np.asarray(values[name], np.float32) for name in session.inputs}
        return {PROBABILITIES: probs, **session.run(feeds)}

    def _certified_again(self, template: Outputs) -> tuple[Patch, str]:
        """The patch with the graph's own scores for its calibration pictures, where these can be read."""
        batch, reason = calibration_pictures(self.classifier, self.patch)
        if batch is None:
            return self.patch, f"thresholds of the patch, rounded up to float32, not certified again: {reason}"
        answers = self._answers(self._graph(template, self.patch), batch)
        probs, before = answers[PROBABILITIES], self.patch.calibration
        calibration = CalibrationSet(
            before.truth, probs.argmax(1), answers["score"].astype(np.float64), answers["suggested"],
            before.groups, before.ids, None if before.confidence is None else probs.max(1), before.weights,
        )  # fmt: skip
        return replace(self.patch, calibration=calibration), (
            f"thresholds certified on the graph's own scores of the {len(calibration)} calibration pictures"
        )

    def _check_untouched(self, answers: Arrays) -> None:
        """Hold all outputs of f against those of f alone, bit by bit."""
        assert isinstance(self.classifier, GraphClassifier)
        alone = Session(self.classifier.as_onnx(ALONE)).answer(self.classifier, self.compared.batch)
        for name, values in alone.items():
            if not np.array_equal(values, answers[name], equal_nan=values.dtype.kind == "f"):
                raise UsageError(
                    f"the patch changes bits of the classifier's output {name!r} in this version of ONNX Runtime",
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


def _facts(classifier: Classifier, model: Any) -> dict[str, Any]:
    """What is known of the classifier, and of the export."""
    card, opset = classifier.card, next(entry.version for entry in model.opset_import if not entry.domain)
    return {
        "classes": card.classes, "known": card.known, "inputs": input_facts(card.inputs, model.graph.input[0].name),
        "outputs": [value.name for value in model.graph.output], "opset": opset,
        "classifier": without_borrowed(classifier).card.id,
        "exported": now(), "version": version("mien"),
    }  # fmt: skip


def _checked(model: Any) -> Any:
    """The model, found valid by ONNX's own checks."""
    if model.ByteSize() <= LARGEST:
        onnx_library().checker.check_model(model, full_check=True)
    return model
