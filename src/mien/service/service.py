"""A classifier in service: what a server does, without its HTTP."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from mien.classifiers.contract import Classifier
from mien.deploy.predictor import Predictor
from mien.deploy.watch_io import KEEP
from mien.errors import DataError, MienError, OverloadError, choice_error
from mien.faces.finder import FaceFinder
from mien.incoming.item import NO_FACE
from mien.service.answers import AnswerRows, Kept, Label
from mien.service.engine import Engine, Question, Result
from mien.service.in_force import InForce
from mien.service.learning import Elsewhere, Learning
from mien.service.patches import PatchFolder
from mien.service.promise import Promise
from mien.service.reading import Picture
from mien.service.reasons import Reasons
from mien.service.recorder import Recorder
from mien.service.settings import ServeSettings
from mien.service.store.store import Store

log = logging.getLogger("mien.service")
FOLLOWED = 0.05
"""Seconds between two looks at the store's log for what other workers put in force."""
RETRY = 1.0
"""Seconds until something is tried again that failed beside the answers."""
EXPLAINED = 4
"""Most pictures whose answers are explained, or wait for that, at one time."""
TIDIED = 3600.0
"""Seconds between two removals of rows that are older than the age limit."""
DAY = 86_400_000_000
"""A day in µs."""


Rows = list[dict[str, Any]] | Exception
"""The rows for one picture: one, or one for each of its faces; or why it has no answer."""
Tell = Callable[[int, Rows], object]
"""Takes the place of a picture in its request, and its rows."""


@dataclass(slots=True)
class Asked:
    """A picture that somebody waits for: its place in the request, what came with it, and who is told its rows."""

    place: int
    label: Label
    tell: Tell


class Service:
    """A classifier with the patch in force, its store, and what happens beside the answers.

    Parameters
    ----------
    classifier : of images. patches : those that may be in force. store : decisions, verdicts, the log of patches.
    deliver : called by threads of the engine with a function that tells the results of a batch; it must call that
        function soon, in whatever thread those who wait need.
    elsewhere : for the process that makes new patches; see `Learning`.
    """

    def __init__(
        self,
        classifier: Classifier,
        patches: PatchFolder,
        store: Store,
        settings: ServeSettings,
        deliver: Callable[[Callable[[], object]], object] = lambda tell: tell(),
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.classifier, self.patches, self.store, self.settings = classifier, patches, store, settings
        self.in_force = InForce(patches, store)
        finder = settings.finder
        found_by = FaceFinder.open(finder, classifier.card.images.size) if finder.faces else None
        self.engine = Engine(classifier, settings.engine, self._answered, found_by)
        self.recorder = Recorder(store)
        self.promise = Promise(self.in_force, store, settings.watch, settings.on_alarm)
        self.learning = Learning(self.in_force, store, settings, elsewhere)
        self.reasons = Reasons(classifier, settings.data)
        self.deliver = deliver
        self.beside: tuple[Predictor, ...] = ()
        self.answered = self.overridden = 0
        self._stopped = threading.Event()
        self._explaining = threading.BoundedSemaphore(EXPLAINED)

    def start(self) -> Self:
        """Put a patch in force (see `InForce.start`), and begin to answer."""
        self.in_force.start(self.settings.patch or None)
        self.beside = tuple(map(self.patches.load, self.settings.shadow))
        self.recorder.start()
        self.engine.start()
        self.reasons.start()
        self._beside = threading.Thread(target=self._tend, name="tend", daemon=True)
        self._beside.start()
        return self

    def stop(self) -> None:
        """Answer what waits, write all decisions, and end; a store in a file is whole in that file then."""
        self._stopped.set()
        self.learning.stop()
        self.engine.stop()
        self.recorder.stop()
        self._beside.join()
        self.store.close()

    def ask(
        self,
        images: Sequence[Picture],
        labels: Sequence[Label],
        tell: Tell,
        patch: str = "",
    ) -> None:
        """Ask for the answers of one request.

        Parameters
        ----------
        tell : called for each picture.
        patch : a reference of the folder, in place of the patch in force.

        Raises
        ------
        OverloadError : too many wait. UsageError, RunError : no such patch.
        """
        by = self._answering(patch)
        deadline = time.monotonic() + self.engine.settings.timeout
        self.engine.submit(
            [
                Question(image, by, self.beside, Asked(place, label, tell), deadline)
                for place, (image, label) in enumerate(zip(images, labels, strict=True))
            ]
        )

    def explain(self, image: Picture, patch: str = "", face: int = 1) -> dict[str, Any]:
        """Why a picture has its answer, see `Reasons.of`.

        Parameters
        ----------
        face : number of the face, where faces are found.

        Raises
        ------
        DataError : the picture cannot be read, or has no such face. OverloadError : too many wait.
        """
        if not self._explaining.acquire(blocking=False):
            cause = f"{EXPLAINED} pictures are explained, or wait for it, already"
            raise OverloadError(cause, place="explain", remedy="try again in a moment")
        try:
            return self._explained(image, patch, face)
        finally:
            self._explaining.release()

    def _explained(self, image: Picture, patch: str, face: int) -> dict[str, Any]:
        crops = self.engine.reader.read(image)
        if isinstance(crops, DataError):
            raise crops
        if not 0 < face <= len(crops):
            raise DataError(f"faces that were found: {len(crops)}", place=f"face {face}", remedy="name one of them")
        return self.reasons.of(crops[face - 1].pixels, self._answering(patch))

    def _answering(self, reference: str) -> Predictor:
        """What answers: the patch that is named, "" for the one in force. Its restraint holds however it is named."""
        now = self.in_force.now
        if not reference:
            return now.predictor
        named = self.patches.load(reference)
        return now.predictor if named.patch and named.patch.id == now.id else named

    def verdict(self, prediction: str, label: str, who: str = "", seconds: float = 0.5) -> str:
        """Keep a verdict on a prediction; see `Store.add_verdict`.

        Raises
        ------
        DataError : no such prediction, also not within some moments, in which another worker may write it.
        UsageError : the label is no class.
        """
        if label not in self.classes:
            raise choice_error("class", label, self.classes, place="label")
        self.recorder.flush(seconds)
        until = time.monotonic() + seconds
        while True:
            try:
                return self.store.add_verdict(prediction, label, who=who)
            except DataError:
                if time.monotonic() > until:
                    raise
            while self.store.decision(prediction) is None and time.monotonic() <= until:  # reading delays no writer
                time.sleep(FOLLOWED / 2)

    @property
    def problem(self) -> str:
        """Why the service is not ready, "" where it is."""
        if self._stopped.is_set():
            return "the server stops"
        if not self.store.is_there:
            return "decisions cannot be kept: the file of the store was removed or exchanged; start the server again"
        return "decisions cannot be kept: the store cannot be reached" if self.recorder.failing else ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that a verdict may name: those of the answers, and those that may be learnt."""
        return tuple(dict.fromkeys((*self.in_force.now.predictor.classes, *self.settings.new_classes)))

    def _answered(self, pairs: Sequence[tuple[Question, Result]]) -> None:
        """Rows for clients, and decisions for the store, of one batch."""
        results: list[tuple[Asked, Rows]] = []
        records: list[Kept] = []
        writer = AnswerRows(self.settings)
        for question, result in pairs:
            asked: Asked = question.asker
            rows, kept = self._rows(writer, result, asked.label)
            results.append((asked, rows))
            records += kept

        def tell() -> None:
            for asked, rows in results:
                asked.tell(asked.place, rows)

        self.answered += len(records)
        self.overridden += sum(bool(kept.answer.decision.overridden[kept.answer.row]) for kept in records)
        if records:
            self.recorder.add([kept.record for kept in records])  # before anybody can give a verdict on them
        self.deliver(tell)

    def _rows(self, writer: AnswerRows, result: Result, label: Label) -> tuple[Rows, list[Kept]]:
        """The rows of one picture, and what is kept of them; the error in place of both: nobody waits in vain."""
        if isinstance(result, Exception):
            return result, []
        try:
            pairs = [writer.row(answer, label) for answer in result]
        except Exception as error:
            log.exception("an answer could not be written as a row")
            return error, []
        rows = [row for row, _ in pairs] or [{"file": label.file, "status": NO_FACE}]
        return rows, [kept for _, kept in pairs]

    def _tend(self) -> None:
        """Follow other workers, learn, watch, and remove what is too old, until the service stops.

        What fails is tried again later, and keeps nothing else from being done.
        """
        chores = [_Chore(self.in_force.follow), _Chore(self.learning.look), _Chore(self._expire, TIDIED)]
        if self.settings.on_alarm != KEEP:
            every = self.settings.watch_every
            chores.append(_Chore(self.promise.assess, every, due=time.monotonic() + every))
        while not self._stopped.wait(FOLLOWED):
            for chore in chores:
                chore.do()

    def _expire(self) -> None:
        """Remove what is older than the age limit."""
        self.store.expire(time.time_ns() // 1000 - int(self.settings.age * DAY))


@dataclass
class _Chore:
    """What is done beside the answers: at every look, or every so many seconds."""

    work: Callable[[], object]
    seconds: float = 0.0
    due: float = 0.0

    def do(self) -> None:
        """Do it where it is due."""
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + self.seconds
        try:
            self.work()
        except Exception as error:  # a thread that ends would leave the server with an earlier patch
            self.due = now + max(self.seconds, RETRY)
            log.warning("%s", error, exc_info=None if isinstance(error, MienError) else error)
