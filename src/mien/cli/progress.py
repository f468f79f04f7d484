"""How a study gets on: moving bars on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mien.cli.notes import to_stderr
from mien.experiments.progress import Watched, progress_of


@contextmanager
def watching(epochs: int) -> Iterator[_Watcher]:
    """A callable for `watch` of :func:`mien.experiments.leave_one_out.study.run`; output goes to stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TextColumn("{task.fields[stage]:<28}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress, epochs)


@contextmanager
def stages() -> Iterator[Callable[[str], object]]:
    """A callable that says what is being done: a moving line on a terminal, one line each in a log."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield to_stderr
        return
    with console.status("") as status:
        yield lambda stage: status.update(stage)


class _Watcher:
    def __call__(self, cells: Sequence[Watched]) -> None:
        raise NotImplementedError


class _Lines(_Watcher):
    """One line when a cell goes from one stage to the next."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def __call__(self, cells: Sequence[Watched]) -> None:
        for cell in cells:
            name, stage = f"seed {cell.seed} {cell.key}", str(progress_of(cell)["stage"])
            if stage not in ("waiting", self.seen.get(name)):
                self.seen[name] = stage
                to_stderr(f"{name}: {stage}")


class _Bars(_Watcher):
    """A bar a cell, and one for all."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        self.progress, self.epochs = progress, epochs
        self.tasks: dict[str, TaskID] = {}
        self.all = progress.add_task("all", total=None, stage="")

    def __call__(self, cells: Sequence[Watched]) -> None:
        for cell in cells:
            found = progress_of(cell)
            if found["stage"] == "waiting":
                continue
            name = f"seed {cell.seed} {cell.key}"
            if name not in self.tasks:
                self.tasks[name] = self.progress.add_task(name, total=self.epochs, stage="")
            epoch = found["epoch"]
            stage = f"epoch {int(epoch['epoch'])} of {self.epochs}" if epoch else found["stage"]
            done = self.epochs if not epoch else epoch["epoch"]
            self.progress.update(self.tasks[name], completed=done, stage=stage, visible=found["stage"] != "done")
        finished = sum(cell.finished() for cell in cells)
        self.progress.update(self.all, total=len(cells), completed=finished, stage=f"{finished} of {len(cells)} cells")


@contextmanager
def decoding() -> Iterator[_Decoding]:
    """A callable (done, total) for the decoding of pictures, silent when all is in the cache."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Decoding(None)
        return
    columns = (TextColumn("reading pictures        "), BarColumn(), TextColumn("{task.completed:,} of {task.total:,}"))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Decoding(progress)


class _Decoding:
    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        if self.progress is None:
            return
        if self.task is None:
            self.task = self.progress.add_task("", total=total)
        self.progress.update(self.task, completed=done, total=total)
