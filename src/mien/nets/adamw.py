"""AdamW around torch's own step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

FIELDS = ("exp_avg", "exp_avg_sq", "step")


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", 2019).

    The numbers are those of `torch.optim.AdamW(parameters, fused=True)`, whose making loads torch's compiler: that
    takes longer than all else before the first step.

    Parameters
    ----------
    parameters : of a model, already where it will be trained, in the memory layout that they keep.
    weight_decay : share of each weight, times the learning rate, that a step takes away.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.moments = [
            {
                "exp_avg": torch.zeros_like(one),
                "exp_avg_sq": torch.zeros_like(one),
                "step": torch.zeros((), device=one.device),
            }
            for one in self.parameters
        ]

    @torch.no_grad()
    def step(self, learning_rate: float | Tensor) -> None:
        """Move every parameter that has a gradient; a rate that is a tensor lies where they do."""
        own = zip(self.parameters, self.moments, strict=True)
        moving = [(one, one.grad, moments) for one, moments in own if one.grad is not None]
        means, squares, steps = ([moments[field] for _, _, moments in moving] for field in FIELDS)
        adamw(
            [one for one, _, _ in moving], [gradient for _, gradient, _ in moving], means, squares, [], steps,
            fused=True, amsgrad=False, beta1=0.9, beta2=0.999, lr=learning_rate, weight_decay=self.weight_decay,
            eps=1e-8, maximize=False,
        )  # fmt: skip

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for one in self.parameters:
            one.grad = None

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, but for the parameters."""
        return {f"{row}.{field}": value for row, own in enumerate(self.moments) for field, value in own.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up a state. It is copied, since the fused step needs the moments laid out as the parameters are."""
        for name, value in self.state().items():
            value.copy_(state[name])
