"""The watch of a server: what is shown is of one moment, and asking often costs the store little."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving import Bars

from mien.deploy.assessment import WatchSettings
from mien.service import promise
from mien.service.in_force import InForce
from mien.service.patches import PatchFolder
from mien.service.promise import Promise
from mien.service.store import DecisionRow, Store


def test_the_answers_are_those_of_the_assessment_and_both_are_read_together(
    patches: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    force = InForce(PatchFolder(patches, Bars()), store)
    assert Promise(force, store, WatchSettings()).shown()["standing"] == "none"
    patch = force.start("first").id
    watch = Promise(force, store, WatchSettings())

    def answer(name: str) -> None:
        store.add([DecisionRow(prediction=name, time=1, base="upper", final="lower", overridden=True, patch=patch)])

    answer("a")
    monkeypatch.setattr(promise, "SHARE", 1e-9)  # the next assessment is far away
    assert watch.shown()["answers"] == {"before": {"upper": 1}, "after": {"lower": 1}}
    answer("b")
    shown = watch.shown()
    assert shown["answers"]["before"] == {"upper": 1} and shown["curve"][-1]["images"] == 1
    monkeypatch.setattr(promise, "SHARE", 1e9)
    force.swap("second")
    force.roll_back()
    shown = watch.shown()
    assert shown["answers"]["before"] == {"upper": 2} and shown["curve"][-1]["images"] == 2
