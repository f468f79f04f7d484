"""Treatments of unbalanced data. They touch the training part only."""

from mien.imbalance.treatment import Latents, Learnt, TrainPart, Treatment
from mien.imbalance.treatments import TREATMENTS, find, serves_neighbours
from mien.imbalance.weights import class_weights, effective_weights

__all__ = [
    "TREATMENTS", "Latents", "Learnt", "TrainPart", "Treatment", "class_weights", "effective_weights", "find",
    "serves_neighbours",
]  # fmt: skip
