"""The predictor on Items: in order, whatever the number of threads, without holding them."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, TableSpec
from mien.deploy import predictor as module
from mien.deploy.predictor import Predictor
from mien.errors import UsageError
from mien.incoming.item import Item
from mien.types import FeatureRequest, Outputs


class Brightness:
    """Whether an image is bright; several threads may ask."""

    def __init__(self) -> None:
        self.card = ClassifierCard("brightness 1", ("dark", "bright"), inputs=ImageSpec(16))
        self.prepared = 0

    def prepare_thread(self) -> None:
        self.prepared += 1

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        share = batch.checked(self.card, request).data.mean((1, 2)) / 255
        return Outputs(batch.ids, np.stack([1 - share, share], 1), None, {})


class OneThread(Brightness):
    """A classifier that one thread at a time may ask."""

    prepare_thread = None  # type: ignore[assignment]


def frames(count: int) -> Iterator[Item]:
    for row in range(count):
        name = f"{row}"
        yield Item(name, name, None if row % 7 == 3 else np.full((20, 20), row % 256, np.uint8))


@pytest.mark.parametrize("kind", [Brightness, OneThread])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_order_and_answers_are_the_same_with_any_number_of_threads(
    kind: type[Brightness], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    classifier = kind()
    parts = list(Predictor(classifier).stream_items(frames(95), workers))
    assert [len(part.ids) for part in parts] == [10] * 9 + [5]
    assert [name for part in parts for name in part.ids] == [str(row) for row in range(95)]
    assert all(item.image is None for part in parts for item in part.items)
    shares = {name: share for part in parts for name, share in zip(part.outputs.ids, part.outputs.probs, strict=True)}
    assert {int(name): round(float(share[1]) * 255) for name, share in shares.items()} == {
        row: row for row in range(95) if row % 7 != 3
    }
    assert classifier.prepared <= max(workers, 1) or workers == 0


def test_items_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3,000 frames, only those that are on their way are there."""
    monkeypatch.setattr(module, "CHUNK", 20)
    most = 0
    for part in Predictor(Brightness()).stream_items(frames(3000), 2):
        with_image = sum(type(each) is Item and each.image is not None for each in gc.get_objects())
        most = max(most, with_image)
        del part
    assert 0 < most < 400


def test_a_source_is_not_read_ahead_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 20)
    taken: list[str] = []

    def noted() -> Iterator[Item]:
        for item in frames(100_000):
            taken.append(item.id)
            yield item

    stream = Predictor(Brightness()).stream_items(noted(), 2)
    next(stream)
    stream.close()
    assert len(taken) < 500


def test_a_classifier_of_tables_is_refused() -> None:
    classifier = Brightness()
    classifier.card = ClassifierCard("table", ("a", "b"), inputs=TableSpec(3))
    with pytest.raises(UsageError, match="not images"):
        list(Predictor(classifier).stream_items(frames(1)))
