"""Events: what long work reports while it is done, for progress displays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mien.types import Problem


@dataclass(frozen=True)
class Event:
    """One step of long work; fields that do not apply are empty.

    Attributes
    ----------
    stage : what is being done, such as "training".
    task : the part of the work that it belongs to, such as "seed 0 full"; "" for all of it.
    epoch, epochs : of a training: the last one done, and how many there are at most.
    count, total : pictures or tasks done, and how many there are.
    problems : those of the data that were found in this step.

    Examples
    --------
    >>> str(Event("training", epoch=3, epochs=20))
    'training, epoch 3 of 20'
    """

    stage: str
    task: str = ""
    epoch: int = 0
    epochs: int = 0
    count: int = 0
    total: int = 0
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        return f"{self.stage}, epoch {self.epoch} of {self.epochs}" if self.epoch else self.stage


OnEvent = Callable[[Event], object]


def ignore(event: Event) -> None:
    """Take an event and report nothing."""
