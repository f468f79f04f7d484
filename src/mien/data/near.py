"""Detection of nearly equal pictures, such as brightened, resized or re-encoded copies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.outside import import_optional
from mien.types import Dataset, Ints, Problem

BITS = 64
CLOSE = 4
"""Maximum Hamming distance in bits between the hashes of nearly equal pictures."""
BLOCK = 1024
LABELS, PARTS_APART = "nearly equal pictures with different labels", "nearly equal pictures in two parts"


def near_copies(pictures: NDArray[np.uint8], close: int = CLOSE) -> Ints:
    """Find pairs of pictures whose perceptual hashes differ by at most `close` of 64 bits.

    Parameters
    ----------
    pictures : (N, H, W) or (N, H, W, 3) uint8.

    Returns
    -------
    (M, 2) row numbers; the first of each pair is the smaller.

    Raises
    ------
    MissingExtraError : ImageHash is not installed.

    Notes
    -----
    A bit of the hash is 1 where a low frequency of the cosine transform is above their median (C. Zauner,
    *Implementation and benchmarking of perceptual image hash functions*, 2010); ImageHash computes it.
    """
    imagehash = import_optional("imagehash", "ImageHash", "near")
    hashes = [imagehash.phash(Image.fromarray(picture)).hash.ravel() for picture in pictures]
    signs = np.where(np.array(hashes, bool).reshape(len(hashes), BITS), np.float32(1), np.float32(-1))
    pairs = [np.empty((0, 2), int)]
    for start in range(0, len(signs), BLOCK):
        products = signs[start : start + BLOCK] @ signs.T  # 64 minus twice the number of differing bits
        first, second = np.nonzero(products >= BITS - 2 * close)
        first = first + start
        pairs.append(np.stack([first, second], 1)[first < second])
    return np.concatenate(pairs)


def problems(data: Dataset, pairs: Ints, parts: Ints, names: tuple[str, ...]) -> Iterator[Problem]:
    """Problems of nearly equal but not identical pictures that have different labels or lie in different parts.

    The (M, 2) `pairs` are from `near_copies`; the (N,) `parts` are indices into the `names` of the parts.
    """
    for first, second in pairs.tolist():
        if data.hashes is not None and data.hashes[first] == data.hashes[second]:
            continue  # identical pictures are always in one part
        place = f"{data.ids[first]} and {data.ids[second]}"
        labels = [data.labelset.names[data.labels[row]] for row in (first, second)]
        if labels[0] != labels[1]:
            yield Problem(LABELS, place, f"{labels[0]} and {labels[1]}", "look at both: one label is probably wrong")
        if parts[first] != parts[second]:
            cause = f"one is in {names[parts[first]]}, one in {names[parts[second]]}"
            yield Problem(PARTS_APART, place, cause, "give both the same person, or leave one out")
