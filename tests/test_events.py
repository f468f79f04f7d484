"""Events: what long work reports."""

import pytest

from mien.events import Event, ignore


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Event("reading out"), "reading out"),
        (Event("training", epochs=20), "training"),
        (Event("training", "seed 0 full", 3, 20), "training, epoch 3 of 20"),
    ],
)
def test_an_event_as_text(event: Event, text: str) -> None:
    assert str(event) == text


def test_nobody_need_listen() -> None:
    ignore(Event("training"))
