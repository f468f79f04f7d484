"""A classifier and its patch as one system, for images one by one or in streams: what all that predicts is built on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from mien.classifiers.borrowing import borrowing
from mien.classifiers.contract import Batch, Classifier, ImageSpec
from mien.classifiers.inputs import as_batch, paths_in, read_rows
from mien.classifiers.pictures import ReadRows, gathered, of_files, read_run, runs
from mien.correctors.contract import prepare_thread, requested_features
from mien.data.deep import Ranges
from mien.data.images import ranges_of
from mien.deploy.patch import Patch
from mien.incoming.item import Item
from mien.machine import cores
from mien.types import Decision, FeatureRequest, Outputs, Problem
from mien.workers import in_order

CHUNK = 512
"""Images answered together."""


@dataclass(frozen=True)
class Predictions:
    """Answers for the rows of one batch.

    Attributes
    ----------
    ids : of all rows, in order: paths for image files, else row numbers.
    outputs, decision : of the rows that can be read.
    problems : what is wrong with single files, each with its path as place.
    items : all rows of a stream of Items, without their images; () for others.
    changed : the overridden rows, in the form that the classifier reads; None where they are not kept.
    """

    ids: tuple[str, ...]
    outputs: Outputs
    decision: Decision
    problems: tuple[Problem, ...] = ()
    items: tuple[Item, ...] = ()
    changed: Batch | None = None


@dataclass(frozen=True)
class Predictor:
    """A classifier with at most one patch.

    Attributes
    ----------
    classifier : which is not changed. patch : what corrects it.
    """

    classifier: Classifier
    patch: Patch | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that may be answered."""
        return self.patch.classes if self.patch else self.classifier.card.classes

    @cached_property
    def request(self) -> FeatureRequest:
        """The features that the correctors need."""
        return FeatureRequest.for_reading(map(requested_features, self.patch.correctors if self.patch else ()))

    @cached_property
    def source(self) -> Classifier:
        """The classifier, with the features that its patch borrows from other networks."""
        return borrowing(self.classifier, self.patch.encoders) if self.patch else self.classifier

    @property
    def allows_threads(self) -> bool:
        """Whether several threads may answer at the same time."""
        return getattr(self.source, "prepare_thread", None) is not None

    def prepare_thread(self) -> None:
        """Restrict the calling thread to one core, where several answer at the same time."""
        prepare = getattr(self.source, "prepare_thread", None)
        if prepare is not None:
            prepare()
            for corrector in self.patch.correctors if self.patch else ():
                prepare_thread(corrector)

    def answer(self, batch: Batch) -> Predictions:
        """Answers for rows in the form that the classifier reads."""
        outputs = self.outputs(batch)
        return Predictions(tuple(batch.ids.tolist()), outputs, self.decide(outputs))

    def outputs(self, batch: Batch) -> Outputs:
        """What the patch reads of rows, in its classes."""
        return self.source.outputs(batch, self.request).padded_to(len(self.classes))

    def decide(self, outputs: Outputs) -> Decision:
        """The decision on outputs of the classifier, which are in the classes of the patch."""
        if self.patch is not None:
            return self.patch.decide(outputs)
        base = outputs.predicted
        return Decision(outputs.ids, base, base, np.zeros(len(outputs), bool))

    def stream(self, batches: Iterable[Any], ranges: Ranges | None = None) -> Iterator[Predictions]:
        """Answers for batch after batch, in order; memory does not grow with their number.

        One thread reads files. Where the classifier allows it (`prepare_thread`), each core answers for batches of its
        own, which is faster than all cores on the same one. Meanwhile matrix products of the process use one core each.

        Parameters
        ----------
        batches : of what `mien.classifiers.inputs.as_batch` takes. A file that cannot be read becomes a Problem.
        ranges : black and white of images of more than 8 bits; by default they follow from the files of each batch.
        """
        workers = cores()
        read = partial(self._read, ranges=ranges)
        with self._answering(workers) as answering, ThreadPoolExecutor(1) as reader:
            ahead = 1 + (workers if self.allows_threads else 1)
            yield from in_order(answering, self._answer, in_order(reader, read, batches, 2 * ahead), ahead)

    def stream_items(
        self, items: Iterable[Item], workers: int = 0, *, keep_changed: bool = False
    ) -> Iterator[Predictions]:
        """Answers for pictures from anywhere (:mod:`mien.incoming`), some hundred at a time, in order.

        Memory does not grow with their number: images are let go as soon as they are decoded.

        Parameters
        ----------
        items : in any number. One that cannot be read, or that has no image, has its place among the ids alone.
        workers : threads that decode and answer; 0 for one a core.
        keep_changed : whether the images of overridden rows are kept, see `Predictions.changed`.

        Raises
        ------
        UsageError : the classifier reads tables.
        """
        settings, workers = self.classifier.card.images, workers or cores()
        Image.init()  # not thread-safe
        read = partial(read_run, settings=settings)
        with ThreadPoolExecutor(workers) as reading, self._answering(workers) as answering:
            pictures = chain.from_iterable(in_order(reading, read, runs(items), 2 * workers))
            batches = iter(lambda: list(islice(pictures, CHUNK)), [])
            ahead = 1 + (workers if self.allows_threads else 1)
            answer = partial(self._answer_rows, keep_changed=keep_changed)
            yield from in_order(answering, lambda batch: answer(gathered(batch, settings)), batches, ahead)

    def stream_live(self, items: Iterable[Item], *, keep_changed: bool = False) -> Iterator[Predictions]:
        """The answer for each picture before the next one is asked for, as for cameras."""
        settings = self.classifier.card.images
        for item in items:
            yield self._answer_rows(gathered(read_run([item], settings), settings), keep_changed)

    def stream_files(self, paths: Iterable[Path], ranges: Ranges | None = None) -> Iterator[Predictions]:
        """Answers for image files, some hundred at a time; black and white follow from all of them."""
        if ranges is None:
            paths = list(paths)
            ranges = ranges_of(paths)[0]
        return self.stream_items(of_files(paths, ranges))

    def all(self, X: Any) -> tuple[Outputs, Decision]:
        """Outputs and decision for all rows of X; DataError where an image file cannot be read."""
        paths = paths_in(X) if isinstance(self.classifier.card.inputs, ImageSpec) else None
        if paths is not None:
            parts = list(self.stream_files(paths))
            unread = [problem for part in parts if len(part.ids) > len(part.outputs) for problem in part.problems]
            if unread:
                as_batch(self.classifier.card, [unread[0].place])  # raises
        else:
            batch = as_batch(self.classifier.card, X)
            if batch.data.ndim == 2 or len(batch) <= CHUNK:
                parts = [self.answer(batch)]
            else:
                rows = np.arange(len(batch))
                parts = list(
                    self.stream(batch.take(rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK))
                )
        return Outputs.concat([part.outputs for part in parts]), Decision.concat([part.decision for part in parts])

    def _read(self, X: Any, ranges: Ranges | None) -> tuple[tuple[str, ...], ReadRows]:
        paths = None if isinstance(X, Batch) else paths_in(X)
        rows_read = read_rows(self.classifier.card, X if paths is None else paths, ranges)
        return tuple(rows_read.batch.ids.tolist() if paths is None else map(str, paths)), rows_read

    def _answer(self, read: tuple[tuple[str, ...], ReadRows]) -> Predictions:
        ids, rows_read = read
        return replace(self._answer_rows(rows_read), ids=ids)

    def _answer_rows(self, read: ReadRows, keep_changed: bool = False) -> Predictions:
        answers = self.answer(read.batch)
        ids = tuple(item.id for item in read.items)
        changed = read.batch.take(np.flatnonzero(answers.decision.overridden)) if keep_changed else None
        return Predictions(ids, answers.outputs, answers.decision, read.problems, read.items, changed)

    @contextmanager
    def _answering(self, workers: int) -> Iterator[ThreadPoolExecutor]:
        """Threads that answer; each uses one core, so answers do not depend on their number."""
        threads = workers if self.allows_threads else 1
        with (
            threadpool_limits(workers // threads, "blas"),
            ThreadPoolExecutor(threads, initializer=self.prepare_thread) as pool,
        ):
            yield pool
