"""Detection, review and correction of wrong labels."""

MERGES = ("majority", "crowdlab")
"""Rules that merge the labels of several reviewers."""
FORMS = ("label-studio", "fiftyone", "folder")
"""Formats that `mien.labels.export` writes."""
