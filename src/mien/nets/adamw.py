"""AdamW optimizer on torch's fused kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

FIELDS = ("exp_avg", "exp_avg_sq", "step")


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", 2019).

    It gives the same numbers as `torch.optim.AdamW(parameters, fused=True)`, whose constructor imports torch's
    compiler, which takes longer than everything else before the first step.

    The parameters must be on the device and in the memory layout of the training. Each step subtracts weight_decay ·
    learning rate · weight.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.moments = [
            {
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
                "step": torch.zeros((), device=parameter.device),
            }
            for parameter in self.parameters
        ]

    @torch.no_grad()
    def step(self, learning_rate: float | Tensor) -> None:
        """Update every parameter that has a gradient; a tensor rate must be on the device of the parameters."""
        pairs = zip(self.parameters, self.moments, strict=True)
        updated = [(parameter, parameter.grad, moments) for parameter, moments in pairs if parameter.grad is not None]
        means, squares, steps = ([moments[field] for _, _, moments in updated] for field in FIELDS)
        adamw(
            [parameter for parameter, _, _ in updated], [grad for _, grad, _ in updated], means, squares, [], steps,
            fused=True, amsgrad=False, beta1=0.9, beta2=0.999, lr=learning_rate, weight_decay=self.weight_decay,
            eps=1e-8, maximize=False,
        )  # fmt: skip

    def zero_grad(self) -> None:
        """Delete the gradients of all parameters."""
        for parameter in self.parameters:
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """Return the moments and step counts of all parameters, by name."""
        return {f"{row}.{field}": value for row, moments in enumerate(self.moments) for field, value in moments.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Copy a state in place, since the fused kernel requires the memory layout of the parameters."""
        for name, value in self.state().items():
            value.copy_(state[name])
