"""Drawn faces as a first school: of them it is known what they show, and there are as many as one likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.data.faces import FaceSettings, draw
from mien.data.labels import EMOTIONS
from mien.data.picture import ImageSettings
from mien.errors import DataError, MienError, UsageError
from mien.nets.checkpoint import Epoch
from mien.nets.examples import Examples
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.types import LabelSet

FIRST = 7919
"""Apart from the seeds that a user gives to drawn faces: no test picture is drawn here."""
SIDES = (16, 512)
FEWEST, MOST = 32, 2**31
"""Faces; pixels of all of them."""


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
    """Train `model` in place on `settings.synthetic` drawn faces, for half the epochs; nothing where that is 0.

    If it takes pictures of any size, and they are large enough, it sees them small all the time: coarse shapes are what
    drawn faces teach. No face is drawn of a class that it may not know. Train on the real pictures with
    `fit(…, fresh=False)` afterwards.

    Parameters
    ----------
    labelset : the K classes.
    images : size and colour of the pictures. settings : of the training that follows.
    seed, checkpoint, progress : see :func:`mien.nets.training.fit`.

    Raises
    ------
    DataError : a class of which no face can be drawn. UsageError : pictures too large for drawn faces, or too many.
    """
    if not settings.synthetic:
        return []
    check_synthetic(settings.synthetic, labelset, images)
    known = tuple(name for name, may in zip(labelset.names, model.known.tolist(), strict=True) if may)
    examples = synthetic_examples(labelset, known, images, settings.synthetic, seed)
    first = replace(settings, epochs=max(1, settings.epochs // 2), low_res_share=1.0)
    return fit(model, examples, None, first, seed=seed, checkpoint=checkpoint, progress=progress)


def synthetic_examples(
    labelset: LabelSet, known: tuple[str, ...], images: ImageSettings, count: int, seed: int
) -> Examples:
    """Drawn faces with the shares of the emotions that they blend; as many of each known class, none of the others."""
    emotions = [_emotion(name) for name in known]
    own = int(np.random.SeedSequence([abs(seed), 2 * FIRST + (seed < 0)]).generate_state(1, np.uint64)[0]) >> 1
    settings = FaceSettings(
        n=count, size=images.size, colour=images.colour, seed=own, profile=dict.fromkeys(emotions, 1.0)
    )
    drawn = draw(settings)
    assert drawn.dataset.pixels is not None
    targets = np.zeros((count, len(labelset)), np.float32)
    targets[:, [labelset.index(name) for name in known]] = drawn.mixture[
        :, [drawn.dataset.labelset.index(name) for name in emotions]
    ]
    return Examples(drawn.dataset.pixels, targets)


def check_synthetic(count: int, labelset: LabelSet, images: ImageSettings) -> None:
    """Refuse what `pretrain_on_synthetic` would refuse, before any training."""
    for name in labelset.names:
        _emotion(name)
    low, high = SIDES
    if not low <= images.size <= high:
        remedy = f"give --size {low} to {high}, or leave --synthetic out"
        raise UsageError(f"no face is drawn with {images.size} pixels a side", place="--synthetic", remedy=remedy)
    if not FEWEST <= count <= MOST // images.size**2:
        remedy = f"give {FEWEST} to {MOST // images.size**2} at --size {images.size}, or 0 for none"
        raise UsageError(f"cannot be {count}", place="--synthetic", remedy=remedy)


def _emotion(name: str) -> str:
    """The emotion that a class is, by its own name."""
    try:
        return EMOTIONS.names[EMOTIONS.index(name)]
    except MienError:
        remedy = f"faces can be drawn of {', '.join(EMOTIONS.names)}; leave --synthetic out for other classes"
        raise DataError(f"no face of the class {name!r} can be drawn", place="--synthetic", remedy=remedy) from None
