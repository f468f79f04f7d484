"""Corrected classifiers: fit a corrector, save it as a patch, answer new images."""
