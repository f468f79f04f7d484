"""The default base classifier: convolutions, an LSTM and self-attention (docs/method.md)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from mien.nets.blocks import ConvBlocks
from mien.nets.network import Network

WIDTH = 128
SHORT = 256


class Attention(ConvBlocks, Network):
    """Network of three convolution blocks, an LSTM over the positions, self-attention and a small head.

    Examples
    --------
    >>> model = Attention(classes=7, colours=1)
    >>> model(torch.zeros(2, 1, 48, 48)).shape
    torch.Size([2, 7])
    """

    any_size = True
    layers: ClassVar[tuple[str, ...]] = ("conv1", "conv2", "conv3", "lstm", "attention", "hidden", "logits")
    adapter_layer = "conv2"
    below = ("convolutions.0", "norms.0", "convolutions.1", "norms.1")

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        self.add_blocks(colours, 32, 64, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.attention = nn.MultiheadAttention(WIDTH, num_heads=4, batch_first=True)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.dropout = nn.Dropout(0.5)
        self.logits = nn.Linear(WIDTH, classes)

    def lower_layers(self, pictures: Tensor) -> dict[str, Tensor]:
        first = self.block(0, self.normalised(pictures))
        return {"conv1": first, "conv2": self.block(1, first)}

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        maps = self.block(2, maps)
        sides = maps.shape[2:]
        sequence = self.lstm(maps.flatten(2).transpose(1, 2))[0]  # (B, T = H'·W', 128)
        attended = self._attend(sequence)
        hidden = self.hidden(attended.mean(1)).relu()
        return {
            "conv3": maps,
            "lstm": sequence.transpose(1, 2).unflatten(2, sides),
            "attention": attended.transpose(1, 2).unflatten(2, sides),
            "hidden": hidden,
            "logits": self.masked(self.logits(self.dropout(hidden))),
        }

    def _attend(self, sequence: Tensor) -> Tensor:
        # on a CPU torch's fused kernel is slower for short sequences than the plain products
        plain = sequence.shape[1] <= SHORT
        attended: Tensor
        attended, _ = self.attention(sequence, sequence, sequence, need_weights=plain, average_attn_weights=False)
        return attended

    @torch.no_grad()
    def initialise(self, pictures: Tensor) -> None:
        """Initialise the weights layer by layer so that the outputs of each layer vary between pictures.

        With torch's default weights the outputs of the LSTM and the attention hardly vary between pictures, and the
        first epochs learn almost nothing. Each layer is scaled and centred on the given pictures, as in LSUV (Mishkin &
        Matas, "All you need is a good init", 2016).

        Parameters
        ----------
        pictures : (B, C, H, W) in [0, 1], a few hundred training pictures; `mean` and `spread` must be set.
        """
        self.train()
        maps = self.normalised(pictures)
        for number, convolution in enumerate(self.convolutions):
            assert isinstance(convolution, nn.Conv2d)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
            maps = self.block(number, maps)
        pooled = self._initialise_attention(self._initialise_lstm(maps.flatten(2).transpose(1, 2)))
        nn.init.kaiming_normal_(self.hidden.weight, nonlinearity="relu")
        nn.init.zeros_(self.hidden.bias)
        self.hidden.weight.div_((pooled @ self.hidden.weight.T).std(0)[:, None] + 1e-6)
        nn.init.xavier_uniform_(self.logits.weight, gain=0.5)
        nn.init.zeros_(self.logits.bias)

    def _initialise_lstm(self, sequence: Tensor) -> Tensor:
        """Centre the gates' inputs, scale them to variance 1, open the forget gate; returns the LSTM's output."""
        inputs, recurrent, bias, no_bias = self.lstm.all_weights[0]
        nn.init.xavier_uniform_(inputs)
        for gate in recurrent.split(WIDTH):
            nn.init.orthogonal_(gate)
        inputs.div_((sequence @ inputs.T).flatten(0, 1).std(0).mean())
        bias.copy_(-(sequence @ inputs.T).flatten(0, 1).mean(0))
        nn.init.zeros_(no_bias)
        bias[WIDTH : 2 * WIDTH] += 1.0  # the forget gate
        output: Tensor = self.lstm(sequence)[0]
        return output

    def _initialise_attention(self, sequence: Tensor) -> Tensor:
        """Centre the values, scale outputs to variance 1 between pictures; returns the mean over positions."""
        attention = self.attention
        nn.init.xavier_uniform_(attention.in_proj_weight)
        nn.init.zeros_(attention.in_proj_bias)
        values = attention.in_proj_weight[2 * WIDTH :]
        nn.init.orthogonal_(values)
        attention.in_proj_bias[2 * WIDTH :].copy_(-(sequence @ values.T).flatten(0, 1).mean(0))
        nn.init.orthogonal_(attention.out_proj.weight)
        nn.init.zeros_(attention.out_proj.bias)
        attention.out_proj.weight.div_(self._attend(sequence).mean(1).std(0).mean())
        pooled = self._attend(sequence).mean(1)
        attention.out_proj.bias.copy_(-pooled.mean(0))
        return pooled - pooled.mean(0)
