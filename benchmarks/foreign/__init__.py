"""Classifiers from elsewhere: corrected as they are, and as ONNX files."""
