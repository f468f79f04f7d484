"""Many answers to the same picture: from passes with dropout left on, or from several classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mien.errors import UsageError
from mien.models.classifier import Classifier
from mien.models.device import seed_everything
from mien.models.latents import probabilities
from mien.types import Floats

PASSES = 20


def dropout_draws(model: Classifier, pixels: NDArray[np.uint8], passes: int = PASSES, seed: int = 0) -> Floats:
    """(E, N, K) probabilities of passes in which dropout is on, and nothing else of training.

    Notes
    -----
    Y. Gal & Z. Ghahramani, *Dropout as a Bayesian approximation*, ICML 2016. Batch norm keeps its statistics.

    Raises
    ------
    UsageError : the classifier has no dropout.
    """
    if not any(isinstance(module, nn.Dropout) for module in model.modules()):
        remedy = "give several classifiers to member_draws instead"
        raise UsageError("has no dropout to leave on", place=type(model).__name__, remedy=remedy)
    seed_everything(seed, passes)
    with _dropping(model):
        return np.stack([probabilities(model, pixels) for _ in range(passes)])


def member_draws(models: Sequence[Classifier], pixels: NDArray[np.uint8]) -> Floats:
    """(E, N, K) probabilities of the members of an ensemble (Lakshminarayanan, Pritzel & Blundell, NeurIPS 2017).

    Raises
    ------
    UsageError : fewer than two members, or members with other classes.
    """
    known = {tuple(model.known.tolist()) for model in models}
    if len(models) < 2 or len(known) > 1:
        cause = f"{len(models)} members, with {len(known)} sets of known classes"
        raise UsageError(cause, place="member_draws", remedy="give two or more that were trained on the same classes")
    return np.stack([probabilities(model, pixels) for model in models])


@contextmanager
def _dropping(model: Classifier) -> Iterator[None]:
    """Dropout stays on, whatever switches the model to evaluation."""
    dropped = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    try:
        for module in dropped:
            module.forward = partial(nn.functional.dropout, p=module.p, training=True)  # type: ignore[method-assign]
        yield
    finally:
        for module in dropped:
            del module.forward
