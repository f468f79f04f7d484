"""Losses: known answers, classes that are not known, and wrong labels that pull less."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import UsageError
from mien.metrics.classification import f1
from mien.nets import losses
from mien.nets.settings import LOSSES, AugmentSettings, TrainSettings

ROWS = torch.arange(2)
COUNTS = torch.tensor([10.0, 20.0, 160.0, 0.0])


def loss(name: str, smoothing: float = 0.0, classes: int = 3) -> losses.Loss:
    return losses.get_loss(name)(torch.ones(classes), smoothing, COUNTS[:classes], 2)


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


@given(st.floats(0.01, 0.5), st.floats(1, 500))
def test_weights_of_pictures_leave_the_best_answer_to_a_sure_picture_as_it_is(smoothing: float, heavy: float) -> None:
    weights = torch.tensor([1.0, 1.0, heavy])
    of_pictures = losses.CrossEntropy(weights, smoothing, COUNTS[:3], 1, "pictures")
    of_shares = losses.CrossEntropy(weights, smoothing, COUNTS[:3], 1, "shares")
    best = of_pictures.shares(torch.zeros(1, 3), torch.eye(3)[:1])
    assert torch.allclose(best / best.sum(), torch.eye(3)[:1] * (1 - smoothing) + smoothing / 3, atol=1e-5)
    rare = of_pictures.shares(torch.zeros(1, 3), torch.eye(3)[2:])
    assert float(rare.sum() / best.sum()) == pytest.approx(heavy, rel=1e-4)
    shares = of_shares.shares(torch.zeros(1, 3), torch.eye(3)[:1])
    assert float(shares[0, 2] / shares[0, 1]) == pytest.approx(heavy, rel=1e-4)


@given(st.floats(0, 0.4))
def test_adjusted_logits_of_all_that_can_be_known_are_equal(smoothing: float) -> None:
    """Where pictures say nothing, the smoothed shares of the classes are the best answer, and the logits carry none."""
    own, counts = loss("logit-adjusted", smoothing), COUNTS[:3]
    logits = torch.zeros(1, 3, requires_grad=True)
    own(logits, (counts / counts.sum())[None], ROWS[:1]).backward()
    assert logits.grad is not None and torch.allclose(logits.grad, torch.zeros(1, 3), atol=1e-5)


def test_blended_pictures_have_no_memory() -> None:
    with pytest.raises(UsageError, match="blended"):
        TrainSettings(loss="elr", augment=AugmentSettings(mixup=0.2))


LOGITS = torch.tensor([[2.0, 0.5, 0.0], [0.0, 1.0, -1.0]])
TARGETS = torch.eye(3)[[0, 2]]


def test_the_focal_loss_as_in_its_paper() -> None:
    """−(1 − p)² log p of the label's probability; equation 5."""
    probs = LOGITS.softmax(1)[[0, 1], [0, 2]]
    assert torch.allclose(loss("focal")(LOGITS, TARGETS, ROWS), (-((1 - probs) ** 2) * probs.log()).mean())


def test_adjusted_logits_as_in_their_paper() -> None:
    """log(1 + Σ_j (π_j / π_y) e^(f_j − f_y)); equation 10."""
    expected = [
        sum((COUNTS[j] / COUNTS[y]) * (LOGITS[row, j] - LOGITS[row, y]).exp() for j in range(3)).log()  # type: ignore[union-attr]
        for row, y in enumerate((0, 2))
    ]
    assert torch.allclose(loss("logit-adjusted")(LOGITS, TARGETS, ROWS), torch.stack(expected).mean(), atol=1e-5)


def test_margins_are_wider_for_rare_classes() -> None:
    """n^(−1/4) of 10 and 160 pictures: twice as wide; equations 11 and 13."""
    wide, narrow = losses.MARGIN, losses.MARGIN / 2
    moved = LOGITS - torch.tensor([[wide, 0, 0], [0, 0, narrow]])
    expected = torch.nn.functional.cross_entropy(moved, torch.tensor([0, 2]))
    assert torch.allclose(loss("ldam")(LOGITS, TARGETS, ROWS), expected)


def test_the_soft_f1_of_sure_answers_is_the_macro_f1() -> None:
    answers, truth = torch.tensor([0, 0, 1, 2, 2, 1]), torch.tensor([0, 1, 1, 2, 2, 2])
    found = loss("soft-f1")(torch.eye(3)[answers] * 100, torch.eye(3)[truth], torch.arange(6))
    assert 1 - float(found) == pytest.approx(f1(truth.numpy(), answers.numpy(), 3).mean(), abs=1e-5)


def test_the_soft_f1_does_not_punish_a_class_for_being_absent_from_a_batch() -> None:
    """Beside earlier batches with the class, chances for it cost little; in a batch alone they would cost all."""
    own, fresh = loss("soft-f1"), loss("soft-f1")
    for _ in range(30):
        own(torch.eye(3) * 2, torch.eye(3), torch.arange(3))
    pulls = []
    for one in (own, fresh):
        logits = torch.zeros(2, 3, requires_grad=True)
        one(logits, torch.eye(3)[[0, 1]], ROWS).backward()
        assert logits.grad is not None
        pulls.append(float(logits.grad[:, 2].abs().sum()))
    assert pulls[0] < 0.1 * pulls[1]
