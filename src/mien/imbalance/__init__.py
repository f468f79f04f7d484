"""Treatments of unbalanced data. They touch the training part only."""

from mien.imbalance.weights import class_weights, effective_weights

__all__ = ["class_weights", "effective_weights"]
