"""FER2013's labels, and what FER+'s ten votes say of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mien.data.prepare import DataSettings, prepare
from mien.errors import DataError
from mien.types import Bools, Dataset, Floats, Ints


@lru_cache(maxsize=1)
def data_of(source: str, quick: bool) -> Dataset:
    """The pictures with FER2013's labels; votes are not trained on unless a mode says so."""
    shape = "happiness=200,sadness=200,neutral=200,surprise=100" if quick else ""
    data = prepare(DataSettings(source, labels="fer2013", class_counts=shape))
    if data.votes is None:
        raise DataError("has no votes", place=source, remedy="give a FER+ folder")
    return data


@dataclass(frozen=True)
class Truth:
    """What the votes say: the plurality of the ten columns, where it is one of the classes with pictures.

    Attributes
    ----------
    label : (N,). scored : (N,) where it is decided. shares : (N, K) of the votes for emotions.
    """

    label: Ints
    scored: Bools
    shares: Floats

    @classmethod
    def of(cls, data: Dataset) -> Truth:
        votes, classes = np.asarray(data.votes), len(data.labelset)
        emotions = votes[:, :classes]
        most = votes.max(1)
        decided = ((votes == most[:, None]).sum(1) == 1) & (emotions.max(1) == most)
        label = emotions.argmax(1)
        decided &= np.isin(label, np.unique(data.labels))
        totals = emotions.sum(1, keepdims=True)
        even = np.full(emotions.shape, 1 / classes)
        return cls(label, decided, np.divide(emotions, totals, out=even, where=totals > 0))
