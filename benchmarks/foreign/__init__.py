"""Classifiers from elsewhere: what corrects them, and how fast."""
