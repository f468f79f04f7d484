"""Decisions on their way into the store: written by one thread in batches, so that no answer waits for the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mien.errors import StorageError
from mien.service.store.rows import DecisionRow, ShadowRow
from mien.service.store.store import Store

log = logging.getLogger("mien.service")
PAUSE = 0.1
"""Most seconds between two writes: what arrives meanwhile is one transaction, which is cheaper than many."""
MOST_NEW = 1000
"""Decisions without a record, which hold their pictures; beyond, whoever adds one makes the records."""
RETRY = 1.0
"""Seconds until the next try, where the store could not be written."""


@dataclass(frozen=True, slots=True)
class Record:
    """A decision with what belongs to it."""

    decision: DecisionRow
    shadows: tuple[ShadowRow, ...] = ()
    crop: bytes | None = None


Later = Callable[[], Record]
"""Makes a record: later, so that no answer waits for it."""


@dataclass
class Recorder:
    """A thread that makes records of decisions and writes them.

    Where the store cannot be written, decisions wait in memory, and above `most` the oldest are lost and counted.

    Attributes
    ----------
    store : where they go. most : that wait in memory.
    most_bytes : of crops that wait in memory; decisions beyond wait without theirs.
    lost : how many are lost. failing : the last error of the store, None where the last write succeeded.
    """

    store: Store
    most: int = 100_000
    most_bytes: int = 2**28
    lost: int = 0
    failing: Exception | None = None
    _new: list[Later] = field(default_factory=list)
    _records: list[Record] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _stopping: bool = False
    _is_hurried: bool = False
    _taken: int = 0
    _written: int = 0
    _bytes: int = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def add(self, decisions: Sequence[Later]) -> None:
        """Take decisions; they are in the store a moment later."""
        with self._changed:
            if not self._new:
                self._changed.notify_all()
            self._new += decisions
            self._taken += len(decisions)
            are_many = len(self._new) > MOST_NEW
        if are_many:
            self._make()

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until everything taken so far is in the store; whether it is."""
        with self._changed:
            taken, self._is_hurried = self._taken, True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._written >= taken, seconds)

    def stop(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def waiting(self) -> int:
        """Number of decisions that are not in the store yet."""
        return self._taken - self._written

    def _make(self) -> None:
        """Make the records of what is new. Nobody who adds more waits meanwhile."""
        with self._changed:
            new, self._new = self._new, []
        made = [record for record in map(_made, new) if record is not None]
        with self._changed:
            for record in made:
                size = len(record.crop or b"")
                fits = self._bytes + size <= self.most_bytes
                self._records.append(record if fits else replace(record, crop=None))
                self._bytes += size if fits else 0
            surplus = max(0, len(self._records) - self.most)
            self._bytes -= sum(len(record.crop or b"") for record in self._records[:surplus])
            del self._records[:surplus]
            lost = surplus + len(new) - len(made)
            self.lost += lost
            self._written += lost

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.waiting or self._stopping)
                if not self.waiting:
                    return
                self._is_hurried = False
            self._make()
            with self._changed:
                records, self._records = self._records, []
            if not self._write(records):
                with self._changed:
                    self._records[:0] = records
                    if self._stopping:
                        self.lost += len(self._records)
                        log.error("%d decisions are lost: the store cannot be written", len(self._records))
                        return
                    self._changed.wait_for(lambda: self._stopping, RETRY)
            else:
                self._pause()

    def _pause(self) -> None:
        """Let decisions gather, unless somebody waits for them."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or (self._is_hurried and self.waiting), PAUSE)

    def _write(self, records: list[Record]) -> bool:
        shadows = [shadow for record in records for shadow in record.shadows]
        crops = {record.decision.prediction: record.crop for record in records if record.crop is not None}
        try:
            self.store.add([record.decision for record in records], shadows, crops)
        except Exception as error:  # a thread that ends would lose all decisions from now on
            if self.failing is None:
                is_fault = not isinstance(error, StorageError)
                log.error("decisions wait in memory: %s", error, exc_info=error if is_fault else None)
            self.failing = error
            return False
        self.failing = None
        with self._changed:
            self._written += len(records)
            self._bytes -= sum(map(len, crops.values()))
            self._changed.notify_all()
        return True


def _made(make: Later) -> Record | None:
    """The record; None for one that cannot be made, which is no reason to lose others."""
    try:
        return make()
    except Exception:
        log.exception("a decision could not be kept")
        return None
