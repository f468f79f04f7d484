"""Feature vectors for correctors, computed from the layers of a classifier."""

from mien.features.embedding import Embedding
from mien.features.extractor import describe
from mien.features.vectors import matching, patterns, stack, widths
from mien.features.whitening import Whitening

__all__ = ["Embedding", "Whitening", "describe", "matching", "patterns", "stack", "widths"]
