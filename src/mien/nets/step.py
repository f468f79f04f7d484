"""Training step: forward and backward pass, AdamW and averaged weights; on a GPU as a CUDA graph."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mien.nets.adamw import AdamW
from mien.nets.device import mixed
from mien.nets.losses import Loss
from mien.nets.network import Network

LARGEST_NORM = 1.0
WARM = 3
"""Steps of each batch shape that run without a graph before one is recorded."""
Number = float | Tensor


class Step:
    """A training step on batches that are on the device of the model.

    Attributes
    ----------
    model, optimizer : network and optimizer on the same device.
    averaged : moving average of the model's state, updated in place.
    loss : see mien.nets.losses.
    totals : (2,) sum of the loss over pictures, and number of right answers, since `start`.
    """

    def __init__(self, model: Network, optimizer: AdamW, averaged: Mapping[str, Tensor], loss: Loss) -> None:
        self.model, self.optimizer, self.averaged, self.loss = model, optimizer, averaged, loss
        self.totals = torch.zeros(2, dtype=torch.float64, device=loss.weights.device)

    def start(self) -> None:
        """Set the totals to 0."""
        self.totals.zero_()

    def __call__(self, pictures: Tensor, targets: Tensor, rows: Tensor, rate: float, share: float) -> Tensor:
        """Update the weights by a batch and return its logits (B, K) from before the update.

        Parameters
        ----------
        pictures : (B, C, H, W). targets : (B, K); rows add up to 1. rows : (B,) rows in the training part.
        rate : learning rate. share : weight of the current weights in the moving average.
        """
        return self.update(pictures, targets, rows, rate, share)

    def update(self, pictures: Tensor, targets: Tensor, rows: Tensor, rate: Number, share: Number) -> Tensor:
        """Run the step without a graph; parameters as in `__call__`, as numbers or tensors."""
        with mixed(pictures.device, self.model.precision):
            logits = self.model(pictures.contiguous(memory_format=torch.channels_last))
        loss = self.loss(logits.float(), targets, rows)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_NORM)
        self.optimizer.step(rate)
        self._average(share)
        self.totals[0] += loss.detach() * len(targets)
        self.totals[1] += (logits.argmax(1) == targets.argmax(1)).sum()
        return logits.detach()

    @torch.no_grad()
    def _average(self, share: Number) -> None:
        current = self.model.state_dict()
        names = [name for name, value in current.items() if value.is_floating_point()]
        averaged = [self.averaged[name] for name in names]
        changes = torch._foreach_sub([current[name] for name in names], averaged)
        torch._foreach_mul_(changes, share)
        torch._foreach_add_(averaged, changes)
        for name in current.keys() - names:
            self.averaged[name].copy_(current[name])


class RecordedStep(Step):
    """A training step recorded as a CUDA graph, since launching many small kernels takes longer than running them.

    A graph is recorded for each batch shape and launches all kernels at once. Inputs of a step are copied into fixed
    tensors, which the graph reads.
    """

    def __init__(self, model: Network, optimizer: AdamW, averaged: Mapping[str, Tensor], loss: Loss) -> None:
        super().__init__(model, optimizer, averaged, loss)
        self.stream = torch.cuda.Stream(loss.weights.device)
        self.counts: dict[torch.Size, int] = {}
        self.recorded: dict[torch.Size, _Recording] = {}

    def __call__(self, pictures: Tensor, targets: Tensor, rows: Tensor, rate: float, share: float) -> Tensor:
        shape = pictures.shape
        self.stream.wait_stream(torch.cuda.current_stream(pictures.device))
        with torch.cuda.stream(self.stream):
            count = self.counts[shape] = self.counts.get(shape, 0) + 1
            if count <= WARM:
                logits = self.update(pictures, targets, rows, *_tensors(rate, share, pictures.device))
            else:
                if shape not in self.recorded:
                    self.recorded[shape] = _Recording(self, pictures, targets, rows)
                logits = self.recorded[shape].replay(pictures, targets, rows, rate, share)
        torch.cuda.current_stream(pictures.device).wait_stream(self.stream)
        return logits


class _Recording:
    """CUDA graph of a step, with the tensors that it reads and writes."""

    def __init__(self, step: Step, pictures: Tensor, targets: Tensor, rows: Tensor) -> None:
        self.pictures, self.targets, self.rows = pictures.clone(), targets.clone(), rows.clone()
        self.rate, self.share = _tensors(0.0, 0.0, pictures.device)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=torch.cuda.current_stream(pictures.device)):
            self.logits = step.update(self.pictures, self.targets, self.rows, self.rate, self.share)

    def replay(self, pictures: Tensor, targets: Tensor, rows: Tensor, rate: float, share: float) -> Tensor:
        self.pictures.copy_(pictures)
        self.targets.copy_(targets)
        self.rows.copy_(rows)
        self.rate.fill_(rate)
        self.share.fill_(share)
        self.graph.replay()
        return self.logits


def _tensors(rate: float, share: float, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.full((), rate, device=device), torch.full((), share, device=device)


def step_on(device: torch.device) -> type[Step]:
    """Return the class of the training step for a device."""
    return RecordedStep if device.type == "cuda" else Step
