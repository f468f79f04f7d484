"""Classifiers from elsewhere: how much better a patch makes them, on pictures that they never saw, and how fast."""
