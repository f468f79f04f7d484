"""Answers for single pictures from many clients: threads take what waits in batches, in the order of arrival.

A thread never waits for a batch to fill up. While it answers, others arrive: under load batches are large, without load
each picture is answered at once. Each picture is answered by the patch that was in force when it arrived.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

from mien.classifiers.contract import Batch, Classifier
from mien.data.picture import ImageSettings
from mien.deploy.predictor import Predictor
from mien.errors import MienError, OverloadError
from mien.faces.finder import FaceFinder
from mien.incoming.item import Face
from mien.service.reading import Crop, Picture, PictureReader
from mien.service.settings import EngineSettings
from mien.types import Decision, FeatureRequest, Outputs

log = logging.getLogger("mien.service")
ANSWERS = FeatureRequest.for_reading(())
"""Probabilities, and nothing beside them."""


@dataclass(slots=True)
class Question:
    """A picture that waits for an answer.

    Attributes
    ----------
    image : see `mien.service.reading.Picture`.
    by : what answers. beside : other patches whose answers are compared (shadow mode).
    asker : whoever asked, handed back with the answer.
    deadline : time by `time.monotonic` after which nobody waits any longer.
    """

    image: Picture
    by: Predictor
    beside: tuple[Predictor, ...] = ()
    asker: Any = None
    deadline: float = float("inf")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one picture.

    Attributes
    ----------
    by : what answered. pixels : what the classifier read. face : that this is; None for a whole picture.
    outputs, decision, row : the answers of the batch, and the picture's place in them.
    beside : the decisions of other patches for the batch.
    """

    by: Predictor
    pixels: NDArray[np.uint8]
    outputs: Outputs
    decision: Decision
    row: int
    beside: tuple[tuple[Predictor, Decision], ...] = ()
    face: Face | None = None


Result = tuple[Answer, ...] | Exception
"""The answers for one picture: for each of its faces where faces are sought, and none where there is no face."""
OnAnswers = Callable[[Sequence[tuple[Question, Result]]], object]


class Engine:
    """A classifier whose answers many clients share.

    Parameters
    ----------
    classifier : what answers; the predictors of all questions are of it.
    on_answers : called by a thread of the engine with the answers of each batch.
    finder : of faces; None where pictures are answered for as they are.

    Notes
    -----
    f's answers stay the same to the last bit whichever patch is in force, or none. A graph from which layers are read
    out, too, may round otherwise. Where that is so, the answers are computed alone, and the layers beside them.
    """

    def __init__(
        self,
        classifier: Classifier,
        settings: EngineSettings,
        on_answers: OnAnswers,
        finder: FaceFinder | None = None,
    ) -> None:
        self.classifier, self.settings, self.on_answers = classifier, settings, on_answers
        self.reader = PictureReader(classifier.card.images, int(settings.max_pixels * 1e6), finder)
        self._waiting: deque[Question] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._is_exact: dict[FeatureRequest, bool] = {}
        self._blas: Any = None
        self._prepared = threading.local()

    def start(self) -> None:
        """Start the threads. A classifier that does not allow several has one."""
        Image.init()  # not thread-safe
        count = self.settings.thread_count if Predictor(self.classifier).allows_threads else 1
        if count > 1:
            self._blas = threadpool_limits(1, "blas")  # a core each is faster than all cores for each
        self._threads = [threading.Thread(target=self._work, name=f"answers-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Answer what waits, and end the threads."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        if self._blas is not None:
            self._blas.restore_original_limits()

    @property
    def waiting(self) -> int:
        """Number of pictures that wait."""
        return len(self._waiting)

    def submit(self, questions: Sequence[Question]) -> None:
        """Put all questions of one request into the queue, or none.

        Raises
        ------
        OverloadError : more pictures would wait than are allowed, or the engine stops.
        """
        with self._changed:
            if self._stopping or len(self._waiting) + len(questions) > self.settings.queue:
                cause = "the server stops" if self._stopping else f"{len(self._waiting)} pictures wait already"
                raise OverloadError(cause, place="queue", remedy="try again in a moment")
            self._waiting.extend(questions)
            self._changed.notify(min(len(questions), len(self._threads)))

    def answer(self, questions: Sequence[Question]) -> list[Result]:
        """The answers of the calling thread, in order; a picture that cannot be read gives a DataError."""
        read = [self._read(question.image) for question in questions]
        results: list[Result] = [() if isinstance(crops, list) else crops for crops in read]
        flat = [(row, crop) for row, crops in enumerate(read) if isinstance(crops, list) for crop in crops]
        answers: list[Answer | Exception] = []
        for start in range(0, len(flat), self.settings.batch):  # a picture may have many faces
            some = flat[start : start + self.settings.batch]
            answers += self._answered([questions[row] for row, _ in some], [crop for _, crop in some])
        for (row, _), answer in zip(flat, answers, strict=True):
            before = results[row]
            if isinstance(before, tuple):
                results[row] = answer if isinstance(answer, Exception) else (*before, answer)
        return results

    def _work(self) -> None:
        self._prepared.ids = set()
        while questions := self._next():
            now = time.monotonic()
            late = [question for question in questions if question.deadline <= now]
            questions = [question for question in questions if question.deadline > now]
            try:
                if late:
                    cause = f"the picture waited for more than {self.settings.timeout:g} s"
                    error = OverloadError(cause, place="queue", remedy="try again in a moment")
                    self.on_answers([(question, error) for question in late])
                if questions:
                    self.on_answers(list(zip(questions, self.answer(questions), strict=True)))
            except Exception:  # a thread that ends would leave the server without answers
                log.exception("answers could not be handed out")

    def _next(self) -> list[Question]:
        """The questions that waited longest; none as soon as the engine stops and nothing waits."""
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(self.settings.batch, len(self._waiting)))]

    def _read(self, image: Picture) -> list[Crop] | Exception:
        """What the classifier reads of a picture, or why it cannot be read; so that nobody waits in vain."""
        try:
            return self.reader.read(image)
        except Exception as error:
            log.exception("a picture could not be read")
            return error

    def _answered(self, questions: list[Question], crops: list[Crop]) -> list[Answer | Exception]:
        """Answers for crops; where a batch fails, each alone, so that one spoils no other."""
        try:
            return list(self._batch(questions, crops))
        except Exception as error:
            if len(questions) > 1:
                pairs = zip(questions, crops, strict=True)
                return [answer for question, crop in pairs for answer in self._answered([question], [crop])]
            if not isinstance(error, MienError):
                log.exception("a picture could not be answered")
            return [error]

    def _batch(self, questions: list[Question], crops: list[Crop]) -> Iterator[Answer]:
        predictors = {id(each): each for question in questions for each in (question.by, *question.beside)}
        self._prepare(predictors.values())
        request = FeatureRequest.for_reading(each.request for each in predictors.values())
        batch = Batch(np.stack([crop.pixels for crop in crops]))
        outputs = self._outputs(batch, request)
        decided: dict[int, tuple[Outputs, Decision]] = {}
        for key, predictor in predictors.items():
            padded = outputs.padded_to(len(predictor.classes)) if len(predictor.classes) > outputs.shape[1] else outputs
            for encoder in predictor.patch.encoders if predictor.patch else ():
                padded = padded.with_features(encoder.vectors(batch, predictor.request))
            decided[key] = padded, predictor.decide(padded)
        for row, (question, crop) in enumerate(zip(questions, crops, strict=True)):
            beside = tuple((each, decided[id(each)][1]) for each in question.beside)
            yield Answer(question.by, crop.pixels, *decided[id(question.by)], row, beside, crop.face)

    def _outputs(self, batch: Batch, request: FeatureRequest) -> Outputs:
        """The classifier's outputs, with the probabilities that it gives where nothing else is read out."""
        outputs = self.classifier.outputs(batch, request)
        if request == ANSWERS:
            return outputs
        if request not in self._is_exact:
            noise = _noise(self.reader.images)
            both, alone = (self.classifier.outputs(noise, each).probs for each in (request, ANSWERS))
            self._is_exact[request] = np.array_equal(both, alone)
        if self._is_exact[request]:
            return outputs
        return replace(outputs, probs=self.classifier.outputs(batch, ANSWERS).probs)

    def _prepare(self, predictors: Iterable[Predictor]) -> None:
        """Restrict a thread of the engine to one core, in whatever it computes for these."""
        prepared = getattr(self._prepared, "ids", None)
        if prepared is None or len(self._threads) < 2:
            return
        for predictor in predictors:
            key = predictor.patch.id if predictor.patch else ""
            if key not in prepared:
                predictor.prepare_thread()
                prepared.add(key)


def _noise(images: ImageSettings) -> Batch:
    """Pictures on which different rounding shows."""
    return Batch(np.random.default_rng(0).integers(0, 256, (8, *images.shape), np.uint8))
