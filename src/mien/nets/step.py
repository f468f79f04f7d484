"""One step of training: forwards, backwards, AdamW, averaged weights. On a GPU it is recorded once and replayed."""

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
"""Steps of each shape that are done in the plain way before one is recorded."""
Number = float | Tensor


class Step:
    """A step on a batch that is already where the model is.

    Parameters
    ----------
    model, optimizer : on one device.
    averaged : the moving average of the model's state, changed in place.
    loss : see mien.nets.losses.

    Attributes
    ----------
    totals : (2,) of loss, times pictures, and right answers, added up since `start`.
    """

    def __init__(self, model: Network, optimizer: AdamW, averaged: Mapping[str, Tensor], loss: Loss) -> None:
        self.model, self.optimizer, self.averaged, self.loss = model, optimizer, averaged, loss
        self.totals = torch.zeros(2, dtype=torch.float64, device=loss.weights.device)

    def start(self) -> None:
        """Begin to count anew."""
        self.totals.zero_()

    def __call__(self, pictures: Tensor, targets: Tensor, rows: Tensor, rate: float, share: float) -> Tensor:
        """Learn from a batch; its logits (B, K).

        Parameters
        ----------
        pictures : (B, C, H, W). targets : (B, K), rows add up to 1. rows : (B,) of the training pictures.
        rate : of learning. share : of the way that the averaged weights move towards the current ones.
        """
        return self.plainly(pictures, targets, rows, rate, share)

    def plainly(self, pictures: Tensor, targets: Tensor, rows: Tensor, rate: Number, share: Number) -> Tensor:
        """The step itself."""
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
    """The same on a CUDA device, where starting many small kernels takes longer than running them.

    A step of each shape of batch is recorded as a CUDA graph, which starts them all at once. What changes from step to
    step lies in tensors of fixed place, which a replay reads.
    """

    def __init__(self, model: Network, optimizer: AdamW, averaged: Mapping[str, Tensor], loss: Loss) -> None:
        super().__init__(model, optimizer, averaged, loss)
        self.stream = torch.cuda.Stream(loss.weights.device)
        self.done: dict[torch.Size, int] = {}
        self.recorded: dict[torch.Size, _Recording] = {}

    def __call__(self, pictures: Tensor, targets: Tensor, rows: Tensor, rate: float, share: float) -> Tensor:
        shape = pictures.shape
        self.stream.wait_stream(torch.cuda.current_stream(pictures.device))
        with torch.cuda.stream(self.stream):
            done = self.done[shape] = self.done.get(shape, 0) + 1
            if done <= WARM:
                logits = self.plainly(pictures, targets, rows, *_tensors(rate, share, pictures.device))
            else:
                if shape not in self.recorded:
                    self.recorded[shape] = _Recording(self, pictures, targets, rows)
                logits = self.recorded[shape].replay(pictures, targets, rows, rate, share)
        torch.cuda.current_stream(pictures.device).wait_stream(self.stream)
        return logits


class _Recording:
    """A step's CUDA graph, with the tensors that it reads and writes."""

    def __init__(self, step: Step, pictures: Tensor, targets: Tensor, rows: Tensor) -> None:
        self.pictures, self.targets, self.rows = pictures.clone(), targets.clone(), rows.clone()
        self.rate, self.share = _tensors(0.0, 0.0, pictures.device)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=torch.cuda.current_stream(pictures.device)):
            self.logits = step.plainly(self.pictures, self.targets, self.rows, self.rate, self.share)

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
    """The kind of step for a device."""
    return RecordedStep if device.type == "cuda" else Step
