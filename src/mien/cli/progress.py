"""Progress of long work on standard error: bars on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mien.cli.failures import to_stderr
from mien.data.checks import by_kind
from mien.data.reviews import KINDS
from mien.events import Event, OnEvent
from mien.types import Problem

DONE = "done"


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
    )
    with Progress(*columns, console=console) as bars:
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
    """A line for each new stage of each task; without tasks, one for each epoch too. Counts are left out."""

    def __init__(self) -> None:
        self.stages: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        stage = event.stage if event.task else str(event)
        if event.total or self.stages.get(event.task) == stage:
            return
        self.stages[event.task] = stage
        to_stderr(f"{event.task}: {stage}" if event.task else stage)


class _Bars:
    """A bar for each task, and one for all of the work."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.shown: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        name = event.task or "all"
        if name not in self.shown:
            self.shown[name] = self.bars.add_task(name, total=None, stage="")
        counted = f"{event.count:,} of {event.total:,} {event.stage}"
        stage = counted if event.total else str(event).removeprefix("training, ")
        done, total = (event.count, event.total) if event.total else (event.epoch, event.epochs)
        self.bars.update(
            self.shown[name], completed=done, total=total or None, stage=stage, visible=event.stage != DONE
        )  # fmt: skip
