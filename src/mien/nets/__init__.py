"""Base classifiers and their training.

Names are resolved on first use, since torch is slow to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.nets.attention import Attention
    from mien.nets.baselines import OneConv, ThreeConv
    from mien.nets.residual import Residual
    from mien.nets.sampling import Sampling

_HOMES = {
    "Attention": "mien.nets.attention",
    "OneConv": "mien.nets.baselines",
    "Residual": "mien.nets.residual",
    "Sampling": "mien.nets.sampling",
    "ThreeConv": "mien.nets.baselines",
}

__all__ = ["Attention", "OneConv", "Residual", "Sampling", "ThreeConv"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
