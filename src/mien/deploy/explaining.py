"""Where in a picture the evidence for its answer lies: a patch is slid over it, and the evidence is measured again.

This is occlusion sensitivity: M. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014,
section 3. It calls the classifier and nothing else, so every kind of classifier has it. For an overridden picture, the
evidence is the corrector's score for the class that it suggests; elsewhere, f's log-probability of its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mien.classifiers.contract import Batch, ImageSpec
from mien.correctors.log_odds import NEVER
from mien.deploy.predictor import Predictions, Predictor
from mien.errors import UsageError
from mien.types import Bools, FeatureRequest, Floats, Ints, Outputs
from mien.types.outputs import LEAST_PROBABILITY

GRID = 9
"""Places of the patch along each side."""
SHARE = 2 / 9
"""Side of the patch as a share of the picture's: neighbouring places overlap by half."""
ROWS = 512
"""Occluded pictures answered together, about."""


@dataclass(frozen=True)
class HeatMaps:
    """How much each part of N pictures carries their answers.

    Attributes
    ----------
    ids : (N,) of the pictures.
    maps : (N, S, S) float32, the mean loss of evidence in nats over the patches that cover a pixel; below 0 where a
        part is evidence against the answer.
    evidence : (N,) of the whole pictures: score − threshold where the picture is overridden, else f's log-probability
        of its answer.
    overridden : (N,) which of the two it is.
    """

    ids: tuple[str, ...]
    maps: Floats
    evidence: Floats
    overridden: Bools


def heat_maps(predictor: Predictor, batch: Batch, answers: Predictions | None = None) -> HeatMaps:
    """Measure for each picture how much each of its parts carries its answer, see `HeatMaps`.

    The patch shows the picture blurred, so that it adds no edges. A picture costs 81 answers.

    Parameters
    ----------
    batch : pictures in the form that the classifier reads.
    answers : of `predictor.answer(batch)`, where they are there already.

    Raises
    ------
    UsageError : the classifier reads no pictures.

    Examples
    --------
    A classifier that reads one square of its pictures alone:

    >>> from mien.classifiers.function import FunctionClassifier
    >>> def bright(images):
    ...     share = images[:, 4:12, 2:6].mean((1, 2)) / 255
    ...     return np.stack([1 - share, share], 1)
    >>> predictor = Predictor(FunctionClassifier(bright, ["dark", "bright"], ImageSpec(16)))
    >>> picture = np.zeros((1, 16, 16), np.uint8)
    >>> picture[:, 4:12, 2:6] = picture[:, 4:12, 10:14] = 255
    >>> [heat] = heat_maps(predictor, Batch(picture)).maps
    >>> bool(heat[4:12, 2:6].min() > 0.01), bool(heat[:, 10:].max() < 1e-6)
    (True, True)
    """
    if not isinstance(predictor.classifier.card.inputs, ImageSpec):
        cause = f"the classifier reads {predictor.classifier.card.inputs}"
        raise UsageError(cause, place="--explain", remedy="leave it out: heat maps are of pictures")
    batch.checked(predictor.classifier.card)
    answers = predictor.answer(batch) if answers is None else answers
    decision, overridden = answers.decision, answers.decision.overridden
    maps = np.empty((len(batch), *batch.data.shape[1:3]), np.float32)
    evidence = np.empty(len(batch))
    for rows, kind in (
        (np.flatnonzero(~overridden), ClassifierEvidence),
        (np.flatnonzero(overridden), CorrectorEvidence),
    ):
        if len(rows):
            source = kind(predictor, decision.base[rows], answers.outputs.take(rows))
            maps[rows], evidence[rows] = _maps(batch.data[rows], source), source.whole
    if decision.threshold is not None:
        evidence[overridden] -= decision.threshold[overridden]
    return HeatMaps(tuple(batch.ids.tolist()), maps, evidence, overridden)


def _maps(images: NDArray[np.uint8], source: Evidence) -> Floats:
    """(N, S, S) mean loss of evidence over the patches that cover each pixel, by their weights."""
    masks, weights = _patches(images.shape[1])
    count = max(1, ROWS // len(masks))
    maps = []
    for start in range(0, len(images), count):
        rows = np.arange(start, min(start + count, len(images)))
        covered = np.concatenate([occluded(images[row], masks) for row in rows])
        evidence = source.measured(covered, np.repeat(rows, len(masks))).reshape(len(rows), len(masks))
        lost = source.whole[rows, None] - evidence
        maps.append(np.tensordot(lost, weights, 1))
    return np.concatenate(maps)


def occluded(image: NDArray[np.uint8], masks: Bools) -> NDArray[np.uint8]:
    """One picture with each of the patches blurred.

    Parameters
    ----------
    image : (S, S) or (S, S, 3) uint8. masks : (M, S, S) bool.

    Returns
    -------
    (M, S, S) or (M, S, S, 3) uint8.
    """
    masks = masks.reshape(*masks.shape, *(1,) * (image.ndim - 2))
    return np.where(masks, blurred(image), image)


def blurred(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture without detail of the size of a patch: a Gaussian blur of half its side.

    >>> int(blurred(np.full((16, 16), 7, np.uint8)).max())
    7
    """
    sigma = _patch_side(len(image)) / 2
    smooth = gaussian_filter(image.astype(np.float32), (sigma, sigma, *(0,) * (image.ndim - 2)), mode="nearest")
    return np.asarray(np.clip(np.rint(smooth), 0, 255), np.uint8)


def _patch_side(side: int) -> int:
    return max(2, round(SHARE * side))


def _patches(side: int) -> tuple[Bools, Floats]:
    """(M, side, side) the places of the patch, row by row, and the weight of each for every pixel.

    A patch weighs most at its centre (a Hann window), so that maps are smooth; the weights at a pixel add up to 1.
    """
    patch = _patch_side(side)
    starts = np.unique(np.round(np.linspace(0, side - patch, GRID)).astype(int))
    inside = (np.arange(side) - starts[:, None] + 0.5) / patch
    lines = (inside > 0) & (inside < 1)
    windows = np.where(lines, np.sin(np.pi * inside) ** 2, 0.0)
    windows /= windows.sum(0)
    masks = lines[:, None, :, None] & lines[None, :, None, :]
    weights = windows[:, None, :, None] * windows[None, :, None, :]
    return masks.reshape(-1, side, side), weights.reshape(-1, side, side)


class Evidence(Protocol):
    """The evidence for the answers of N pictures.

    Attributes
    ----------
    whole : (N,) in the pictures as they are.
    """

    whole: Floats

    def measured(self, images: NDArray[np.uint8], rows: Ints) -> Floats:
        """(M,) evidence for the answers of the pictures `rows` in changed ones."""
        ...


class ClassifierEvidence:
    """The evidence is f's log-probability of its answers."""

    def __init__(self, predictor: Predictor, base: Ints, outputs: Outputs) -> None:
        self._classifier, self._base = predictor.classifier, base
        self.whole = self._log_probs(outputs, base)

    def measured(self, images: NDArray[np.uint8], rows: Ints) -> Floats:
        return self._log_probs(self._classifier.outputs(Batch(images), FeatureRequest(vectors=())), self._base[rows])

    @staticmethod
    def _log_probs(outputs: Outputs, classes: Ints) -> Floats:
        chosen = outputs.probs[np.arange(len(outputs)), classes].astype(np.float64)
        return np.asarray(np.log(np.maximum(chosen, LEAST_PROBABILITY)))


class CorrectorEvidence:
    """The evidence is the corrector's score for the classes that it suggests in the whole pictures.

    Where f itself gives the suggested class to a changed picture, nothing is lost. Where another class is suggested,
    the score of the first is below that of the other, and below the threshold.
    """

    def __init__(self, predictor: Predictor, base: Ints, outputs: Outputs) -> None:
        assert predictor.patch is not None
        self._predictor, self._patch = predictor, predictor.patch
        decision, proposal = self._patch.decide(outputs), self._patch.propose(outputs)
        assert decision.threshold is not None
        self.whole, self._suggested, self._threshold = proposal.score, proposal.suggested, decision.threshold

    def measured(self, images: NDArray[np.uint8], rows: Ints) -> Floats:
        outputs = self._predictor.outputs(Batch(images))
        proposal, suggested = self._patch.propose(outputs), self._suggested[rows]
        score = np.where(
            proposal.suggested == suggested, proposal.score, np.minimum(proposal.score, self._threshold[rows])
        )
        score = np.where(outputs.predicted == suggested, self.whole[rows], score)
        return _without_extremes(score, rows)


def _without_extremes(score: Floats, rows: Ints) -> Floats:
    """Scores that stand for "never" become the lowest usual one of their picture, or 0 where there is none."""
    usual = score > NEVER
    least = np.zeros(rows.max() + 1)
    np.minimum.at(least, rows[usual], score[usual])
    return np.where(usual, score, least[rows])
