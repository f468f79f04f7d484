"""Progress files of tasks, and the events made of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from mien.events import Event
from mien.experiments import progress
from mien.experiments.progress import announce, event_of, watched
from mien.storage.files import write_json


@dataclass(frozen=True)
class Part:
    path: Path
    seed: int = 0
    key: str = "full"

    def finished(self) -> bool:
        return (self.path / "cell.json").exists()


def test_what_was_announced_is_an_event(tmp_path: Path) -> None:
    part = Part(tmp_path)
    assert event_of(part) == Event("waiting", "seed 0 full")
    announce(part, "training", 3, 20)
    assert event_of(part) == Event("training", "seed 0 full", 3, 20)
    assert str(event_of(part)) == "training, epoch 3 of 20"


@pytest.mark.parametrize("epoch", [None, {"epoch": 3.0, "seconds": 0.1}])
def test_files_of_earlier_versions_are_read(tmp_path: Path, epoch: object) -> None:
    write_json(tmp_path / "progress.json", {"stage": "training", "epoch": epoch})
    assert event_of(Part(tmp_path)) == Event("training", "seed 0 full")


def test_each_change_is_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.01)
    events: list[Event] = []
    met = threading.Event()

    def on_event(event: Event) -> None:
        events.append(event)
        if event.stage == "training":
            met.set()

    part = Part(tmp_path)
    with watched([part], on_event):
        announce(part, "training", 1, 2)
        assert met.wait(5)  # while the block still works
        write_json(tmp_path / "cell.json", {})
    assert [event for event in events if event.task] == [Event("training", "seed 0 full", 1, 2)]
    assert events[0] == Event("tasks", count=0, total=1) and events[-1] == Event("tasks", count=1, total=1)


def test_an_error_of_the_listener_is_raised_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.01)
    part, failed = Part(tmp_path), threading.Event()

    def on_event(event: Event) -> None:
        if event.task:
            failed.set()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), watched([part], on_event):
        announce(part, "training")
        assert failed.wait(5)
