"""Probabilities and features of pictures, read out of a network (docs/method.md, "Features and correctors")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.errors import DataError, choice_error
from mien.machine import empty_or_memmap
from mien.nets.augment import augment
from mien.nets.blocks import cell_means
from mien.nets.device import keep_freed_memory, mixed, precision_of_answers
from mien.nets.examples import to_tensor
from mien.nets.network import Network
from mien.nets.settings import AugmentSettings
from mien.types import Bools, FeatureRequest, Floats, Outputs, Texts, as_ids
from mien.types.containers import as_pixels, check_length

BATCH = 256
GRIDS = (1, 3)


def batches(
    model: Network,
    inputs: NDArray[Any],
    read: Callable[[NDArray[Any], torch.device], Tensor] = to_tensor,
    *,
    lower: bool = False,
) -> Iterator[list[dict[str, Tensor]]]:
    """Yield the activations of each batch as a list of views: the pictures, and with `flip_tta` their mirror images.

    The model is in evaluation mode and computes in its `precision`, if the hardware supports that.

    Parameters
    ----------
    inputs : (N, …) pixels, or other arrays of which `read` makes (B, C, H, W).
    lower : whether to stop at the layer `adapter_layer`.
    """
    model.eval()
    keep_freed_memory()
    device = next(model.parameters()).device
    precision = precision_of_answers(model.precision, device)
    for start in range(0, len(inputs), BATCH):
        pictures = read(inputs[start : start + BATCH], device)
        views = [pictures, pictures.flip(3)] if model.flip_tta else [pictures]
        with torch.inference_mode(), mixed(device, precision):
            run = model.lower_layers if lower else model.activations
            layers = [run(view.contiguous(memory_format=torch.channels_last)) for view in views]
        yield layers  # outside the context, whose precision is not that of the caller


def mean_of_views(views: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of every layer, also of the logits, over a picture and its mirror image; maps are mirrored back first."""
    if len(views) == 1:
        return views[0]
    straight, mirrored = views
    back = {name: values.flip(3) if values.ndim == 4 else values for name, values in mirrored.items()}
    return {name: (values + back[name]) / 2 for name, values in straight.items()}


def probabilities(model: Network, pixels: NDArray[np.uint8]) -> Floats:
    """(N, K) class probabilities; 0 for classes that the model was not trained on."""
    probs = [mean_of_views(views)["logits"].float().softmax(1).cpu().numpy() for views in batches(model, pixels)]
    return np.concatenate([np.empty((0, len(model.known)), np.float32), *probs])


def answers_from_maps(head: Network, maps: Floats) -> Floats:
    """(N, K) logits of the layers of an adapter for maps (N, V, C, H, W), as means over the V views."""

    def all_views(part: Floats, device: torch.device) -> Tensor:
        # torch accepts no array that is read-only or has negative strides
        writable = np.require(part, requirements=["C", "W"])
        return torch.from_numpy(writable).to(device).float().flatten(0, 1)

    logits = [np.empty((0, len(head.known)), np.float32)]
    for [layers] in batches(head, maps, all_views):
        logits.append(layers["logits"].float().unflatten(0, (-1, maps.shape[1])).mean(1).cpu().numpy())
    return np.concatenate(logits)


def changed_views(
    model: Network, pixels: NDArray[np.uint8], request: FeatureRequest, settings: AugmentSettings, seed: int = 0
) -> Floats:
    """(N, V, C, H, W) float16 maps of a layer for V augmented views of each picture, to train an adapter on."""
    generator = torch.Generator().manual_seed(seed)
    reader = copy(model)
    reader.flip_tta = False

    def augmented(part: NDArray[np.uint8], device: torch.device) -> Tensor:
        return augment(to_tensor(part, device), settings, generator)

    views = np.empty((0, request.views, 1, 1, 1), np.float16)
    for view in range(request.views):
        lower = request.layer == model.adapter_layer
        for number, [layers] in enumerate(batches(reader, pixels, augmented, lower=lower)):
            maps = half_precision([layers[request.layer]])[:, 0]
            if not len(views):
                views = empty_or_memmap((len(pixels), request.views, *maps.shape[1:]), np.float16)
            views[number * BATCH :][: len(maps), view] = maps
    return views


def extract(
    model: Network,
    pixels: NDArray[np.uint8],
    ids: Texts,
    *,
    vectors: Sequence[str] = ("*",),
    maps: Sequence[str] = (),
) -> Outputs:
    """Probabilities and features of every picture.

    Parameters
    ----------
    model : a base classifier.
    pixels : (N, H, W) or (N, H, W, 3) uint8. ids : (N,) row keys.
    vectors : patterns of the features to return. A map layer gives "LAYER/1" and "LAYER/3", its means on grids of 1×1
        and 3×3 cells (C·g² numbers); a vector layer gives itself.
    maps : layers to return as maps (N, V, C, H, W): of each picture and, with `flip_tta`, of its mirror image.

    Returns
    -------
    Outputs with float32 features, maps in float16. Unknown classes have no column in the feature "logits".
    """
    known: Bools = model.known.cpu().numpy()
    pixels, ids = as_pixels(pixels, "extract: pixels"), as_ids(ids, "extract: ids")
    check_length(ids, len(pixels), "extract: ids")
    if pixels.ndim == 4 and model.mean.numel() == 1:
        remedy = "give grey pictures (N, H, W)"
        raise DataError("the pictures are coloured, the classifier is for grey ones", place="extract", remedy=remedy)
    for layer in maps:
        if layer not in model.layers:
            raise choice_error("layer", layer, model.layers, place=type(model).__name__)
    probs: list[Floats] = []
    features: dict[str, list[Floats]] = {}
    whole: dict[str, list[Floats]] = {}
    for views in batches(model, pixels):
        logits = mean_of_views([{"logits": view["logits"]} for view in views])["logits"]
        probs.append(logits.float().softmax(1).cpu().numpy())
        for name, values in pooled(views, known, vectors):
            features.setdefault(name, []).append(values.cpu().numpy())
        for layer in maps:
            whole.setdefault(layer, []).append(half_precision([view[layer] for view in views]))
    if not probs:
        return Outputs(ids, np.empty((0, len(known)), np.float32), known)
    stacked, full = ({name: np.concatenate(parts) for name, parts in group.items()} for group in (features, whole))
    return Outputs(ids, np.concatenate(probs), known, stacked, full)


def grid_means(maps: Tensor, grid: int) -> Tensor:
    """(B, C, H, W) → (B, C, g, g) means of equal parts, in float32."""
    # pooling is twenty times slower in the memory layout of maps made of a sequence
    return cell_means(maps.float().contiguous(memory_format=torch.channels_last), grid)


def half_precision(views: Sequence[Tensor]) -> Floats:
    """V views of a layer's map, each (B, C, H, W) → (B, V, C, H, W) in half the memory; DataError if it is no map."""
    if views[0].ndim != 4:
        remedy = "give a corrector that needs no maps, such as nystroem"
        raise DataError("the layer is a vector, not a map", place="extract", remedy=remedy)
    return torch.stack([view.half() for view in views], 1).cpu().numpy()


def pooled(views: Sequence[dict[str, Tensor]], known: Bools, patterns: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Yield the features that match; mirror images are mirrored back after pooling, which is faster."""

    def matches(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    for layer, values in views[0].items():
        grids = [grid for grid in GRIDS if matches(f"{layer}/{grid}")] if values.ndim == 4 else []
        means = [{f"{layer}/{grid}": grid_means(view[layer], grid) for grid in grids} for view in views]
        if values.ndim == 2 and matches(layer):
            means = [{layer: view[layer].float()} for view in views]
        for name, mean in mean_of_views(means).items():
            yield name, mean[:, torch.from_numpy(known).to(mean.device)] if layer == "logits" else mean.flatten(1)
