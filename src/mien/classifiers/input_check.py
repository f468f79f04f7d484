"""Whether a classifier from elsewhere is fed as it expects: what is declared is compared with its neighbours.

Most trouble with models from elsewhere lies in their inputs: swapped colours, another scaling, labels in another order,
another filter by which pictures are resized. Each is tried. What is better beyond chance is reported, and nothing is
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from mien.classifiers.contract import Batch, ImageSpec
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.tensors import LAYOUTS, ORDERS, PER_IMAGE, SCALINGS, TensorSpec
from mien.data.picture import RESAMPLING
from mien.errors import MienError, UsageError
from mien.types import Bools, FeatureRequest, Ints

ASPECTS = {"scaling": "pixels {}", "order": "colours {}", "layout": "the layout {}"}
"""What is tried of the array that the classifier reads → how it is named."""
NAMED = {**ASPECTS, "classes": "labels in the order {}", "resample": "the filter {}"}
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
    better : aspect, a key of NAMED → the value with which the classifier is better, beyond chance.
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
            with_all = " and ".join(NAMED[aspect].format(value) for aspect, value in self.better.items())
            instead = "" if refused else f", not {self.accuracy:.2f}"
            lines.append(f"with {with_all} accuracy would be {self.accuracy_then:.2f}{instead}")
        else:
            lines.append("nothing else that was tried is better beyond chance")
        return [*lines, *self.untold]


def check_inputs(
    classifier: ForeignClassifier,
    images: NDArray[np.uint8],
    labels: Ints,
    resized: Callable[[str], NDArray[np.uint8]] | None = None,
) -> InputCheck:
    """Compare what is declared with other scalings, orders of colours, layouts, orders of the labels, and filters.

    Parameters
    ----------
    images : (N, H, W) or (N, H, W, 3) uint8, of the declared size. labels : (N,) indices of the declared classes.
    resized : name of a filter → the same images, resized by it; None where they have no other size.

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
        _refuse(classifier, spec, images)
    count = len(declared.classes)
    ordered = {tensor: _in_order(given, labels, count) for tensor, given in answers.items()}
    level = LEVEL / max(1, len(answers) + count * (count - 1) // 2 + len(RESAMPLING) - 1)

    chosen, better, untold = _form(spec, ordered, level)
    names, swaps = _labels(answers[chosen], labels, declared.classes, level)
    untold += swaps
    if names is not None:
        better["classes"] = ", ".join(names)
    order = [*(names or declared.classes)]
    truth = np.array([order.index(name) for name in declared.classes])[labels]
    right = {declared.inputs.resample: answers[chosen] == truth}
    if resized is not None:
        right = {name: _predicted(classifier, chosen, resized(name)) == truth for name in RESAMPLING}
    resample, unsure = _filter(right, declared.inputs.resample, level)
    untold += unsure
    if resample != declared.inputs.resample:
        better["resample"] = resample
    accuracy = float((answers[spec] == labels).mean()) if spec in answers else np.nan
    return InputCheck(len(labels), accuracy, better, float(right[resample].mean()), tuple(untold))


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
                try:
                    yield tensor, _predicted(classifier, tensor, images)
                except MienError:
                    continue  # the graph does not take such an array, or fails on it


def _refuse(classifier: ForeignClassifier, spec: TensorSpec, images: NDArray[np.uint8]) -> NoReturn:
    """Raise the UsageError for a classifier that answers in no form, with what is wrong in the declared one."""
    try:
        _predicted(classifier, spec, images)
    except MienError as error:
        cause = f"it answers in none of the forms that were tried; as declared, {error.place} {error.cause}"
        raise UsageError(cause, place="--check", remedy=error.remedy) from error
    raise UsageError("it answers only now and then", place="--check", remedy="give a model without chance in it")


def _predicted(classifier: ForeignClassifier, tensor: TensorSpec, images: NDArray[np.uint8]) -> Ints:
    inputs = classifier.declared.inputs
    assert isinstance(inputs, ImageSpec)
    declared = replace(classifier.declared, inputs=replace(inputs, colour=tensor.colour, tensor=tensor))
    if images.ndim == 4 and not tensor.colour:
        images = np.round(images @ np.array(LUMA)).astype(np.uint8)
    elif images.ndim == 3 and tensor.colour:
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


def _form(
    spec: TensorSpec, right: Mapping[TensorSpec, Bools], level: float
) -> tuple[TensorSpec, dict[str, str], list[str]]:
    """The form with all that is better, each better value by its aspect, and sentences on what cannot be told."""
    best = max(right, key=lambda tensor: (round(float(right[tensor].mean()), 9), tensor == spec))
    better: dict[str, str] = {}
    untold: list[str] = []
    chosen = spec
    for aspect in ASPECTS:
        value, unsure = _told(aspect, best, spec, right, level)
        untold += unsure
        if value is not None:
            better[aspect], chosen = value, _with(chosen, aspect, value)
    return chosen if chosen in right else best, better, untold  # what cannot be told stays as declared


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


def _filter(right: Mapping[str, Bools], now: str, level: float) -> tuple[str, list[str]]:
    """The best filter, or the one in use where none is better beyond chance, and a sentence where some may be."""
    best = max(right, key=lambda name: (right[name].mean(), name == now))
    if _beats(right[best], right[now], level):
        return best, []
    near = [name for name in right if right[name].mean() > right[now].mean()]
    shown = [f"{name} ({right[name].mean():.3f} right)" for name in (now, *near)]
    others = ", ".join(shown[1:])
    return now, [f"these pictures cannot tell {NAMED['resample'].format(shown[0])} from {others}"] if near else []


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
