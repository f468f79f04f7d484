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


def emotion_of(name: str) -> str:
    """The emotion that a class name denotes, or "" where it is none that can be drawn.

    >>> emotion_of("happy"), emotion_of("9")
    ('happiness', '')
    """
    index = EMOTIONS.resolve(name)
    return "" if index < 0 else EMOTIONS.names[index]


def emotions(*names: str) -> LabelSet:
    """Build the label set of the given emotions, in canonical order, with all known spellings of them."""
    kept = tuple(name for name in EMOTIONS.names if name in names)
    return LabelSet(kept, {alias: name for alias, name in ALIASES.items() if name in kept})
