"""Benchmarks on top of mien.experiments, and the pages of their figures: `python -m benchmarks.speed.run`."""
