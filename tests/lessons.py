"""A classifier whose right answers a corrector may well take, and evidence in memory, for tests of what is learnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.certify.policy import Policy
from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer
from mien.data.split import group_ids
from mien.deploy.predictor import Predictor
from mien.deploy.settings import CorrectSettings
from mien.service.evidence import HELD, Evidence, part_of
from mien.service.recipe import Recipe
from mien.types import Dataset, FeatureRequest, Floats, Ints, LabelSet, Outputs, texts

CLASSES = ("upper", "middle", "lower")
LOWER = 2
ANY = FeatureRequest()


class Blurred:
    """Tells two classes of 9 × 9 pictures apart, and does not know the third; all of them overlap."""

    card = ClassifierCard("blurred 1", CLASSES, (True, True, False), ImageSpec(9), (Layer("strips", (3,)),))

    def outputs(self, batch: Batch, request: FeatureRequest = ANY) -> Outputs:
        strips = batch.checked(self.card, request).data.reshape(len(batch), 3, 27).mean(2) / 20
        shares = np.exp(strips[:, :2]) / np.exp(strips[:, :2]).sum(1, keepdims=True)
        return Outputs(batch.ids, np.pad(shares, ((0, 0), (0, 1))), self.card.known_mask, {"strips": strips})


def blurred(count: int, seed: int) -> tuple[NDArray[np.uint8], Ints]:
    """Pictures, and their class indices."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, count, p=(0.4, 0.4, 0.2))
    strips = rng.normal(100, 16, (count, 3)) + 40 * np.eye(3)[labels]
    pixels = rng.normal(strips[:, :, None], 8, (count, 3, 27))
    return pixels.clip(0, 255).astype(np.uint8).reshape(count, 9, 9), labels


def recipe(in_force: Predictor | None = None, **policy: object) -> Recipe:
    """How a patch is made that corrects the third class."""
    made = Policy(**{"budget": 0.05, "aim": "gain", **policy})
    return Recipe(CorrectSettings("lda", keep_features=False), made, CLASSES, ("lower",))


def live(
    images: NDArray[np.uint8], labels: Ints, chance: Floats, answered: Ints, *, first: int = 1, groups: object = None
) -> Evidence:
    """Evidence of live pictures alone; `chance` is NaN where one was not drawn, `first` the place of the first."""
    count = len(images)
    ids = texts([f"p{first + row}" for row in range(count)])
    base = Blurred().outputs(Batch(images)).predicted
    keys = ids if groups is None else np.asarray(groups)
    data = Dataset(
        ids, np.where(answered, labels, base), LabelSet(CLASSES), ids, np.full(count, ""), images,
        texts([f"{row:064x}" for row in range(first, first + count)]), groups=None if groups is None else keys,
    )  # fmt: skip
    unit = group_ids(data)
    lowest = np.full(int(unit.max()) + 1, HELD)
    np.minimum.at(lowest, unit, [part_of(key) for key in keys.tolist()])
    seq = np.arange(first, first + count)
    return Evidence(data, unit, lowest[unit], answered.astype(bool), np.ones(count, bool), chance, base, seq)


def both(first: Evidence, second: Evidence) -> Evidence:
    """Two kinds of evidence with no picture in common, in order."""
    arrays = ("part", "answered", "live", "chance", "base", "seq")
    joined = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in arrays}
    unit = np.concatenate([first.unit, second.unit + first.unit.max() + 1])
    return replace(first, pictures=first.pictures.concat(second.pictures), unit=unit, **joined)
