"""What a base classifier says and thinks: pixels → Outputs (METHOD §2, "Latents")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mien.models.classifier import Classifier
from mien.models.device import choose_precision, keep_freed_memory, mixed
from mien.types import Bools, Floats, Outputs, Texts

BATCH = 256
GRIDS = (1, 3)


def to_tensor(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """(B, H, W) or (B, H, W, 3) uint8 → (B, C, H, W) float in [0, 1]."""
    raw = torch.from_numpy(np.array(pixels)).to(device)  # a copy: mapped pixels cannot be written
    maps = raw[:, None] if raw.ndim == 3 else raw.permute(0, 3, 1, 2)
    return maps.float() / 255


def batches(model: Classifier, pixels: NDArray[np.uint8], size: int = BATCH) -> Iterator[dict[str, Tensor]]:
    """The activations of the model, in evaluation mode and (see `Classifier.precision`) its own precision."""
    model.eval()
    keep_freed_memory()
    device = next(model.parameters()).device
    quick = choose_precision("auto", device) == model.precision
    precision = model.precision if quick else torch.float32
    for start in range(0, len(pixels), size):
        pictures = to_tensor(pixels[start : start + size], device)
        with torch.inference_mode(), mixed(device, precision):
            found = model.activations(pictures.contiguous(memory_format=torch.channels_last))
            if model.mirrored:
                turned = model.activations(pictures.flip(3).contiguous(memory_format=torch.channels_last))
                found = {name: _mean(values, turned[name]) for name, values in found.items()}
        yield found


def _mean(values: Tensor, turned: Tensor) -> Tensor:
    """Mean of a tap for a picture and for its mirror image, maps turned back; of the logits, as an ensemble's."""
    return (values + (turned.flip(3) if turned.ndim == 4 else turned)) / 2


def probabilities(model: Classifier, pixels: NDArray[np.uint8]) -> Floats:
    """(N, K) class probabilities; 0 for classes that the model does not know."""
    found = [taps["logits"].float().softmax(1).cpu().numpy() for taps in batches(model, pixels)]
    return np.concatenate(found) if found else np.empty((0, len(model.known)), np.float32)


def extract(
    model: Classifier,
    pixels: NDArray[np.uint8],
    ids: Texts,
    *,
    grids: Sequence[int] = GRIDS,
    flat: Sequence[str] = (),
) -> Outputs:
    """Probabilities and features of every picture.

    Parameters
    ----------
    model : a base classifier with `taps` and `activations`.
    pixels : (N, H, W) or (N, H, W, 3) uint8.
    ids : (N,) row keys.
    grids : every map tap is averaged on each g×g grid, as feature "TAP/g" of C·g² numbers: position is signal in
        aligned faces, so 1×1 alone would lose it.
    flat : taps to be given whole as well, as feature "TAP" (the paper flattens everything).

    Returns
    -------
    Outputs with float32 features. Unknown classes have no column in the feature "logits".
    """
    known: Bools = model.known.cpu().numpy()
    probs: list[Floats] = []
    features: dict[str, list[Floats]] = {}
    for taps in batches(model, pixels):
        probs.append(taps["logits"].float().softmax(1).cpu().numpy())
        for name, values in _pooled(taps, known, grids, flat):
            features.setdefault(name, []).append(values.cpu().numpy())
    if not probs:
        return Outputs(ids, np.empty((0, len(known)), np.float32), known)
    stacked = {name: np.concatenate(parts) for name, parts in features.items()}
    return Outputs(ids, np.concatenate(probs), known, stacked)


def _pooled(
    taps: dict[str, Tensor], known: Bools, grids: Sequence[int], flat: Sequence[str]
) -> Iterator[tuple[str, Tensor]]:
    for name, values in taps.items():
        values = values.float()
        if name == "logits":
            yield name, values[:, torch.from_numpy(known).to(values.device)]
        elif values.ndim == 2:
            yield name, values
        else:
            for grid in grids:
                yield f"{name}/{grid}", functional.adaptive_avg_pool2d(values, grid).flatten(1)
            if name in flat:
                yield name, values.flatten(1)
