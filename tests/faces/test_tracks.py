"""Tracks: a face keeps its name, whatever moves beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.faces.tracks import Tracker


def square(x: float, y: float = 0.0, side: float = 40.0) -> list[float]:
    return [x, y, x + side, y + side]


@given(
    st.lists(st.tuples(st.floats(-15, 15), st.floats(-15, 15)), min_size=1, max_size=60),
    st.floats(0.01, 0.2),
)
def test_one_moving_face_is_one_track(steps: list[tuple[float, float]], interval: float) -> None:
    """It moves by at most three eighths of its side from frame to frame, as it likes."""
    tracker, place = Tracker(), np.zeros(2)
    for number, step in enumerate(steps):
        place = place + np.clip(step, -8, 8)
        assert tracker.names(np.array([square(*place)]), number * interval) == ["track1"]


@given(st.floats(2, 15), st.floats(1, 10))  # lower by less, they are one square where they meet
def test_two_faces_that_cross_keep_their_names(speed: float, lower: float) -> None:
    tracker = Tracker()
    for number in range(int(300 / speed)):
        boxes = np.array([square(speed * number), square(300 - speed * number, lower)])
        assert tracker.names(boxes, number / 25) == ["track1", "track2"]


@given(st.integers(0, 40), st.permutations(range(4)))
def test_the_order_of_faces_does_not_matter(number: int, order: list[int]) -> None:
    tracker = Tracker()
    at_first = tracker.names(np.array([square(100 * row) for row in range(4)]), 0.0)
    moved = np.array([square(100 * row + 5) for row in order])
    assert tracker.names(moved, 0.04) == [at_first[row] for row in order]


def test_a_short_absence_is_bridged_and_a_long_one_begins_a_track() -> None:
    nothing = np.empty((0, 4))
    for absent, name in ((0.5, "track1"), (1.5, "track2")):
        tracker = Tracker(memory=1.0)
        tracker.names(np.array([square(0)]), 0.0)
        for step in range(1, int(absent / 0.1)):
            assert tracker.names(nothing, step * 0.1) == []
        assert tracker.names(np.array([square(3)]), absent) == [name]


def test_one_missing_frame_is_bridged_however_long_it_lasts() -> None:
    tracker = Tracker(memory=1.0)
    tracker.names(np.array([square(0)]), 0.0)
    tracker.names(np.empty((0, 4)), 5.0)
    assert tracker.names(np.array([square(0)]), 10.0) == ["track1"]


def test_a_face_elsewhere_is_another() -> None:
    tracker = Tracker()
    tracker.names(np.array([square(0)]), 0.0)
    assert tracker.names(np.array([square(200)]), 0.1) == ["track2"]


def test_state_does_not_grow() -> None:
    tracker = Tracker()
    for number in range(500):
        tracker.names(np.array([square(1000.0 * number)]), number * 1.0)
    assert len(tracker._tracks) <= 3
    assert tracker.names(np.empty((0, 4)), 501.0) == []


@pytest.mark.parametrize("seed", range(3))
def test_it_is_deterministic(seed: int) -> None:
    random = np.random.default_rng(seed)
    frames = [random.uniform(0, 200, (3, 2)) for _ in range(30)]
    runs = []
    for _ in range(2):
        tracker = Tracker()
        runs.append(
            [tracker.names(np.array([square(*place) for place in frame]), t / 25) for t, frame in enumerate(frames)]
        )
    assert runs[0] == runs[1]
