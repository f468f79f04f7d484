"""Emotion classes in canonical order, and the usual spellings of each."""

from __future__ import annotations

from mien.types import LabelSet

ALIASES = {
    "surprised": "surprise", "astonished": "surprise", "astonishment": "surprise",
    "afraid": "fear", "fearful": "fear", "scared": "fear",
    "disgusted": "disgust",
    "happy": "happiness", "joy": "happiness", "joyful": "happiness", "smile": "happiness",
    "sad": "sadness", "unhappy": "sadness",
    "angry": "anger",
    "calm": "neutral",
    "contemptuous": "contempt", "scorn": "contempt",
}  # fmt: skip

EMOTIONS = LabelSet(("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral", "contempt"), ALIASES)


def emotions(*names: str) -> LabelSet:
    """Build the label set of the given emotions, in canonical order, with all known spellings of them."""
    kept = tuple(name for name in EMOTIONS.names if name in names)
    return LabelSet(kept, {alias: name for alias, name in ALIASES.items() if name in kept})
