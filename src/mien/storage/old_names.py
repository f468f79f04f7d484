"""Names that earlier versions used for settings and data, with those of today.

Files of earlier versions are read through this table. A flag or setting that a user gives by its earlier name is
refused, and the message has the name of today.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "small": "low_res_share",
        "weighs": "class_weight_target",
        "deferred": "reweight_after",
        "drawn": "synthetic",
        "mirror": "flip_tta",
        "mirrored": "flip_tta",
        "fit": "resize_mode",
        "shape": "class_counts",
    }
)
"""Earlier name of a setting, or of a field of a classifier's card → name of today."""
FACES, SYNTHETIC = "faces", "synthetic"
"""What drawn faces were called as DATA, and what they are called."""


def current_fields(stored: Mapping[str, Any], fields: Collection[str] = ()) -> dict[str, Any]:
    """What a file holds for a dataclass, with the names that its `fields` have today.

    >>> current_fields({"fit": "pad", "source": "faces:n=60"}, ["source", "resize_mode"])
    {'resize_mode': 'pad', 'source': 'synthetic:n=60'}
    """
    now = {name if name in fields else SETTINGS.get(name, name): value for name, value in stored.items()}
    if isinstance(now.get("source"), str):
        now["source"] = current_source(now["source"])
    return now


def current_source(source: str) -> str:
    """A source of data as an earlier version stored it, as it is written today: only drawn faces were renamed.

    >>> current_source("faces:n=60"), current_source("/data/faces")
    ('synthetic:n=60', '/data/faces')
    """
    return SYNTHETIC + source.removeprefix(FACES) if is_earlier(source) else source


def is_earlier(source: str) -> bool:
    """Whether a source is drawn faces by their earlier name."""
    return source == FACES or source.startswith(f"{FACES}:")


def renamed(flag: str) -> str:
    """The message for an earlier flag, such as "--small"; "" for any other.

    >>> renamed("--no-mirror"), renamed("--size")
    ('--no-mirror is now --no-flip-tta', '')
    """
    no = "--no-" if flag.startswith("--no-") else "--"
    name = SETTINGS.get(flag.removeprefix(no).replace("-", "_"))
    return f"{flag} is now {no}{name.replace('_', '-')}" if name else ""
