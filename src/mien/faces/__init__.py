"""Faces in pictures: detectors, crops in the form that a classifier was trained on, and tracks through a video."""
