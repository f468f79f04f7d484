"""The watch of a patch from a store: the figures of `mien watch` on the same decisions and verdicts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.deploy.assessment import Assessment, WatchSettings, assess
from mien.deploy.patch_record import PatchRecord
from mien.watch.counted import Counted
from mien.watch.fields import time_text
from mien.watch.log import Problems, log_of

if TYPE_CHECKING:
    from mien.service.store import DecisionRow, Store, VerdictRow


class Watching:
    """The watch of one patch from a store. What was read is remembered, so a later call reads only what is new.

    Each decision counts while the store has it: what has expired no longer counts. Threads may share a watch.

    Attributes
    ----------
    problems : what could not be counted so far, such as a verdict that names no class of the patch.

    Parameters
    ----------
    record : of the patch. settings : as those of `mien watch`.
    """

    def __init__(self, store: Store, record: PatchRecord, settings: WatchSettings | None = None) -> None:
        self._store, self._record, self._settings = store, record, settings or WatchSettings()
        self._counted = Counted.nothing(record.id)
        self._decision = self._verdict = self._expired = 0
        self._last: tuple[bool, Assessment] | None = None
        self._turn = threading.Lock()
        self.problems = Problems()

    def assess(self, *, silenced: bool = False) -> Assessment:
        """What all decisions and verdicts that the store has show about the promise of the patch.

        Parameters
        ----------
        silenced : whether an alarm silenced the patch, so that fewer overrides are no surprise.

        Raises
        ------
        StorageError : the store cannot be read. What was read before is still counted at the next call.
        """
        with self._turn:
            is_new = self._read()
            if is_new or self._last is None or self._last[0] != silenced:
                assessment = assess(self._record, self._counted, self._settings, silenced=silenced)
                self._last = silenced, assessment
            return self._last[1]

    def _read(self) -> bool:
        """Count what is new, and whether anything is."""
        expired = self._store.expired_before()
        verdicts = list(_verdicts(self._store, self._verdict))  # first: each one's decision is in the store by now
        decisions = list(_decisions(self._store, self._decision))
        if (expired, not verdicts, not decisions) == (self._expired, True, True):
            return False
        log = log_of(
            map(_decision_entry, filter(_is_patched, decisions)), map(_verdict_entry, filter(_is_patched, verdicts)),
            self._record.classes, self._counted.patches, source=self._store.place,
        )  # fmt: skip
        self._counted = _since(self._counted.with_log(log), expired)
        self._expired = expired
        self._verdict = verdicts[-1].seq if verdicts else self._verdict
        self._decision = decisions[-1].seq if decisions else self._decision
        for problem in log.problems.examples:
            self.problems.add(problem.kind, problem.place, problem.cause, problem.remedy, 0)
        self.problems.counts.update(log.problems.counts)
        return True


def as_log(store: Store) -> Iterator[dict[str, Any]]:
    """The decisions of a store as lines of a log, in the form of `mien predict`, for `mien watch` and other tools.

    Decisions on which no patch was in force are left out: in a log, they would be taken for those of the watched one.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mien.service.store import DecisionRow, open_store
    >>> with TemporaryDirectory() as folder, open_store(f"{folder}/store.db") as store:
    ...     store.add([DecisionRow(prediction="a", time=0, base="joy", final="fear", overridden=True, patch="p")])
    ...     [(line["id"], line["label"], line["corrected"], line["time"]) for line in as_log(store)]
    [('a', 'joy', 'fear', '1970-01-01T00:00:00.000000Z')]
    """
    return map(_decision_entry, filter(_is_patched, _decisions(store, 0)))


def as_verdicts(store: Store) -> Iterator[dict[str, Any]]:
    """The verdicts of a store as lines of a file of verdicts, in the order in which they were given.

    A verdict on a decision that was drawn for an audit has its chance.
    """
    return map(_verdict_entry, filter(_is_patched, _verdicts(store, 0)))


def _decisions(store: Store, seq: int) -> Iterator[DecisionRow]:
    while page := store.decisions_since(seq):
        yield from page
        seq = page[-1].seq


def _verdicts(store: Store, seq: int) -> Iterator[VerdictRow]:
    while page := store.verdicts_since(seq):
        yield from page
        seq = page[-1].seq


def _is_patched(row: DecisionRow | VerdictRow) -> bool:
    return row.patch != ""


def _decision_entry(row: DecisionRow) -> dict[str, Any]:
    return {
        "id": row.prediction, "label": row.base, "corrected": row.final, "overridden": row.overridden,
        "action": row.action, "confidence": row.confidence, "distance": row.distance, "patch": row.patch,
        "score": row.score, "threshold": row.threshold, "time": time_text(row.time), "group": row.group,
    }  # fmt: skip


def _verdict_entry(row: VerdictRow) -> dict[str, Any]:
    return {"id": row.prediction, "label": row.label, "time": time_text(row.time), "chance": row.chance, "who": row.who}


def _since(counted: Counted, expired: int) -> Counted:
    """What was counted, without decisions that have expired and without the verdicts on them."""
    decisions = counted.decisions[counted.decisions["time"] >= expired]
    if len(decisions) == len(counted.decisions):
        return counted
    verdicts = counted.verdicts[np.isin(counted.verdicts["id"], decisions["id"])]
    return replace(counted, decisions=decisions, verdicts=verdicts)
