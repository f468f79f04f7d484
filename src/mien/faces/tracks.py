"""Faces followed through a video by the overlap of their boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.optimize import linear_sum_assignment

from mien.faces.boxes import overlap
from mien.types import Floats

OVERLAP = 0.2
"""Least intersection over union of a face with where it is expected."""
MEMORY = 1.0
"""Seconds for which a face that is not detected is remembered."""
STEADINESS = 0.5
"""Share of the former velocity in the new one."""


@dataclass
class _Track:
    name: str
    box: Floats
    seconds: float
    velocity: Floats
    missed: int = 0

    def expected(self, seconds: float) -> Floats:
        """The box at a time, if the face moves on as before."""
        return self.box + self.velocity * (seconds - self.seconds)

    def follow(self, box: Floats, seconds: float) -> None:
        """Take the box that the face has now."""
        passed = seconds - self.seconds
        if passed > 0:
            shift = np.tile(((box[:2] + box[2:]) - (self.box[:2] + self.box[2:])) / 2, 2) / passed
            self.velocity = STEADINESS * self.velocity + (1 - STEADINESS) * shift
        self.box, self.seconds, self.missed = box, seconds, 0


class Tracker:
    """Names the faces of one video, frame after frame: a face keeps its name while it stays in view.

    Each face is assigned to the track whose expected box it overlaps most, summed over all faces. A face that overlaps
    none begins a track. Memory grows with the number of faces in view alone.

    Source of the scheme: Bewley, Ge, Ott, Ramos & Upcroft, *Simple online and realtime tracking*, ICIP 2016; here with
    constant velocity in place of a Kalman filter.

    Parameters
    ----------
    memory : seconds for which a face that is not detected is remembered; one missing frame is always bridged.

    Examples
    --------
    >>> tracker = Tracker()
    >>> tracker.names(np.array([[10.0, 10, 50, 50]]), seconds=0.0)
    ['track1']
    >>> tracker.names(np.array([[200.0, 10, 240, 50], [14.0, 10, 54, 50]]), seconds=0.1)
    ['track2', 'track1']
    """

    def __init__(self, memory: float = MEMORY) -> None:
        self.memory, self._count = memory, 0
        self._tracks: list[_Track] = []

    def names(self, boxes: Floats, seconds: float) -> list[str]:
        """The track of each face in the next frame.

        Parameters
        ----------
        boxes : (N, 4). seconds : time of the frame, later than that of the frame before.
        """
        for track in self._tracks:
            track.missed += 1
        kept = [track for track in self._tracks if track.missed <= 2 or seconds - track.seconds <= self.memory]
        matches = _assigned(np.array([track.expected(seconds) for track in kept]).reshape(-1, 4), boxes)
        names = []
        for row, box in enumerate(boxes):
            if row in matches:
                track = kept[matches[row]]
                track.follow(box, seconds)
            else:
                self._count += 1
                track = _Track(f"track{self._count}", box, seconds, np.zeros(4))
                kept.append(track)
            names.append(track.name)
        self._tracks = kept
        return names


def _assigned(expected: Floats, boxes: Floats) -> dict[int, int]:
    """Row of `boxes` → row of `expected`, for those that overlap; the sum of overlaps is the largest possible."""
    shares = overlap(expected, boxes)
    shares[shares < OVERLAP] = 0
    tracks, faces = linear_sum_assignment(shares, maximize=True)
    pairs = cast(list[tuple[int, int]], list(zip(faces.tolist(), tracks.tolist(), strict=True)))
    return {face: track for face, track in pairs if shares[track, face] > 0}
