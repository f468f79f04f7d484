"""Pictures and frames become their faces: one Item each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.data.opening import pillow_warnings_ignored, ranges_of_one
from mien.data.picture import read_upright
from mien.faces.finder import FaceFinder
from mien.faces.tracks import Tracker
from mien.incoming.item import NO_FACE, UNREADABLE, Face, Item
from mien.machine import cores
from mien.types import Problem
from mien.workers import in_order, use_one_core


@dataclass(frozen=True)
class _Found:
    """An Item without its image, and its faces with their crops; None where it cannot be read."""

    item: Item
    faces: list[tuple[Face, NDArray[np.uint8]]] | None


def faces_of(items: Iterable[Item], finder: FaceFinder, workers: int = 0, *, live: bool = False) -> Iterator[Item]:
    """Replace each picture or frame by an Item for each of its faces, from left to right.

    Without a face, an Item with status "no_face" is left. What cannot be read is passed on, with the reason. Faces of
    frames have tracks: the same face has the same name throughout its video. Some frames a worker are in memory at a
    time.

    Parameters
    ----------
    items : in any number; frames of one video follow each other.
    workers : threads that read pictures and detect faces; 0 for one a core. The result does not depend on it.
    live : the faces of each frame come before the next frame is asked for, as for cameras.
    """
    workers = workers or cores()
    Image.init()  # not thread-safe
    video, tracker = "", Tracker()
    with ThreadPoolExecutor(workers, initializer=use_one_core) as pool:
        for each in in_order(pool, partial(_found, finder=finder), items, 1 if live else 2 * workers):
            if each.item.seconds is not None and each.item.file != video:
                video, tracker = each.item.file, Tracker()
            yield from _items(each, tracker)


def _found(item: Item, finder: FaceFinder) -> _Found:
    """Detect the faces of one Item; it never raises for what is wrong with a file."""
    bare = replace(item, image=None)
    if item.image is None:
        return _Found(item, None)
    if isinstance(item.image, np.ndarray):
        return _Found(bare, finder.find(item.image))
    ranges = item.ranges if item.ranges is not None else ranges_of_one(item.image)
    with pillow_warnings_ignored():
        upright, faults = read_upright(item.image, ranges)
    if upright is None:
        kind, cause, remedy = faults[-1]
        return _Found(replace(bare, status=UNREADABLE, problem=Problem(kind, item.id, cause, remedy)), None)
    return _Found(bare, finder.find(np.asarray(upright.image)))


def _items(result: _Found, tracker: Tracker) -> Iterator[Item]:
    """The Items of one picture or frame; its faces are followed by the tracker if it is a frame."""
    item, faces = result.item, result.faces
    if faces is None:
        yield item
        return
    tracks = [""] * len(faces)
    if item.seconds is not None:
        boxes = np.array([face.box for face, _ in faces], np.float64).reshape(-1, 4)
        tracks = tracker.names(boxes, item.seconds)
    if not faces:
        yield replace(item, status=NO_FACE)
    for (face, crop), track in zip(faces, tracks, strict=True):
        yield replace(item, id=f"{item.id}#face={face.number}", image=crop, face=replace(face, track=track))
