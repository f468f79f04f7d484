"""Progress in a log: stages as they come, counts once a minute."""

from __future__ import annotations

import pytest

from mien.cli.progress import _Lines
from mien.events import Event


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_counts_are_shown_once_a_minute_with_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    show = _Lines(clock)
    for second in range(0, 181, 10):
        clock.now = second
        show(Event("pictures", count=100 * (second + 10), total=40_000))
    assert capsys.readouterr().err.splitlines() == [
        "7,000 of 40,000 pictures, about 0:05:30 left",
        "13,000 of 40,000 pictures, about 0:04:30 left",
        "19,000 of 40,000 pictures, about 0:03:30 left",
    ]


def test_a_count_without_a_total_and_one_of_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    show = _Lines(clock)
    show(Event("pictures", count=10))
    clock.now = 70
    show(Event("pictures", count=500))
    clock.now = 140
    show(Event("tasks", "seed 0", count=3, total=4))
    assert capsys.readouterr().err == "500 pictures\nseed 0: 3 of 4 tasks\n"


def test_stages_are_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    show = _Lines()
    for event in (Event("training", epoch=1, epochs=2), Event("training", epoch=2, epochs=2), Event("done", "seed 0")):
        show(event)
        show(event)
    assert capsys.readouterr().err == "training, epoch 1 of 2\ntraining, epoch 2 of 2\nseed 0: done\n"
