"""Second-order features of a map: the covariances of its channels over the positions.

They are used by a variant of the kernel machine that is compared with mien's own features.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.nets.extraction import batches, mean_of_views
from mien.nets.network import Network
from mien.types import Floats


def extract_second_order(model: Network, pixels: NDArray[np.uint8], layer: str) -> Floats:
    """(N, C·(C + 1)/2) second-order features of one map layer for each picture."""
    means = (mean_of_views([{layer: view[layer]} for view in views])[layer] for views in batches(model, pixels))
    return np.concatenate([second_order(mean).cpu().numpy() for mean in means])


def second_order(maps: Tensor) -> Tensor:
    """(B, C, H, W) → (B, C·(C + 1)/2) signed roots of the covariances of the channels over the positions.

    Bilinear pooling: Lin, RoyChowdhury & Maji, *Bilinear CNN models for fine-grained visual recognition*, ICCV 2015.
    """
    values = maps.float().flatten(2)
    values = values - values.mean(2, keepdim=True)
    covariance = values @ values.transpose(1, 2) / values.shape[2]
    row, column = torch.triu_indices(*covariance.shape[1:], device=maps.device)
    chosen = covariance[:, row, column]
    return chosen.sign() * chosen.abs().sqrt()
