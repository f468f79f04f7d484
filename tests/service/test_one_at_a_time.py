"""A classifier that does not allow several threads is never asked by two."""

from __future__ import annotations

import threading
import time

import numpy as np
from serving import Bars, pictures

from mien.classifiers.contract import Batch, Classifier
from mien.service.one_at_a_time import OneAtATime, safe_for_threads


class Fragile(Bars):
    """Notices when two threads are inside at the same time."""

    prepare_thread = None  # type: ignore[assignment]
    together = inside = 0

    def outputs(self, batch, request=None):  # type: ignore[no-untyped-def]
        self.inside += 1
        self.together = max(self.together, self.inside)
        time.sleep(0.002)
        self.inside -= 1
        return super().outputs(batch)


def asked_by_many(classifier: Classifier) -> None:
    batch = Batch(pictures(1)[0])
    threads = [threading.Thread(target=classifier.outputs, args=(batch,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_take_turns() -> None:
    fragile = Fragile()
    safe = safe_for_threads(fragile)
    assert isinstance(safe, OneAtATime) and isinstance(safe, Classifier) and safe.card is fragile.card
    asked_by_many(safe)
    assert fragile.together == 1
    asked_by_many(fragile)
    assert fragile.together > 1  # it would have noticed


def test_a_classifier_that_allows_threads_stays_as_it_is() -> None:
    bars = Bars()
    assert safe_for_threads(bars) is bars


def test_answers_are_those_of_the_classifier() -> None:
    images, _ = pictures(5)
    assert np.array_equal(OneAtATime(Bars()).outputs(Batch(images)).probs, Bars().outputs(Batch(images)).probs)
