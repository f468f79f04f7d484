"""Trainable layers of an adapter, which compute logits of all K classes from an early map of a classifier."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from mien.nets.blocks import NARROW, ConvBlocks
from mien.nets.network import Network
from mien.nets.pretrained import Pretrained, of
from mien.nets.residual import Block

WIDTH = 128
DROPOUT = 0.3
"""Lower than in the training of a base classifier, since the copied layers are already trained."""


def widened(model: Network, classes: int) -> Network:
    """Copy a classifier to one with more classes, on which it is not trained; the outputs for its own do not change."""
    added = classes - len(model.known)
    if not added:
        return model
    # weights of a backbone are not downloaded again
    kind = of(model.source, model.config) if isinstance(model, Pretrained) else type(model)
    known = (*model.known.tolist(), *[False] * added)
    wide = kind(classes, model.mean.shape[0], known)
    weights = {}
    for (name, new), old in zip(wide.state_dict().items(), model.state_dict().values(), strict=True):
        missing = len(new) - len(old) if new.ndim else 0
        weights[name] = torch.cat([old, old.new_zeros(missing, *old.shape[1:])]) if missing else old
    wide.load_state_dict(weights)
    wide.precision, wide.flip_tta = model.precision, model.flip_tta
    return wide.eval()


class Copied(Network):
    """A copy of the layers of a classifier above its `adapter_layer`, with logits for every class.

    It starts with the weights of the classifier, so a few epochs on a few thousand pictures suffice for a new class.
    """

    layers = ("logits",)

    def __init__(self, base: Network) -> None:
        super().__init__(len(base.known), 1)
        self.upper = deepcopy(base).cpu().float()
        for name in base.below:
            parent, _, child = name.rpartition(".")
            setattr(self.upper.get_submodule(parent), child, nn.Identity())
        self.upper.known.fill_(True)
        for module in self.upper.modules():
            if isinstance(module, nn.Dropout):
                module.p = DROPOUT

    def measure(self, pictures: Tensor) -> None:
        """Do nothing, since the copied layers start from a map and need no normalisation."""

    def activations(self, pictures: Tensor) -> dict[str, Tensor]:
        return {"logits": self.upper.upper_layers(pictures)["logits"]}


class Fresh(ConvBlocks, Network):
    """Two residual blocks with new weights and a mean over positions, for maps of any classifier, or for pixels.

    Parameters
    ----------
    classes : number of classes K.
    colours : channels of the map; with 3 or fewer (pixels), two convolution blocks precede the residual blocks.
    """

    layers = ("logits",)

    def __init__(self, classes: int, colours: int) -> None:
        super().__init__(classes, colours)
        stem = (colours, 32, 64) if colours <= NARROW else (colours,)
        self.add_blocks(*stem)
        self.blocks = nn.Sequential(Block(stem[-1], WIDTH, 2), Block(WIDTH, WIDTH, 1))
        self.dropout = nn.Dropout(DROPOUT)
        self.logits = nn.Linear(WIDTH, classes)

    def activations(self, pictures: Tensor) -> dict[str, Tensor]:
        maps = self.normalised(pictures)
        for number in range(len(self.convolutions)):
            maps = self.block(number, maps)
        pooled = self.blocks(maps).mean((2, 3))
        return {"logits": self.masked(self.logits(self.dropout(pooled)))}

    @torch.no_grad()
    def initialise(self, pictures: Tensor) -> None:
        nn.init.zeros_(self.logits.weight)
        nn.init.zeros_(self.logits.bias)
