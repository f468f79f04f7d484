"""Progress of the tasks of an experiment: a small file in each task's folder, and events made of these."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mien.events import Event, OnEvent
from mien.storage.files import read_json, write_json

POLL_SECONDS = 0.5
WAITING, TASKS = "waiting", "tasks"


class Task(Protocol):
    """A part of an experiment that is done by itself. It names a folder, so any process on the same disk can do it."""

    @property
    def seed(self) -> int: ...

    @property
    def key(self) -> str: ...

    @property
    def path(self) -> Path: ...

    def finished(self) -> bool: ...


def announce(task: Task, stage: str, epoch: int = 0, epochs: int = 0) -> None:
    """Write what a task is at into its folder."""
    write_json(task.path / "progress.json", {"stage": stage, "epoch": epoch, "epochs": epochs})


def event_of(task: Task) -> Event:
    """What a task is at, as its folder has it; the stage is "waiting" before it begins."""
    name, path = f"seed {task.seed} {task.key}", task.path / "progress.json"
    if not path.exists():
        return Event(WAITING, name)
    record = read_json(path)
    # earlier versions wrote all figures of the epoch, and not how many there are
    epoch, epochs = (value if isinstance(value, int) else 0 for value in (record["epoch"], record.get("epochs")))
    return Event(record["stage"], name, epoch, epochs)


@contextmanager
def watched(tasks: Sequence[Task], on_event: OnEvent) -> Iterator[None]:
    """Report what the tasks are at, and how many are finished, until the block ends.

    `on_event` is called from a thread, twice a second, with what has changed. An error that it raises ends the
    reports, and is raised at the end of the block.
    """
    reported: dict[str, Event] = {}
    ended, errors = threading.Event(), []

    def look() -> None:
        done = sum(task.finished() for task in tasks)
        for event in (*map(event_of, tasks), Event(TASKS, count=done, total=len(tasks))):
            if event != reported.get(event.task) and event.stage != WAITING:
                reported[event.task] = event
                on_event(event)

    def watch() -> None:
        try:
            while not ended.wait(POLL_SECONDS):
                look()
        except Exception as error:
            errors.append(error)

    look()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    if errors:
        raise errors[0]
    look()
