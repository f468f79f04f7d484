"""Base classifiers and their training.

Names are resolved on first use, since torch is slow to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mien._lazy import lazy_exports

if TYPE_CHECKING:
    from mien.nets.attention import Attention as Attention
    from mien.nets.baselines import OneConv as OneConv
    from mien.nets.baselines import ThreeConv as ThreeConv
    from mien.nets.residual import Residual as Residual
    from mien.nets.sampling import Sampling as Sampling

__getattr__, __dir__, __all__ = lazy_exports(__name__)
