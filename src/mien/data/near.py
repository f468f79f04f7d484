"""Pictures that are nearly equal: lightened, resized or saved again, so that their bytes differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.outside import import_optional
from mien.types import Dataset, Ints, Problem

BITS = 64
CLOSE = 4
"""Bits by which the hashes of nearly equal pictures may differ."""
BLOCK = 1024
LABELS, PARTS_APART = "nearly equal pictures with different labels", "nearly equal pictures in two parts"


def near_copies(pictures: NDArray[np.uint8], close: int = CLOSE) -> Ints:
    """(M, 2) rows of pairs whose perceptual hashes differ by at most `close` of 64 bits; the first row is the smaller.

    Parameters
    ----------
    pictures : (N, H, W) or (N, H, W, 3) uint8.

    Raises
    ------
    MissingExtraError : ImageHash is not installed.

    Notes
    -----
    The hash says where the low frequencies of a picture's cosine transform are above their median (C. Zauner,
    *Implementation and benchmarking of perceptual image hash functions*, 2010); ImageHash computes it.
    """
    imagehash = import_optional("imagehash", "ImageHash", "near")
    hashes = [imagehash.phash(Image.fromarray(picture)).hash.ravel() for picture in pictures]
    signs = np.where(np.array(hashes, bool).reshape(len(hashes), BITS), np.float32(1), np.float32(-1))
    pairs = [np.empty((0, 2), int)]
    for start in range(0, len(signs), BLOCK):
        agreed = signs[start : start + BLOCK] @ signs.T  # 64 less twice the bits that differ
        one, other = np.nonzero(agreed >= BITS - 2 * close)
        one = one + start
        pairs.append(np.stack([one, other], 1)[one < other])
    return np.concatenate(pairs)


def problems(data: Dataset, pairs: Ints, parts: Ints, names: tuple[str, ...]) -> Iterator[Problem]:
    """What is wrong with nearly equal pictures that are not equal: other labels, or another part.

    Parameters
    ----------
    pairs : (M, 2) of `near_copies`. parts : (N,) numbers into `names`.
    """
    for one, other in pairs.tolist():
        if data.hashes is not None and data.hashes[one] == data.hashes[other]:
            continue  # equal pictures are known, and travel together
        place = f"{data.ids[one]} and {data.ids[other]}"
        given = [data.labelset.names[data.labels[row]] for row in (one, other)]
        if given[0] != given[1]:
            yield Problem(LABELS, place, f"{given[0]} and {given[1]}", "look at both: one label is probably wrong")
        if parts[one] != parts[other]:
            where = f"one stands in {names[parts[one]]}, one in {names[parts[other]]}"
            yield Problem(PARTS_APART, place, where, "give both the same person, or leave one out")
