"""The audit of labels: training with records of every image, then suspects and verdicts."""
