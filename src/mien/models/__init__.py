"""Base classifiers, their training, and what can be read out of them.

Names are resolved on first use: torch is slow to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.models.attention import Attention
    from mien.models.residual import Residual
    from mien.models.sampling import Sampling

_HOMES = {
    "Attention": "mien.models.attention",
    "Residual": "mien.models.residual",
    "Sampling": "mien.models.sampling",
}

__all__ = ["Attention", "Residual", "Sampling"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
