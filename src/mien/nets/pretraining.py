"""Pretraining on synthetic faces, whose expressions are known exactly and whose number is unlimited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.data.faces import SIDES, FaceSettings, draw
from mien.data.labels import EMOTIONS, emotion_of
from mien.data.picture import ImageSettings
from mien.errors import DataError, UsageError
from mien.nets.checkpoint import Epoch
from mien.nets.examples import Examples
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.types import LabelSet

SEED_OFFSET = 7919
"""Offset of seeds, so that pretraining never draws the synthetic test faces of a user."""
MIN_FACES, MAX_PIXELS = 32, 2**31
"""Fewest synthetic faces, and most pixels of all faces together."""


def pretrain_on_synthetic(
    model: Network,
    labelset: LabelSet,
    images: ImageSettings,
    settings: TrainSettings,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Callable[[Epoch], object] = lambda epoch: None,
) -> list[Epoch]:
    """Train `model` in place on `settings.synthetic` synthetic faces for half the epochs; does nothing where that is 0.

    Networks for any picture size are trained on small pictures throughout, since synthetic faces teach coarse shapes.
    No faces of left-out classes are drawn. Train on real pictures with `fit(…, fresh=False)` afterwards.

    Parameters
    ----------
    labelset : the K classes.
    images : size and colour of the pictures. settings : settings of the training that follows.
    seed, checkpoint, progress : see :func:`mien.nets.training.fit`.

    Raises
    ------
    DataError : faces of a class cannot be drawn. UsageError : the pictures are too large, or too many.
    """
    if not settings.synthetic:
        return []
    check_synthetic(settings.synthetic, labelset, images)
    known = tuple(name for name, trained in zip(labelset.names, model.known.tolist(), strict=True) if trained)
    examples = synthetic_examples(labelset, known, images, settings.synthetic, seed)
    first = replace(settings, epochs=max(1, settings.epochs // 2), low_res_share=1.0)
    return fit(model, examples, None, first, seed=seed, checkpoint=checkpoint, progress=progress)


def synthetic_examples(
    labelset: LabelSet, known: tuple[str, ...], images: ImageSettings, count: int, seed: int
) -> Examples:
    """Draw equally many synthetic faces of each known class, with the shares of the blended emotions as targets."""
    emotions = [_emotion(name) for name in known]
    sequence = np.random.SeedSequence([abs(seed), 2 * SEED_OFFSET + (seed < 0)])
    settings = FaceSettings(
        n=count, size=images.size, colour=images.colour, seed=int(sequence.generate_state(1, np.uint64)[0]) >> 1,
        profile=dict.fromkeys(emotions, 1.0),
    )  # fmt: skip
    drawn = draw(settings)
    assert drawn.dataset.pixels is not None
    targets = np.zeros((count, len(labelset)), np.float32)
    columns = [drawn.dataset.labelset.index(name) for name in emotions]
    targets[:, [labelset.index(name) for name in known]] = drawn.mixture[:, columns]
    return Examples(drawn.dataset.pixels, targets)


def check_synthetic(count: int, labelset: LabelSet, images: ImageSettings) -> None:
    """Raise the errors of `pretrain_on_synthetic` before any training."""
    for name in labelset.names:
        _emotion(name)
    low, high = SIDES
    if not low <= images.size <= high:
        remedy = f"give --size {low} to {high}, or leave --synthetic out"
        raise UsageError(f"faces of {images.size}² pixels cannot be drawn", place="--synthetic", remedy=remedy)
    most = MAX_PIXELS // images.size**2
    if not MIN_FACES <= count <= most:
        remedy = f"give {MIN_FACES} to {most} at --size {images.size}, or 0 for none"
        raise UsageError(f"cannot be {count}", place="--synthetic", remedy=remedy)


def _emotion(name: str) -> str:
    """Canonical name of the emotion that a class name denotes."""
    emotion = emotion_of(name)
    if not emotion:
        remedy = f"faces can be drawn of {', '.join(EMOTIONS.names)}; leave --synthetic out for other classes"
        raise DataError(f"faces of the class {name!r} cannot be drawn", place="--synthetic", remedy=remedy)
    return emotion
