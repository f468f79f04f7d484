"""Decisions on their way into the store: written by one thread in batches, so that no answer waits for the disk."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace

from mien.errors import StorageError
from mien.service.store.rows import DecisionRow, ShadowRow
from mien.service.store.store import Store

log = logging.getLogger("mien.service")
PAUSE = 0.1
"""Most seconds between two writes: what arrives meanwhile is one transaction, which is cheaper than many."""
RETRY = 1.0
"""Seconds until the next try, where the store could not be written."""


@dataclass(frozen=True, slots=True)
class Record:
    """A decision with what belongs to it."""

    decision: DecisionRow
    shadows: tuple[ShadowRow, ...] = ()
    crop: bytes | None = None


@dataclass
class Recorder:
    """A thread that writes decisions.

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

    def add(self, records: list[Record]) -> None:
        """Take decisions; they are in the store a moment later."""
        with self._changed:
            if not self._records:
                self._changed.notify_all()
            for record in records:
                size = len(record.crop or b"")
                fits = self._bytes + size <= self.most_bytes
                self._records.append(record if fits else replace(record, crop=None))
                self._bytes += size if fits else 0
            self._taken += len(records)
            surplus = len(self._records) - self.most
            if surplus > 0:
                self._bytes -= sum(len(record.crop or b"") for record in self._records[:surplus])
                del self._records[:surplus]
                self.lost += surplus
                self._written += surplus

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
        return len(self._records)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._records or self._stopping)
                if not self._records:
                    return
                records, self._records, self._is_hurried = self._records, [], False
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
            self._changed.wait_for(lambda: self._stopping or (self._is_hurried and self._records), PAUSE)

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
