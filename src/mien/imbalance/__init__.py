"""Treatments of unbalanced classes. They use the training part of the data only."""

from mien.imbalance.treatment import FittedTrainPart, Latents, TrainPart, Treatment
from mien.imbalance.treatments import TREATMENTS, get_treatment, supports_knn
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
    "supports_knn",
]  # fmt: skip
