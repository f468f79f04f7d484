"""Corrected classifiers as ONNX graphs."""
