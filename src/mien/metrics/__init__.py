"""Measures of classifiers and of corrections, with intervals."""
