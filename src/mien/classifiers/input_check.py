"""Whether a classifier from elsewhere is fed as it expects: what is declared is compared with its neighbours.

Most trouble with models from elsewhere lies in their inputs: swapped colours, another scaling, labels in another order.
Each is tried. What is better beyond chance is reported, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from mien.classifiers.contract import Batch, ImageSpec
from mien.classifiers.foreign import Declaration, ForeignClassifier
from mien.classifiers.tensors import LAYOUTS, ORDERS, PER_IMAGE, SCALINGS, TensorSpec
from mien.errors import MienError, UsageError
from mien.types import Bools, FeatureRequest, Ints

ASPECTS = {"scaling": "pixels {}", "order": "colours {}", "layout": "the layout {}"}
"""What is tried → how it is named."""
LEVEL = 0.01
"""Chance of a false suspicion, over all comparisons together (Bonferroni)."""
FOLDS = 2
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class InputCheck:
    """How right a declaration is, by labelled images.

    Attributes
    ----------
    images : number of them. accuracy : as declared; NaN where the classifier refuses what is declared.
    better : aspect, among them "classes" → the value with which the classifier is better, beyond chance.
    accuracy_then : with all of these at once.
    untold : sentences on what these images cannot tell.
    """

    images: int
    accuracy: float
    better: Mapping[str, str]
    accuracy_then: float
    untold: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """Sentences for people."""
        refused = np.isnan(self.accuracy)
        rate = "the classifier refuses" if refused else f"{self.accuracy:.2f} of its answers are right on"
        lines = [f"as declared, {rate} {self.images} labelled pictures"]
        if self.better:
            changes = [
                f"labels in the order {value}" if aspect == "classes" else ASPECTS[aspect].format(value)
                for aspect, value in self.better.items()
            ]
            with_all = " and ".join(changes)
            instead = "" if refused else f", not {self.accuracy:.2f}"
            lines.append(f"with {with_all} accuracy would be {self.accuracy_then:.2f}{instead}")
        else:
            lines.append("nothing else that was tried is better beyond chance")
        return [*lines, *self.untold]


def check_inputs(classifier: ForeignClassifier, images: NDArray[np.uint8], labels: Ints) -> InputCheck:
    """Compare what is declared with other scalings, orders of colours, layouts and orders of the labels.

    Parameters
    ----------
    images : (N, H, W) or (N, H, W, 3) uint8, of the declared size. labels : (N,) indices of the declared classes.

    Raises
    ------
    UsageError : the classifier reads no images, or there are no labels of two classes.

    Notes
    -----
    Labels are put in order by the assignment with most agreement (Kuhn, *The Hungarian method*, 1955), found on a half
    of the images and judged on the other. Variants are compared by McNemar's exact test (McNemar 1947).
    """
    declared = classifier.declared
    if not isinstance(declared.inputs, ImageSpec) or len(np.unique(labels)) < 2:
        remedy = "give labelled pictures of two classes or more, and a classifier that reads pictures"
        raise UsageError("there is nothing to check", place="--check", remedy=remedy)
    answers = dict(_answers(classifier, declared.inputs, images))
    spec = declared.inputs.tensor
    assert spec is not None
    if not answers:
        remedy = "declare another size, or wrap its prediction in a function"
        raise UsageError("it answers in none of the forms that were tried", place="--check", remedy=remedy)
    count = len(declared.classes)
    ordered = {tensor: _in_order(given, labels, count) for tensor, given in answers.items()}
    best = max(ordered, key=lambda tensor: (round(float(ordered[tensor].mean()), 9), tensor == spec))
    level = LEVEL / max(1, len(answers) + count * (count - 1) // 2)

    better: dict[str, str] = {}
    untold: list[str] = []
    chosen = spec
    for aspect in ASPECTS:
        value, unsure = _told(aspect, best, spec, ordered, level)
        untold += unsure
        if value is not None:
            better[aspect], chosen = value, _with(chosen, aspect, value)
    if chosen not in answers:  # an aspect that cannot be told stays as declared
        chosen = best
    names, swaps = _labels(answers[chosen], labels, declared.classes, level)
    untold += swaps
    right = answers[chosen] == labels
    if names is not None:
        better["classes"] = ", ".join(names)
        order = np.array([names.index(name) for name in declared.classes])
        right = answers[chosen] == order[labels]
    accuracy = float((answers[spec] == labels).mean()) if spec in answers else np.nan
    return InputCheck(len(labels), accuracy, better, float(right.mean()), tuple(untold))


def _answers(
    classifier: ForeignClassifier, inputs: ImageSpec, images: NDArray[np.uint8]
) -> Iterator[tuple[TensorSpec, Ints]]:
    """Each variant that the graph takes, and its answers."""
    assert inputs.tensor is not None
    spec, coloured = inputs.tensor, images.ndim == 4
    orders = [order for order in ORDERS if order == spec.order or (spec.channels == 3 and coloured)]
    scalings = dict.fromkeys([spec.scaling, *SCALINGS, PER_IMAGE]) if spec.dtype != "uint8" else [spec.scaling]
    layouts = [name for name in LAYOUTS if name == spec.layout or {name, spec.layout} == {"nchw", "nhwc"}]
    for layout in layouts:
        for order in orders:
            for scaling in scalings:
                tensor = TensorSpec(order, layout, scaling, spec.dtype, spec.channels)
                declared = replace(classifier.declared, inputs=replace(inputs, colour=tensor.colour, tensor=tensor))
                try:
                    yield tensor, _predicted(classifier, declared, images)
                except MienError:
                    continue  # the graph does not take such an array, or fails on it


def _predicted(classifier: ForeignClassifier, declared: Declaration, images: NDArray[np.uint8]) -> Ints:
    assert isinstance(declared.inputs, ImageSpec)
    if images.ndim == 4 and not declared.inputs.colour:
        images = np.round(images @ np.array(LUMA)).astype(np.uint8)
    elif images.ndim == 3 and declared.inputs.colour:
        images = np.repeat(images[..., None], 3, axis=3)
    variant = ForeignClassifier(classifier.graph, declared)
    return variant.outputs(Batch(images), FeatureRequest(vectors=())).predicted


def _in_order(answers: Ints, labels: Ints, classes: int) -> Bools:
    """(N,) whether each answer is right in the best order of the labels, which is found on the other half."""
    half = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    right = np.zeros(len(labels), bool)
    for fold in range(FOLDS):
        learn, judge = half != fold, half == fold
        right[judge] = _order(answers[learn], labels[learn], classes)[labels[judge]] == answers[judge]
    return right


def _order(answers: Ints, labels: Ints, classes: int) -> Ints:
    """(K,) the answer that stands for each label, by the assignment with most agreement; ties stay as they are."""
    agreement = np.zeros((classes, classes))
    np.add.at(agreement, (labels, answers), 1)
    order: Ints = linear_sum_assignment(-agreement - 1e-3 * np.eye(classes))[1]
    return order


def _with(spec: TensorSpec, aspect: str, value: str) -> TensorSpec:
    changed: dict[str, Any] = {aspect: value}
    return replace(spec, **changed)


def _told(
    aspect: str, best: TensorSpec, spec: TensorSpec, right: Mapping[TensorSpec, Bools], level: float
) -> tuple[str | None, list[str]]:
    """The better value of an aspect, or None, and a sentence where it cannot be told."""
    now, then = str(getattr(spec, aspect)), str(getattr(best, aspect))
    rivals = {
        str(getattr(tensor, aspect)): tensor
        for tensor in right
        if tensor != best and _with(best, aspect, getattr(tensor, aspect)) == tensor
    }
    near = [value for value, tensor in rivals.items() if not _beats(right[best], right[tensor], level)]
    rates = {value: f"{value} ({right[tensor].mean():.2f} right)" for value, tensor in (*rivals.items(), (then, best))}
    if now != then and now not in near:
        return then, []
    unsure = sorted({then, *near} - {now}) if near else []
    if not unsure:
        return None, []
    others = ", ".join(rates[value] for value in unsure)
    return None, [f"these pictures cannot tell {ASPECTS[aspect].format(rates.get(now, now))} from {others}"]


def _beats(first: Bools, second: Bools, level: float) -> bool:
    """Whether the first is right more often than the second, beyond chance."""
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    return won > lost and binomtest(won, won + lost).pvalue < level


def _labels(answers: Ints, labels: Ints, classes: tuple[str, ...], level: float) -> tuple[list[str] | None, list[str]]:
    """The classes in the order of the answers where it is another than declared; and pairs that cannot be told."""
    order = _order(answers, labels, len(classes))
    names = [""] * len(classes)
    for label, answer in enumerate(order.tolist()):
        names[answer] = classes[label]
    swapped = _beats(_in_order(answers, labels, len(classes)), answers == labels, level)
    shown = order if swapped else np.arange(len(classes))
    unsure = []
    for first, second in combinations(range(len(classes)), 2):
        other = shown.copy()
        other[[first, second]] = shown[[second, first]]
        if not _beats(shown[labels] == answers, other[labels] == answers, level):
            unsure.append(f"{classes[first]} and {classes[second]}")
    sentence = f"these pictures are too few to tell the labels of {'; '.join(unsure)}"
    return names if swapped else None, [sentence] if unsure else []
