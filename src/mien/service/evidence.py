"""What verdicts teach: pictures with labels, divided so that nothing is judged on what it was made from.

Pictures of one person or track, and equal pictures, are a unit. A unit is for learning, for certifying, or held out. A
digest of the group's name, or of the picture, decides it: so it is the same in every refit, and what is held out today
has never served to fit or certify a patch. Where a picture joins two units of different parts, the whole is for
the lower part: a unit may become one for learning, and never becomes one that is held out.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.classifiers.contract import Classifier
from mien.data.provenance import KNOWN, Provenance, shared
from mien.data.split import group_ids
from mien.deploy.calibration_data import CalibrationData, in_classes
from mien.deploy.labelled_rows import rows_of
from mien.deploy.trained_on import recorded_by
from mien.errors import DataError
from mien.service.store.judged import Judged
from mien.types import NO_LABEL, PARTS, Bools, Dataset, Floats, Ints, LabelSet, Texts, texts

FIT, CALIBRATE, HELD = range(3)
SHARES = (0.4, 0.4, 0.2)
"""Shares of the units of live pictures for learning, for certifying, and held out."""
OF_DATA = {"fit": FIT, "calibrate": CALIBRATE, "test": HELD}
"""Part of labelled data → the part that its pictures have here."""
NAME = "verdicts"


@dataclass(frozen=True)
class Evidence:
    """N pictures that the classifier was not trained on: live ones with verdicts or drawn for one, and labelled data.

    Attributes
    ----------
    pictures : with labels; a live one without a verdict has f's answer as its label.
    unit : (N,) what belongs together. part : (N,) FIT, CALIBRATE or HELD, the same for a whole unit.
    answered : (N,) whether there is a label. live : (N,) whether the server answered for it.
    chance : (N,) with which a live picture was drawn for an audit; NaN where it was not drawn, or is not live.
    base : (N,) class index of f's answer for a live picture, else −1.
    seq : (N,) place of a live picture in the store, else 0.
    live_provenance, data_provenance : how it is known that f was trained on none of them.
    """

    pictures: Dataset
    unit: Ints
    part: Ints
    answered: Bools
    live: Bools
    chance: Floats
    base: Ints
    seq: Ints
    live_provenance: Provenance = Provenance(KNOWN)  # noqa: RUF009 -- frozen
    data_provenance: Provenance = Provenance()  # noqa: RUF009 -- frozen

    @property
    def drawn(self) -> Bools:
        """(N,) whether a live picture was drawn for an audit."""
        return np.isfinite(self.chance)

    def fresh(self, since: int) -> Bools:
        """(N,) whether no live picture of the unit stands at or before a place in the store."""
        stale = np.zeros(int(self.unit.max(initial=-1)) + 1, bool)
        stale[self.unit[self.live & (self.seq <= since)]] = True
        return ~stale[self.unit]


def part_of(key: str) -> int:
    """The part of a unit that has this name.

    >>> [part_of(name) for name in ("Ann", "Ben", "Cid", "Dora", "Eve")]
    [1, 0, 1, 2, 1]
    """
    place = int(hashlib.sha256(f"mien part {key}".encode(errors="surrogatepass")).hexdigest()[:8], 16) / 2**32
    return FIT if place < SHARES[FIT] else CALIBRATE if place < SHARES[FIT] + SHARES[CALIBRATE] else HELD


def evidence_of(
    classifier: Classifier,
    rows: Sequence[Judged],
    crops: Mapping[str, bytes],
    classes: Sequence[str],
    data: CalibrationData | None = None,
) -> Evidence:
    """Live pictures and labelled data together.

    Parameters
    ----------
    rows : of the store, oldest first. crops : id of the prediction → PNG; a row whose picture cannot be read is left
        out, as is one that the classifier was trained on.
    classes : names that come first; those of further labels follow.
    data : see `mien.deploy.calibration_data.load_calibration_data`.

    Raises
    ------
    DataError : there is nothing at all.
    """
    pairs = [(row, _pixels(crops.get(row.decision.prediction, b""), classifier)) for row in rows]
    live, rows, provenance = _without_learnt(classifier, [(row, each) for row, each in pairs if each is not None])
    labels = [row.label or row.decision.base for row in rows]
    names = tuple(dict.fromkeys((*classes, *sorted(set(labels)))))
    given = None if data is None else in_classes(data.pictures, names)
    names = names if given is None else given.labelset.names
    place = {name: index for index, name in enumerate(names)}
    keys, indices = _keys(live), np.array([place[label] for label in labels], int)
    live = live.replace(hashes=keys, labels=indices, labelset=LabelSet(names))
    pictures, others = live, 0
    if given is not None:
        groups = np.full(len(given), "") if given.groups is None else given.groups
        given = given.replace(hashes=_keys(given), groups=groups, official=None, votes=None, sources=None)
        pictures, others = given.concat(live).replace(name=f"{given.name} and {NAME}"), len(given)
    if not len(pictures):
        raise DataError("no picture has a verdict and is kept", place=NAME, remedy="keep crops, and give verdicts")
    parts = [] if data is None else [OF_DATA.get(PARTS[each], FIT) for each in data.parts.parts.tolist()]
    parts += [part_of(row.decision.group or key) for row, key in zip(rows, keys.tolist(), strict=True)]
    unit = group_ids(pictures)
    lowest = np.full(int(unit.max()) + 1, HELD)
    np.minimum.at(lowest, unit, parts)

    def behind(fill: float, values: Sequence[float | None]) -> Floats:
        return np.concatenate([np.full(others, fill), np.array(values, float)])  # None becomes NaN

    return Evidence(
        pictures, unit, lowest[unit],
        answered=behind(1, [row.label is not None for row in rows]) > 0,
        live=behind(0, [1] * len(rows)) > 0,
        chance=behind(np.nan, [row.decision.chance for row in rows]),
        base=behind(NO_LABEL, [place.get(row.decision.base, NO_LABEL) for row in rows]).astype(int),
        seq=behind(0, [row.decision.seq for row in rows]).astype(int),
        live_provenance=provenance,
        data_provenance=Provenance() if data is None else data.provenance,
    )  # fmt: skip


def _pixels(png: bytes, classifier: Classifier) -> NDArray[np.uint8] | None:
    """A crop as the classifier reads it; None where it is none."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return pixels if pixels.shape == classifier.card.images.shape and pixels.dtype == np.uint8 else None


def _without_learnt(
    classifier: Classifier, pairs: Sequence[tuple[Judged, NDArray[np.uint8]]]
) -> tuple[Dataset, list[Judged], Provenance]:
    """Live pictures that the classifier was not trained on, and how that is known.

    It was trained before they came. A picture that is known to have been among those is left out nevertheless.
    """
    shape = classifier.card.images.shape
    pixels = np.stack([pixels for _, pixels in pairs]) if pairs else np.empty((0, *shape), np.uint8)
    rows = [row for row, _ in pairs]
    live = rows_of(classifier.card, pixels, texts([row.decision.group for row in rows]))
    recorded, _ = recorded_by(classifier)
    overlap = shared(live, "", () if recorded is None else (recorded,))
    new = np.flatnonzero(~overlap.excluded)
    ids = texts([rows[row].decision.prediction for row in new])
    live = live.take(new)
    live = live.replace(ids=ids, name=NAME)
    return (
        live,
        [rows[row] for row in new],
        Provenance(KNOWN, (), int(overlap.picture.sum()), int(overlap.person.sum())),
    )


def _keys(pictures: Dataset) -> Texts:
    """(N,) digests of pictures as the classifier reads them, by which equal ones are known wherever they come from."""
    return texts([hashlib.sha256(image.tobytes()).hexdigest() for image in pictures.pictures])
