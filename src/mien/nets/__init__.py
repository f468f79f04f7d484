"""Base classifiers, their training, and what can be read out of them.

Names are imported on first use: torch is slow to load.
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
