"""Progress of long work on standard error: bars on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien.cli.failures import to_stderr
from mien.data.checks import by_kind
from mien.data.reviews import KINDS
from mien.events import Event, OnEvent
from mien.types import Problem

DONE = "done"
BETWEEN = 60
"""Seconds between two counts in a log."""


@contextmanager
def progress(*, notes: bool = True) -> Iterator[OnEvent]:
    """Give a callable that shows each Event of long work.

    Parameters
    ----------
    notes : whether the problems of the data are printed.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _with_notes(_Lines()) if notes else _Lines()
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TextColumn("{task.fields[stage]:<28}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # what is printed to standard output stays there
    with Progress(*columns, console=console, redirect_stdout=False) as bars:
        yield _with_notes(_Bars(bars)) if notes else _Bars(bars)


@contextmanager
def stages() -> Iterator[Callable[[str], object]]:
    """Give a callable that shows the stages of work that has no other events."""
    with progress(notes=False) as on_event:
        yield lambda stage: on_event(Event(stage))


def _with_notes(show: OnEvent) -> OnEvent:
    """Print the problems of the data before an event is shown."""

    def on_event(event: Event) -> None:
        note_data(event.problems)
        show(event)

    return on_event


def note_data(problems: Iterable[Problem]) -> None:
    """Print a line for each kind of problem with reviews, with its first example, and one line that counts the rest."""
    kinds = by_kind(list(problems))
    for kind in kinds:
        if kind.name in KINDS:
            to_stderr(f"note: {kind.count:,} × {kind.name}: {kind.examples[0]}")
    counts = ", ".join(f"{kind.count:,} × {kind.name}" for kind in kinds if kind.name not in KINDS)
    if counts:
        to_stderr(f"note: the data have problems: {counts} (mien data inspect shows them)")


class _Lines:
    """A line for each new stage of each task; without tasks, one for each epoch too. Counts are shown once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.stages: dict[str, str] = {}
        self.clock = clock
        self.shown = clock()
        self.counted: dict[str, tuple[int, float]] = {}
        """Task and stage → the first count, and when it was there."""

    def __call__(self, event: Event) -> None:
        if event.count or event.total:
            self._count(event)
            return
        stage = event.stage if event.task else str(event)
        if self.stages.get(event.task) == stage:
            return
        self.stages[event.task] = stage
        to_stderr(f"{event.task}: {stage}" if event.task else stage)

    def _count(self, event: Event) -> None:
        now = self.clock()
        first, began = self.counted.setdefault(f"{event.task} {event.stage}", (event.count, now))
        if now - self.shown < BETWEEN:
            return
        self.shown = now
        text = _counted(event)
        if event.total > event.count > first:
            left = (now - began) / (event.count - first) * (event.total - event.count)
            text += f", about {timedelta(seconds=round(left))} left"
        to_stderr(f"{event.task}: {text}" if event.task else text)


def _counted(event: Event) -> str:
    total = f" of {event.total:,}" if event.total else ""
    return f"{event.count:,}{total} {event.stage}"


class _Bars:
    """A bar for each task, and one for all of the work."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.shown: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        name = event.task or "all"
        if name not in self.shown:
            self.shown[name] = self.bars.add_task(name, total=None, stage="")
        stage = _counted(event) if event.count or event.total else str(event).removeprefix("training, ")
        done, total = (event.count, event.total) if event.total else (event.epoch, event.epochs)
        self.bars.update(
            self.shown[name], completed=done, total=total or None, stage=stage, visible=event.stage != DONE
        )  # fmt: skip
