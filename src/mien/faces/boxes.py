"""Boxes of faces: how much they overlap, and which of several for one face is kept."""

from __future__ import annotations

import numpy as np

from mien.types import Floats, Ints


def overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each box with each other.

    Parameters
    ----------
    first : (N, 4) left, top, right, bottom. second : (M, 4).

    Returns
    -------
    (N, M) from 0, for boxes apart, to 1, for equal ones.

    Examples
    --------
    >>> overlap(np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).round(2)
    array([[1.  , 0.33, 0.  ]])
    """
    shared = _area(
        np.maximum(first[:, None, :2], second[None, :, :2]), np.minimum(first[:, None, 2:], second[None, :, 2:])
    )
    whole = _area(first[:, :2], first[:, 2:])[:, None] + _area(second[:, :2], second[:, 2:])[None] - shared
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)


def suppress(boxes: Floats, confidences: Floats, limit: float) -> Ints:
    """Rows that are left when of boxes that overlap by more than `limit` only the most confident is kept.

    Greedy non-maximum suppression; the rows are ordered from the most confident on, ties by their order.

    Parameters
    ----------
    boxes : (N, 4). confidences : (N,). limit : intersection over union, 0 to 1.

    Examples
    --------
    >>> boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    >>> suppress(boxes, np.array([0.8, 0.9, 0.7]), 0.4)
    array([1, 2])
    """
    left = np.argsort(-confidences, kind="stable")
    kept: list[int] = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        left = left[overlap(boxes[best : best + 1], boxes[left])[0] <= limit]
    return np.array(kept, np.int64)


def _area(corner: Floats, opposite: Floats) -> Floats:
    area: Floats = np.prod(np.clip(opposite - corner, 0, None), -1)
    return area
