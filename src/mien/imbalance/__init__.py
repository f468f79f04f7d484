"""Treatments of unbalanced data. They touch the training part only."""

from mien.imbalance.treatment import FittedTrainPart, Latents, TrainPart, Treatment
from mien.imbalance.treatments import TREATMENTS, get_treatment, serves_neighbours
from mien.imbalance.weights import class_weights, effective_weights

__all__ = [
    "TREATMENTS",
    "FittedTrainPart",
    "Latents",
    "TrainPart",
    "Treatment",
    "class_weights",
    "effective_weights",
    "get_treatment",
    "serves_neighbours",
]  # fmt: skip
