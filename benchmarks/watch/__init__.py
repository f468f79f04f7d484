"""Whether the promises of a watch hold, and how soon it gives an alarm: python -m benchmarks.watch.run."""
