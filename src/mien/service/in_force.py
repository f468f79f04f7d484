"""The patch in force: exchanged in one step after it was loaded and tried; the store's log has every exchange."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from mien.deploy.predictor import Predictor
from mien.deploy.watch_io import Restraint
from mien.errors import DataError, RunError, UsageError
from mien.service.patches import NONE, PatchFolder
from mien.service.store.rows import IN_FORCE, LIFT, RESTRAIN, ROLL_BACK, START, SWAP, LogEntry
from mien.service.store.store import Store


@dataclass(frozen=True)
class Force:
    """What answers now.

    Attributes
    ----------
    loaded : the classifier with its patch, as it was loaded. name : of the patch, "" for none.
    version : of the store's log that it follows. restraint : what an alarm put in force.
    """

    loaded: Predictor
    name: str = ""
    version: int = 0
    restraint: Restraint | None = None

    @cached_property
    def predictor(self) -> Predictor:
        """What answers: the patch under its restraint."""
        patch = self.loaded.patch
        if patch is None or patch.restraint == self.restraint:
            return self.loaded
        return replace(self.loaded, patch=replace(patch, restraint=self.restraint))

    @property
    def id(self) -> str:
        """The id of the patch, "" for none."""
        return self.loaded.patch.id if self.loaded.patch else ""

    @property
    def reference(self) -> str:
        """NAME@HASH, "none" without a patch."""
        return f"{self.name}@{self.id[:12]}" if self.id else NONE


class InForce:
    """The patch in force of a server, the same for all workers that share its store.

    Readers take `now` without a lock: it is one object, exchanged at once. A picture that was taken in with the earlier
    one is still answered by it.
    """

    def __init__(self, patches: PatchFolder, store: Store, who: str = "") -> None:
        self.patches, self.store, self.who = patches, store, who
        self.now = Force(patches.uncorrected)
        self._changing = threading.RLock()

    def start(self, reference: str | None = None) -> Force:
        """Put a patch in force as the server starts: the one named, or else that of the store's log, or else none.

        Raises
        ------
        UsageError, RunError : there is no such patch, or it cannot be loaded.
        """
        with self._changing:
            before = history(self.store.patch_log())
            listed = self.patches.find(reference) if reference is not None else None
            named = listed.id if listed else ""
            if before and (reference is None or before[-1].patch == named):
                self._follow_from(before[-1])
            else:  # what was in force before need not be there any more
                self._put(lambda stack: reference or NONE, START, "", self.who)
            return self.now

    def _follow_from(self, last: LogEntry) -> None:
        """Follow the log of an earlier server; UsageError where the patch that was in force last is not there."""
        try:
            self._follow()
        except UsageError:
            cause = f"{last.name}@{last.patch[:12]}, which was in force last, is not among the patches"
            remedy = "put its folder back, name another with --patch, or start without: --patch none"
            raise UsageError(cause, place="patch", remedy=remedy) from None

    def swap(self, reference: str, *, reason: str = "", who: str = "", replacing: str | None = None) -> Force:
        """Put a patch in force: it is loaded and tried, logged, and then exchanged. An alarm's restraint ends with it.

        Parameters
        ----------
        replacing : id of the patch that it may replace alone, "" for none; None for whichever is in force.

        Raises
        ------
        UsageError : no such patch. RunError : it is damaged, or for another classifier, or another one is in force than
            it may replace; that one stays in force.
        """

        def wanted(stack: list[LogEntry]) -> str:
            now = stack[-1].patch if stack else ""
            if replacing is not None and now != replacing:
                remedy = "look at what is in force now"
                raise RunError("another patch was put in force meanwhile", place=reference, remedy=remedy)
            return reference

        with self._changing:
            return self._put(wanted, SWAP, reason, who or self.who)

    def roll_back(self, *, reason: str = "", who: str = "") -> Force:
        """Put that in force which was before the last swap; a second call goes one swap further back.

        Raises
        ------
        UsageError : nothing was in force before.
        """
        with self._changing:
            return self._put(_earlier, ROLL_BACK, reason, who or self.who)

    def restrain(self, action: str, reason: str, patch: str | None = None) -> Force:
        """Let the patch in force only flag, or be silent, until the next swap; every worker follows.

        Parameters
        ----------
        patch : id of the one that the alarm is about: nothing changes where another one is in force by now. None for
            whichever it is.
        """
        with self._changing:
            while True:
                self._follow()
                is_meant = self.now.id and patch in (None, self.now.id)
                if not is_meant or (self.now.restraint and self.now.restraint.action == action):
                    return self.now
                restraint = Restraint(action, reason)
                content = {**(certificate_of(self.now.loaded) or {}), "restraint": asdict(restraint)}
                if self._keep(RESTRAIN, reason, self.who, content, restraint):
                    return self.now

    def lift(self, *, reason: str = "", who: str = "") -> Force:
        """End what an alarm put in force; the patch overrides again.

        Raises
        ------
        UsageError : nothing restrains the patch; or its own folder does, where `mien watch` wrote that.
        """
        with self._changing:
            while True:
                self._follow()
                if self.now.restraint is None:
                    raise UsageError("no alarm restrains the patch", place="lift", remedy="nothing: it is in force")
                patch = self.now.loaded.patch
                if patch is not None and patch.restraint is not None:
                    remedy = "lift it there with mien watch PATCH --fresh, and start the server again"
                    raise UsageError("the restraint stands in the patch's own folder", place="lift", remedy=remedy)
                if self._keep(LIFT, reason, who or self.who, certificate_of(self.now.loaded), None):
                    return self.now

    @property
    def lifted(self) -> bool:
        """Whether a person lifted what an alarm put in force, since the patch is in force."""
        for entry in reversed(self.store.patch_log()):
            if entry.action == LIFT or entry.action in IN_FORCE:
                return entry.action == LIFT
        return False

    def follow(self) -> bool:
        """Put in force what another worker logged since; whether anything changed."""
        if self.store.version() == self.now.version:
            return False
        with self._changing:
            return self._follow()

    def _follow(self) -> bool:
        log = self.store.patch_log()
        entries = [entry for entry in log if entry.seq > self.now.version]
        if not entries:
            return False
        stack, restraint = history(log), self.now.restraint
        for entry in entries:
            restraint = _restraint(entry, restraint)
        last = stack[-1] if stack else None
        if last is None or last.patch == self.now.id:
            predictor, name = self.now.loaded, self.now.name
        else:
            predictor, name = self.patches.load(last.patch or NONE), last.name  # its folder may have another name now
        self._set(predictor, name, entries[-1].seq, restraint)
        return True

    def _put(self, wanted: Callable[[list[LogEntry]], str], action: str, reason: str, who: str) -> Force:
        """Load, log, exchange: in this order, so that nothing is in force that the log lacks.

        Parameters
        ----------
        wanted : `history` → the reference of what is to be in force.
        """
        while True:
            log = self.store.patch_log()
            stack = history(log)
            reference = wanted(stack)
            predictor, listed = self.patches.load(reference), self.patches.find(reference)
            name, patch = (listed.name if listed else ""), predictor.patch
            entry = LogEntry(
                action=action, patch=patch.id if patch else "", previous=stack[-1].patch if stack else "", name=name,
                who=who, reason=reason, certificate=certificate_of(predictor),
            )  # fmt: skip
            try:
                version = self.store.log(entry, after=log[-1].seq if log else 0)
            except DataError:  # another worker was faster: what it put in force comes before this
                continue
            return self._set(predictor, name, version, None)

    def _keep(
        self, action: str, reason: str, who: str, content: Mapping[str, Any] | None, restraint: Restraint | None
    ) -> bool:
        """Log an entry on the patch in force, which stays under a restraint; False where another worker was faster."""
        now = self.now
        entry = LogEntry(
            action=action, patch=now.id, previous=now.id, name=now.name, who=who, reason=reason, certificate=content
        )
        try:
            version = self.store.log(entry, after=now.version)
        except DataError:
            return False
        self._set(now.loaded, now.name, version, restraint)
        return True

    def _set(self, predictor: Predictor, name: str, version: int, restraint: Restraint | None) -> Force:
        """Exchange what is in force; a restraint that stands in the patch's own folder stays."""
        stored = None if predictor.patch is None else predictor.patch.restraint
        self.now = Force(predictor, name, version, restraint or stored)
        return self.now


def history(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """What was in force, the last of all at the end: a swap adds an entry, a roll back takes the last one away.

    >>> steps = ((START, ""), (SWAP, "a"), (SWAP, "b"), (ROLL_BACK, "a"))
    >>> [entry.patch for entry in history(LogEntry(action=action, patch=patch) for action, patch in steps)]
    ['', 'a']
    """
    stack: list[LogEntry] = []
    for entry in entries:
        if entry.action == ROLL_BACK and len(stack) > 1:
            stack.pop()
        elif entry.action == SWAP or (entry.action == START and (not stack or stack[-1].patch != entry.patch)):
            stack.append(entry)
    return stack


def _earlier(stack: list[LogEntry]) -> str:
    """What was in force before the last swap."""
    if len(stack) < 2:
        remedy = "name a patch to swap to, or none"
        raise UsageError("nothing was in force before", place="roll back", remedy=remedy)
    return stack[-2].patch or NONE


def certificate_of(predictor: Predictor) -> Mapping[str, Any] | None:
    """What a patch promises, as the log keeps it; None without a patch."""
    return None if predictor.patch is None else vars(predictor.patch.certificate)


def _restraint(entry: LogEntry, before: Restraint | None) -> Restraint | None:
    """The restraint after an entry of the log."""
    if entry.action == RESTRAIN and entry.certificate:
        return Restraint(**entry.certificate["restraint"])
    return None if entry.action in (START, SWAP, ROLL_BACK, LIFT) else before
