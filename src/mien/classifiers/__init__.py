"""Classifiers as sources of outputs: what reads images, and returns probabilities and features."""
