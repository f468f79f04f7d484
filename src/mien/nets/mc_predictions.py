"""Several predictions per picture for uncertainty: Monte Carlo dropout, DropConnect, Gaussian logits and ensembles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mien.errors import UsageError
from mien.nets.device import seed_everything
from mien.nets.extraction import BATCH, batches, mean_of_views, probabilities
from mien.nets.network import Network
from mien.nets.sampling import Sampling
from mien.types import Floats

PASSES = 20


def dropout_draws(model: Network, pixels: NDArray[np.uint8], passes: int = PASSES, seed: int = 0) -> Floats:
    """(E, N, K) probabilities of passes with active dropout; batch norm keeps its statistics.

    Y. Gal & Z. Ghahramani, *Dropout as a Bayesian approximation*, ICML 2016.

    Raises
    ------
    UsageError : the classifier has no dropout.
    """
    if not any(isinstance(module, nn.Dropout) for module in model.modules()):
        remedy = "give several classifiers to member_draws instead"
        raise UsageError("has no dropout layer", place=type(model).__name__, remedy=remedy)
    seed_everything(seed, passes)
    with _dropping(model):
        return np.stack([probabilities(model, pixels) for _ in range(passes)])


def dropconnect_draws(
    model: Network, pixels: NDArray[np.uint8], passes: int = PASSES, share: float = 0.2, seed: int = 0
) -> Floats:
    """(E, N, K) probabilities of passes in which a share of the weights of each dense layer is dropped.

    A. Mobiny et al., *DropConnect is effective in modeling uncertainty of Bayesian deep networks* (Scientific Reports
    2021). The classifier may have been trained without it. The remaining weights are scaled up, as with dropout; they
    are the same for all pictures of a pass.

    Raises
    ------
    UsageError : a share that is not between 0 and 1, or no dense layer.
    """
    dense = [module for module in model.modules() if type(module) is nn.Linear]
    if not dense or not 0 < share < 1:
        cause = "has no dense layer" if not dense else f"cannot drop {share:g} of its weights"
        remedy = "give several classifiers to member_draws instead" if not dense else "give a share between 0 and 1"
        raise UsageError(cause, place=type(model).__name__, remedy=remedy)
    seed_everything(seed, passes)
    weights = [module.weight.detach().clone() for module in dense]
    draws = []
    try:
        for _ in range(passes):
            for module, weight in zip(dense, weights, strict=True):
                module.weight.data = nn.functional.dropout(weight, share)
            draws.append(probabilities(model, pixels))
    finally:
        for module, weight in zip(dense, weights, strict=True):
            module.weight.data = weight
    return np.stack(draws)


def gaussian_draws(
    model: Sampling, pixels: NDArray[np.uint8], passes: int = PASSES, seed: int = 0
) -> tuple[Floats, Floats]:
    """(E, N, K) means and variances of Gaussian logits over passes with dropout, for `mien.uncertainty.gaussian_split`.

    Raises
    ------
    UsageError : the classifier has no Gaussian logits.
    """
    if "variances" not in model.layers:
        raise UsageError("has no Gaussian logits", place=type(model).__name__, remedy="train one with --base sampling")
    seed_everything(seed, passes)
    means, variances = np.empty((2, passes, len(pixels), len(model.known)), np.float32)
    with _dropping(model):
        for number in range(passes):
            for batch, views in enumerate(batches(model, pixels)):
                rows, layers = slice(batch * BATCH, (batch + 1) * BATCH), mean_of_views(views)
                means[number, rows] = layers["means"].float().cpu().numpy()
                variances[number, rows] = layers["variances"].float().cpu().numpy()
    means[..., ~model.known.cpu().numpy()] = -np.inf
    return means, variances


def member_draws(models: Sequence[Network], pixels: NDArray[np.uint8]) -> Floats:
    """(E, N, K) probabilities of the members of an ensemble (Lakshminarayanan, Pritzel & Blundell, NeurIPS 2017).

    Raises
    ------
    UsageError : fewer than two members, or members with other classes.
    """
    known = {tuple(model.known.tolist()) for model in models}
    if len(models) < 2 or len(known) > 1:
        cause = f"there are {len(models)} members, trained on {len(known)} different sets of classes"
        raise UsageError(cause, place="member_draws", remedy="give two or more that were trained on the same classes")
    return np.stack([probabilities(model, pixels) for model in models])


@contextmanager
def _dropping(model: Network) -> Iterator[None]:
    """Keep dropout active in evaluation mode within the context."""
    dropped = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    try:
        for module in dropped:
            module.forward = partial(nn.functional.dropout, p=module.p, training=True)  # type: ignore[method-assign]
        yield
    finally:
        for module in dropped:
            del module.forward
