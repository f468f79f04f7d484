"""Base classifiers, their training, and what can be read out of them.

Names are resolved on first use: torch is slow to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.models.attention import Attention
    from mien.models.plain import OneConv, ThreeConv
    from mien.models.residual import Residual
    from mien.models.sampling import Sampling

_HOMES = {
    "Attention": "mien.models.attention",
    "OneConv": "mien.models.plain",
    "Residual": "mien.models.residual",
    "Sampling": "mien.models.sampling",
    "ThreeConv": "mien.models.plain",
}

__all__ = ["Attention", "OneConv", "Residual", "Sampling", "ThreeConv"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
