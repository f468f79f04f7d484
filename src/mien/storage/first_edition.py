"""Digests as mien 0.1 computed them, to recognise what it stored. Nothing new is identified by them.

They hashed the text of settings objects, with the names that their fields had then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import MappingProxyType
from typing import Any

from mien.storage.old_names import SETTINGS
from mien.types import digest

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "TrainSettings": (
            "epochs", "batch_size", "learning_rate", "weight_decay", "weight_power", "weighting", "weighs", "deferred",
            "sampling", "loss", "label_smoothing", "small", "vote_sampling", "drawn", "ema", "mirror", "stopping",
            "patience", "precision", "device", "threads", "augment",
        ),
        "AugmentSettings": ("flip", "rotate", "shift", "scale", "light", "erase", "mixup", "cutmix"),
        "ImageSettings": ("size", "colour", "fit"),
        "Policy": ("budget", "delta", "scope", "action", "pool_rare", "rule", "probability", "cost"),
    }
)  # fmt: skip
"""Class of settings → names of its fields then, in order."""
THEN: Mapping[tuple[str, str], Any] = MappingProxyType({("Policy", "aim"): "gain"})
"""What mien 0.1 did, where a setting that came later has another default."""
LEFT_OUT = frozenset(("loss", "vote_sampling", "drawn", "weighting", "weighs", "deferred", "sampling"))
"""Fields of TrainSettings that were left out of the text at their default."""


def digest_then(*parts: Any) -> str:
    """The digest that mien 0.1 stored for these parts; "" where it knew no such settings."""
    try:
        return digest(*(_text(part).encode() if is_dataclass(part) else part for part in parts))
    except LookupError:
        return ""


def _text(settings: Any) -> str:
    """A settings object as text, with the fields and names of then; LookupError where others are in use."""
    kind = type(settings).__name__
    names = {SETTINGS.get(name, name): name for name in FIELDS[kind]}
    shown = []
    for item in fields(settings):
        value = getattr(settings, item.name)
        is_default = item.default is not MISSING and value == item.default
        if item.name not in names:
            if value != THEN.get((kind, item.name), item.default):
                raise LookupError(item.name)
        elif not (kind == "TrainSettings" and names[item.name] in LEFT_OUT and is_default):
            shown.append(names[item.name])
    values = {SETTINGS.get(name, name): getattr(settings, SETTINGS.get(name, name)) for name in shown}
    pairs = (
        f"{name}={_text(value) if is_dataclass(value) else repr(value)}"
        for name, value in ((name, values[SETTINGS.get(name, name)]) for name in sorted(shown, key=FIELDS[kind].index))
    )
    return f"{kind}({', '.join(pairs)})"
