"""The watch of a server: whether the patches in force keep their promise, and what an alarm does."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from mien.deploy.assessment import Assessment, WatchSettings
from mien.deploy.watch_io import KEEP, SILENCE
from mien.service.in_force import Force, InForce
from mien.service.store.store import Store
from mien.service.watching import Watching

SHARE = 0.1
"""Largest share of the time that assessing takes: an earlier assessment is shown until it is that old."""
Counts = Mapping[tuple[str, str | None], int]
"""(f's answer, corrected answer) → how many decisions have both."""
POINTS = ("images", "rate", "lower", "upper", "log_evidence")


class Promise:
    """The promise of the patch in force, from the store's decisions and verdicts.

    Parameters
    ----------
    on_alarm : what an alarm puts in force, one of `mien.deploy.watch_io.ON_ALARM`. settings : as of `mien watch`.
    """

    def __init__(self, in_force: InForce, store: Store, settings: WatchSettings, on_alarm: str = KEEP) -> None:
        self.in_force, self.store, self.settings, self.on_alarm = in_force, store, settings, on_alarm
        self._watched: dict[str, Watching] = {}
        self._last: tuple[Force, Assessment, Counts] | None = None
        self._again = 0.0
        self._lock = threading.Lock()

    def assess(self) -> Assessment | None:
        """What decisions and verdicts show about the patch in force; None where none is in force.

        Where that is an alarm, it restrains the patch as the settings have it, unless a person has lifted that.
        """
        latest = self._latest()
        return None if latest is None else latest[1]

    def _latest(self) -> tuple[Force, Assessment, Counts] | None:
        """The latest assessment of what is in force, and how often each pair of answers was given."""
        now = self.in_force.now
        if not now.id:
            return None
        with self._lock:
            if self._last is None or self._last[0] is not now or time.monotonic() >= self._again:
                began = time.monotonic()
                assessment = self._watching(now).assess(silenced=_is_silenced(now))
                self._last = now, assessment, self.store.answer_counts(now.id)
                ended = time.monotonic()
                self._again = ended + (ended - began) / SHARE
            latest = self._last
        assessment = latest[1]
        is_free = now is self.in_force.now and now.restraint is None and self.on_alarm != KEEP
        if assessment.watch.alarmed and is_free and not self.in_force.lifted:
            self.in_force.restrain(self.on_alarm, assessment.words, now.id)
        return latest

    def _watching(self, now: Force) -> Watching:
        """The watch of the patch in force; those of earlier ones are forgotten."""
        if now.id not in self._watched:
            self._watched = {now.id: Watching(self.store, self.in_force.patches.record(now.id), self.settings)}
        return self._watched[now.id]

    def shown(self) -> dict[str, Any]:
        """The assessment of the patch in force for clients, with its curve and the answers before and after."""
        latest = self._latest()
        if latest is None:
            return {"patch": "", "standing": "none", "words": "no patch is in force, so nothing is promised"}
        now, assessment, counts = latest
        before: dict[str, int] = {}
        after: dict[str, int] = {}
        for (base, final), count in counts.items():
            before[base] = before.get(base, 0) + count
            after[final or ""] = after.get(final or "", 0) + count
        curve = [{name: getattr(point, name) for name in POINTS} for point in assessment.curve]
        return {
            "patch": now.id, "reference": now.reference, **assessment.to_json(), "unit": assessment.unit,
            "budget": now.loaded.patch.policy.budget if now.loaded.patch else None, "curve": curve,
            "classes": now.predictor.classes, "answers": {"before": before, "after": after},
        }  # fmt: skip


def _is_silenced(now: Force) -> bool:
    return bool(now.restraint and now.restraint.action == SILENCE)
