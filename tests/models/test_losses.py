"""Losses: known answers, classes that are not known, and wrong labels that pull less."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import UsageError
from mien.models import losses
from mien.models.settings import LOSSES, AugmentSettings, TrainSettings

ROWS = torch.arange(2)


def loss(name: str, smoothing: float = 0.0, classes: int = 3) -> losses.Loss:
    return losses.find(name)(torch.ones(classes), smoothing, 2)


def test_generalised_cross_entropy_as_in_its_paper() -> None:
    """(1 − p^q) / q of the label's probability; equation 6."""
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    probs = logits.softmax(1)[[0, 1], [0, 2]].numpy()
    expected = ((1 - probs**0.7) / 0.7).mean()
    found = loss("gce")(logits, torch.eye(3)[[0, 2]], ROWS)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)


def pull(name: str, logit: float) -> float:
    """How strongly a label moves the logits of a picture that is answered otherwise."""
    logits = torch.tensor([[logit, 0.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    loss(name)(logits, torch.eye(3)[[1, 0]], ROWS).backward()
    assert logits.grad is not None
    return float(logits.grad[0].abs().sum())


def test_a_label_against_all_evidence_pulls_less() -> None:
    assert pull("gce", 6.0) < 0.2 * pull("cross-entropy", 6.0)
    assert pull("cross-entropy", 6.0) > pull("cross-entropy", 0.0)


def test_early_learning_holds_on_to_what_was_answered_before() -> None:
    """After some epochs of answering class 0, the label 1 pulls less than with cross entropy alone."""
    own = loss("elr")
    sure = torch.tensor([[4.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    for _ in range(10):
        own(sure, torch.eye(3)[[1, 1]], ROWS)
    assert torch.allclose(own.state()["memory"], sure.softmax(1), atol=0.05)
    logits = sure.clone().requires_grad_()
    own(logits, torch.eye(3)[[1, 1]], ROWS).backward()
    plain = sure.clone().requires_grad_()
    loss("cross-entropy")(plain, torch.eye(3)[[1, 1]], ROWS).backward()
    assert logits.grad is not None and plain.grad is not None
    assert logits.grad[0, 0] < plain.grad[0, 0]


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 1000))
def test_a_class_that_is_not_known_takes_no_part(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = torch.tensor(rng.normal(size=(2, 3)), dtype=torch.float32)
    wide = torch.cat([raw, torch.full((2, 1), -torch.inf)], 1).requires_grad_()
    narrow = raw.clone().requires_grad_()
    targets = torch.eye(3)[rng.integers(0, 3, 2)]
    one = loss(name, 0.1, 4)(wide, torch.nn.functional.pad(targets, (0, 1)), ROWS)
    other = loss(name, 0.1)(narrow, targets, ROWS)
    one.backward()
    other.backward()
    assert wide.grad is not None and narrow.grad is not None
    assert torch.allclose(one, other, atol=2e-3)
    assert torch.allclose(wide.grad[:, :3], narrow.grad, atol=2e-3) and (wide.grad[:, 3] == 0).all()


def test_blended_pictures_have_no_memory() -> None:
    with pytest.raises(UsageError, match="blended"):
        TrainSettings(loss="elr", augment=AugmentSettings(mixup=0.2))
