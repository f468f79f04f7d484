"""Networks as ONNX graphs: `torch.onnx` traces them, and nothing of mien is needed to run them."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from mien.errors import UsageError
from mien.nets.extraction import mean_of_views, pooled
from mien.nets.network import Network
from mien.outside import import_optional
from mien.types import FeatureRequest

OPSET = 18
"""Version of ONNX's operators: read by ONNX Runtime 1.14 and later, and by its build for browsers."""
HEAD_OPSET = 13
"""That of the layers of an adapter, which also stand beside classifiers from elsewhere with an earlier version."""


class Readout(nn.Module):
    """A network with everything around it: pixels in, probabilities and requested features out, as `extract` has them.

    Parameters
    ----------
    network : in evaluation mode. request : the features.
    """

    def __init__(self, network: Network, request: FeatureRequest) -> None:
        super().__init__()
        self.network, self.request = network, request
        self.names: tuple[str, ...] = ()

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Compute all outputs of (B, H, W) or (B, H, W, 3) uint8 pixels; `names` has their names afterwards."""
        pictures = (pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)).float() / 255
        views = [pictures, pictures.flip(3)] if self.network.flip_tta else [pictures]
        layers = [self.network.activations(view) for view in views]
        logits = mean_of_views([{"logits": view["logits"]} for view in layers])["logits"]
        outputs = {"probabilities": logits.softmax(1)}
        vectors = pooled(layers, self.network.known.numpy(), self.request.vectors)
        outputs |= {f"features/{name}": value for name, value in vectors}
        outputs |= {f"maps/{name}": torch.stack([view[name] for view in layers], 1) for name in self.request.maps}
        self.names = tuple(outputs)
        return tuple(outputs.values())


class HeadReadout(nn.Module):
    """The layers of an adapter: maps (B, V, C, H, W) in, logits (B, K) out, as means over the V views.

    Parameters
    ----------
    gate : a class and a score; where the log-odds of the class in the first view are lower, that view alone counts.
    """

    names = ("logits",)

    def __init__(self, head: Network, gate: tuple[int, float] | None = None) -> None:
        super().__init__()
        self.head, self.gate = head, gate

    def forward(self, maps: Tensor) -> tuple[Tensor, ...]:
        views = maps.half().float()  # maps of a classifier have half precision
        logits = self.head.activations(views.flatten(0, 1))["logits"].unflatten(0, (-1, maps.shape[1]))
        if self.gate is None:
            return (logits.mean(1),)
        target, least = self.gate
        first = logits[:, 0]
        others = torch.cat([first[:, :target], first[:, target + 1 :]], 1)
        near = first[:, target] - others.logsumexp(1) >= least
        return (torch.where(near[:, None], logits.mean(1), first),)


def network_graph(network: Network, shape: Sequence[int], request: FeatureRequest) -> Any:
    """A network as an ONNX model: input `pictures` (N, *shape) uint8, output `probabilities` and those requested.

    Vectors are named "features/NAME", maps "maps/LAYER".

    Raises
    ------
    UsageError : torch cannot trace it. MissingExtraError : without the package onnx.
    """
    return traced(Readout(network, request), torch.zeros(2, *shape, dtype=torch.uint8), "pictures", OPSET)


def head_graph(head: Network, shape: Sequence[int], gate: tuple[int, float] | None = None) -> Any:
    """The layers of an adapter as an ONNX model: input `maps` (N, *shape) float32, output `logits` (N, K).

    `gate` is explained at `HeadReadout`.
    """
    return traced(HeadReadout(head, gate), torch.zeros(2, *shape), "maps", HEAD_OPSET)


def traced(module: Readout | HeadReadout, example: Tensor, name: str, opset: int) -> Any:
    """An ONNX model of a module with one input, whose first axis N has any length; it computes in float32."""
    onnx = import_optional("onnx", "onnx", "onnx")
    module.eval()
    with torch.no_grad():
        module(example)
    axes = {label: {0: "N"} for label in (name, *module.names)}
    with TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "network.onnx"
        try:
            torch.onnx.export(
                module, (example,), str(path), input_names=[name], output_names=list(module.names),
                dynamic_axes=axes, opset_version=opset, dynamo=False,
            )  # fmt: skip
        except (torch.onnx.OnnxExporterError, RuntimeError) as error:
            cause = f"cannot become an ONNX graph: {str(error).splitlines()[0][:200]}"
            network = next(module.children())
            remedy = "train one of mien's networks, such as --base attention"
            raise UsageError(cause, place=type(network).__name__, remedy=remedy) from None
        return onnx.load(path)


@contextlib.contextmanager
def _quiet() -> Any:
    """Hold back what torch prints while it traces; errors are raised all the same."""
    before = logging.root.manager.disable
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(before)
