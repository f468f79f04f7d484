"""When a new patch is made, by whom, and what becomes of it: proposed to a person, or swapped in by a stated policy."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from mien.classifiers.contract import Classifier
from mien.errors import MienError, RunError, StorageError, UsageError
from mien.service.in_force import InForce
from mien.service.patches import PatchFolder
from mien.service.refit import Outcome, refit
from mien.service.settings import BETTER, CROP, ServeSettings
from mien.service.store import open_store
from mien.service.store.judged import verdicts_after
from mien.service.store.rows import DECLINE, IN_FORCE, PROPOSE, REFIT, LogEntry
from mien.service.store.store import Store
from mien.service.store.turns import is_taken, keep_turn, take_turn
from mien.types import plain
from mien.workers import use_one_core, worker_processes

log = logging.getLogger("mien.service")
TURN = "refit"
LASTS = 60.0
"""Seconds for which a turn is taken; it is kept up while the refit runs."""
LOOKED = 1.0
"""Seconds between two looks at the number of verdicts, and at a refit that runs."""
RETRY = 600.0
"""Seconds until a refit that failed is tried again."""
NICE = 15
"""By how much a refit gives way to what answers."""
WHO = "mien"
"""Who proposes, and who swaps by policy, in the log."""


@dataclass(frozen=True)
class Elsewhere:
    """How another process opens what a service has.

    Attributes
    ----------
    open_classifier : gives the classifier; it is sent to the process. store : path or URL.
    """

    open_classifier: Callable[[], Classifier]
    store: str


@dataclass(frozen=True)
class Task:
    """All that a process needs for a refit.

    Attributes
    ----------
    elsewhere : classifier and store. folder, beside : as of `PatchFolder`. reference : of the patch in force.
    """

    elsewhere: Elsewhere
    folder: Path | None = None
    beside: tuple[Path, ...] = ()
    reference: str = ""
    settings: ServeSettings = field(default_factory=ServeSettings)


def work(task: Task) -> Outcome:
    """One refit, in a process of its own: on one core, and behind all that answers."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    use_one_core()
    with threadpool_limits(1), open_store(task.elsewhere.store) as store:
        patches = PatchFolder(task.folder, task.elsewhere.open_classifier(), task.beside)
        return refit(store, patches, task.reference, task.settings)


class Learning:
    """The refits of a server: one at a time over all workers that share its store.

    Parameters
    ----------
    elsewhere : for the process that makes a patch; None where no patch is ever made.

    Raises
    ------
    UsageError : new patches are asked for, and have no place.

    Attributes
    ----------
    problem : why the last refit of this worker failed; "" where it did not.
    """

    def __init__(
        self, in_force: InForce, store: Store, settings: ServeSettings, elsewhere: Elsewhere | None = None
    ) -> None:
        self.in_force, self.store, self.settings, self.elsewhere = in_force, store, settings, elsewhere
        self.problem = ""
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._looked = self._not_before = 0.0
        self._handled = (-1, 0)
        if settings.refit_after:
            self.check()

    def check(self) -> None:
        """Raise UsageError where no new patch can be made."""
        if self.elsewhere is None:
            remedy = "serve a classifier that lies in a folder"
            raise UsageError("another process cannot open the classifier", place="refit", remedy=remedy)
        if self.in_force.patches.folder is None:
            remedy = "name a folder for patches: --patches DIR"
            raise UsageError("a new patch has no place", place="refit", remedy=remedy)
        if self.settings.keep != CROP:
            remedy = "start the server with --keep crop"
            raise UsageError("verdicts teach nothing without pictures", place="refit", remedy=remedy)

    @property
    def missing(self) -> str:
        """What no new patch can be made without, and how to give it; "" where one can be made."""
        try:
            self.check()
        except UsageError as error:
            return f"{error.cause}: {error.remedy}"
        return ""

    def look(self) -> None:
        """Begin a refit where enough verdicts have come since the last one. To be called often; it costs nothing."""
        now = time.monotonic()
        if not self.settings.refit_after or self.running or now < max(self._looked + LOOKED, self._not_before):
            return
        self._looked = now
        if verdicts_after(self.store, self._last_verdict()) >= self.settings.refit_after:
            self._begin()

    def start(self) -> None:
        """Begin a refit now, however many verdicts there are.

        Raises
        ------
        UsageError : no patch can be made. RunError : a refit runs already, here or in another worker.
        """
        self.check()
        if not self._begin():
            raise RunError("a refit runs already", place="refit", remedy="wait until it ends: GET /patches/proposals")

    def stop(self) -> None:
        """End a refit that runs; it is tried again after the next start."""
        self._stopping.set()
        with self._starting:  # one that begins at this moment ends, too
            thread = self._thread
        if thread is not None:
            thread.join()

    @property
    def running(self) -> bool:
        """Whether this worker has a refit that runs."""
        return self._thread is not None and self._thread.is_alive()

    def decline(self, reference: str, *, reason: str = "", who: str = "") -> None:
        """Decline a proposal; the patch stays in the folder, and may be swapped in by name.

        Raises
        ------
        UsageError : no such proposal is open.
        """
        listed = self.in_force.patches.find(reference)
        waiting = {entry.patch: entry for entry in proposals(self.store.patch_log())}
        if listed is None or listed.id not in waiting:
            remedy = f"those that wait: {', '.join(map(_reference, waiting.values())) or 'none'}"
            raise UsageError("is no proposal that waits", place=plain(reference), remedy=remedy)
        entry = waiting[listed.id]
        self.store.log(
            LogEntry(
                action=DECLINE, patch=entry.patch, previous=entry.previous, name=entry.name, who=who, reason=reason,
                certificate=entry.certificate,
            )
        )  # fmt: skip

    def shown(self) -> dict[str, Any]:
        """Proposals that are open, and what the last refit came to, for clients."""
        entries = self.store.patch_log()
        last = next((entry for entry in reversed(entries) if entry.action in (PROPOSE, REFIT)), None)
        return {
            "running": is_taken(self.store, TURN), "problem": self.problem, "missing": self.missing,
            "verdicts": verdicts_after(self.store, self._last_verdict()), "refit_after": self.settings.refit_after,
            "swap": self.settings.swap, "last": last and last.shown,
            "proposals": [{**entry.shown, "reference": _reference(entry)} for entry in proposals(entries)],
        }  # fmt: skip

    def _last_verdict(self) -> int:
        """Place of the last verdict that a refit has read."""
        version = self.store.version()
        if version != self._handled[0]:
            read = [entry for entry in self.store.patch_log() if entry.action in (PROPOSE, REFIT) and entry.certificate]
            self._handled = version, max((int((entry.certificate or {})["verdict"]) for entry in read), default=0)
        return self._handled[1]

    def _begin(self) -> bool:
        """Take the turn and begin; whether no other has it."""
        with self._starting:
            if self.running or self._stopping.is_set() or self.elsewhere is None:
                return False
            ends = take_turn(self.store, TURN, LASTS)
            if ends:
                patches, now = self.in_force.patches, self.in_force.now
                task = Task(self.elsewhere, patches.folder, patches.beside, now.reference, self.settings)
                self._thread = threading.Thread(target=self._run, args=(task, ends), name="refit", daemon=True)
                self._thread.start()
            return bool(ends)

    def _run(self, task: Task, ends: int) -> None:
        """Wait for the process, keep up the turn meanwhile, and log what came out."""
        try:
            with worker_processes(1, "refit", "it is tried again later") as pool:
                outcome, ends = self._awaited(pool.submit(work, task), ends)
            self._conclude(outcome)
            self.problem = ""
        except MienError as error:
            self._failed(f"{error.cause}")
        except Exception as error:  # serving goes on whatever a refit runs into
            log.exception("a refit failed")
            self._failed(type(error).__name__)
        finally:
            try:
                keep_turn(self.store, TURN, ends, 0)
            except StorageError as error:  # the turn ends by itself
                log.warning("%s", error)

    def _awaited(self, future: Future[Outcome], ends: int) -> tuple[Outcome, int]:
        """The outcome, and when the turn ends by now."""
        while True:
            try:
                return future.result(LOOKED), ends
            except TimeoutError:
                if self._stopping.is_set():
                    raise RunError("the server stops", place="refit", remedy="it is tried again later") from None
            try:
                later = keep_turn(self.store, TURN, ends, LASTS)
            except StorageError as error:
                log.warning("%s", error)
                continue
            if not later:
                raise RunError("another worker has taken its turn", place="refit", remedy="look at its outcome")
            ends = later

    def _conclude(self, outcome: Outcome) -> None:
        """Log what a refit came to, and swap where the policy says so."""
        entry = LogEntry(
            action=PROPOSE if outcome.patch else REFIT, patch=outcome.patch, previous=outcome.previous,
            name=outcome.name, who=WHO, reason=outcome.words, certificate=outcome.content,
        )  # fmt: skip
        self.store.log(entry)
        log.info("refit: %s", outcome.words)
        if not (self.settings.swap == BETTER and outcome.better):
            return
        self.in_force.follow()
        now = self.in_force.now
        if now.id == outcome.previous and now.restraint is None:  # else a person decides
            reason = f"certified, and better on held-out verdicts: {outcome.words}"
            with suppress(RunError):  # a person was faster
                self.in_force.swap(outcome.reference, reason=reason, who=WHO, replacing=outcome.previous)

    def _failed(self, cause: str) -> None:
        self.problem, self._not_before = cause, time.monotonic() + RETRY
        if not self._stopping.is_set():
            log.warning("no refit: %s", cause)


def proposals(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """The proposals that are neither declined nor were in force since, oldest first.

    >>> steps = ((PROPOSE, "a"), (PROPOSE, "b"), (DECLINE, "a"), (PROPOSE, "c"), ("swap", "c"))
    >>> [entry.patch for entry in proposals(LogEntry(action=action, patch=patch) for action, patch in steps)]
    ['b']
    """
    waiting: dict[str, LogEntry] = {}
    for entry in entries:
        if entry.action == PROPOSE:
            waiting[entry.patch] = entry
        elif entry.action in (DECLINE, *IN_FORCE):
            waiting.pop(entry.patch, None)
    return list(waiting.values())


def _reference(entry: LogEntry) -> str:
    return f"{entry.name}@{entry.patch[:12]}"
