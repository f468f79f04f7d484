"""Find what a saved classifier was trained on: recorded beside it, derived from its run, or stated by the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mien.classifiers.contract import Classifier, is_identity
from mien.data.files import walk
from mien.data.images import decode, read_pictures
from mien.data.load import absolute, is_drawn, load
from mien.data.prepare import DataSettings, prepare, spelled
from mien.data.provenance import KNOWN, STATED, UNKNOWN, TrainedOn, training_rows
from mien.data.split import split
from mien.errors import DataError, MienError, UsageError
from mien.storage.files import as_storage_error, read_json
from mien.storage.layout import RETRAINED, CellFolder
from mien.storage.run import Run
from mien.types import Dataset

FLAG = "--trained-on"
OUTPUT = ("run.json", "model.json", "patch.json", "audit.json", "found.json")
"""Files by which the folders that mien writes are known."""


@dataclass(frozen=True)
class Learnt:
    """The pictures and persons that count as trained on.

    Attributes
    ----------
    kind : one of mien.data.provenance.KINDS. sets : of pictures and persons.
    notes : what could not be read, a sentence each.
    """

    kind: str
    sets: tuple[TrainedOn, ...]
    notes: tuple[str, ...] = ()


def learnt_by(classifier: Classifier, given: Sequence[str], data: DataSettings, pictures: Dataset) -> Learnt:
    """What a classifier was trained on.

    Parameters
    ----------
    classifier : its card has it, or the folder that it was read from.
    given : data sets that the user names besides, or "unknown".
    data : the settings that these are read with. pictures : what was read with them already.

    Raises
    ------
    UsageError : it is not known, and the user does not state it. DataError : a data set that is named cannot be read.
    """
    recorded, why = recorded_by(classifier, (pictures, absolute(data.source)))
    if recorded is None and not given:
        remedy = (
            f"name the pictures that it was trained on with {FLAG} PATH, once for each data set; or give {FLAG} "
            "unknown: the certificate then holds only if none of the calibration pictures was trained on"
        )
        cause = f"it is not known what the classifier was trained on: {why}"
        raise UsageError(cause, place=place_of(classifier), remedy=remedy)
    named = [_stated(source, data) for source in dict.fromkeys(given) if source != UNKNOWN]
    sets = tuple(learnt_set for learnt_set, _ in named)
    notes = tuple(note for _, note in named if note)
    backbone = getattr(classifier, "backbone", "")
    if backbone and not named:
        notes += (
            f"the backbone {backbone} was trained by others: if on pictures like these, name them with {FLAG} PATH",
        )
    if recorded is not None:
        return Learnt(KNOWN, (recorded, *sets), notes)
    return Learnt(UNKNOWN if UNKNOWN in given else STATED, sets, notes)


def place_of(classifier: Classifier) -> str:
    """Where a classifier lies, for messages: its folder, or its type."""
    return str(getattr(classifier, "folder", None) or type(classifier).__name__)


def base_of(classifier: Classifier) -> str:
    """Where a classifier lies, as patch.json has it: its folder in full, or its id."""
    folder: Path | None = getattr(classifier, "folder", None)
    return str(folder.resolve()) if folder else f"{type(classifier).__name__} {classifier.card.id}"


def recorded_by(classifier: Classifier, there: tuple[Dataset, str] | None = None) -> tuple[TrainedOn | None, str]:
    """The record on the card, beside the classifier, or derived from its run; None and the reason where there is none.

    Parameters
    ----------
    there : a data set that is read already, and may be that of the run, with its place.

    Raises
    ------
    RunError : the record is damaged, or is of another classifier.
    """
    folder: Path | None = getattr(classifier, "folder", None)
    recorded = classifier.card.trained_on
    if recorded is None and folder is not None:
        recorded = TrainedOn.load(folder, partial(is_identity, classifier))
    if recorded is not None:
        return recorded, ""
    return _of_earlier_run(folder, there) if folder else (None, "its card has no record of it")


def _of_earlier_run(folder: Path, there: tuple[Dataset, str] | None) -> tuple[TrainedOn | None, str]:
    """Earlier versions wrote no record: the data of the run are read again, and count if they have not changed."""
    missing = "its folder has no trained_on.npz"
    finished = CellFolder(folder).finished
    if not finished.exists():
        return None, missing
    cell = read_json(finished)
    with as_storage_error(finished):
        seed, key = int(cell["seed"]), str(cell["key"])
    run = next(_runs_of(folder, seed, key), None)
    if run is None:
        return None, f"{missing}, and lies in no run"
    manifest = run.manifest()
    with as_storage_error(run.path("run.json")):
        fingerprint, settings = (
            manifest["data"]["fingerprint"],
            manifest.part("settings").part("data").record(DataSettings),
        )
        parts_then = manifest["splits"][str(seed)]
    if there is None or there[0].fingerprint() != fingerprint:
        try:
            there = prepare(settings), absolute(settings.source)
        except MienError as error:
            return None, f"{missing}, and the data of its run cannot be read from here ({error.place}: {error.cause})"
    pictures, place = there
    if pictures.fingerprint() != fingerprint:
        return None, f"{missing}, and the data of its run have changed since ({settings.source})"
    parts = split(pictures, seed)
    if parts.fingerprint != parts_then:
        return None, f"{missing}, and the version that made its run divided the data in another way"
    rows = training_rows(parts, *(["correct"] if key == RETRAINED else []))
    return TrainedOn.from_dataset(pictures, rows, place, seed), ""


def _runs_of(folder: Path, seed: int, key: str) -> Iterator[Run]:
    """The run that has this very folder as a cell."""
    resolved = folder.resolve()
    for parent in resolved.parents:
        run = Run(parent)
        if run.path("run.json").exists() and run.cell(seed, key).path == resolved:
            yield run


def _stated(source: str, data: DataSettings) -> tuple[TrainedOn, str]:
    """Every picture of a data set or folder, whatever its label, and a note on those that cannot be read."""
    listed, path = _listed(source, data), Path(source).expanduser()
    there = set() if listed is None else set(listed.paths.tolist())
    inside = list(walk(path)) if path.is_dir() and not is_drawn(source) else []
    _refuse_output(source, [folder.path for folder in inside if folder.pictures], None if listed is None else path)
    below = [str(folder.path / name) for folder in inside for name in folder.pictures]
    files = [Path(name) for name in below if name not in there]
    loose = read_pictures(files, ("",), data.images)
    read = [loose] if listed is None else [decode(listed, data.images), loose]
    if not any(map(len, read)):
        raise DataError("has no picture that can be read", place=f"{FLAG} {source}", remedy="name another data set")
    sets = [TrainedOn.from_dataset(part, np.arange(len(part)), absolute(source), stated=True) for part in read]
    unread = len(files) + (0 if listed is None else len(listed)) - sum(map(len, read))
    unread += sum(len(names) for folder in inside for names in folder.unread.values())
    unread += sum(problem.kind == "broken row" for problem in read[0].problems)
    note = f"{unread} pictures of {source} cannot be read, and do not count as trained on" if unread else ""
    return replace(sets[0], pictures=np.unique(np.concatenate([part.pictures for part in sets]))), note


def _refuse_output(source: str, folders: Sequence[Path], data: Path | None) -> None:
    """UsageError where all pictures lie in what mien wrote: no classifier was trained on those.

    `data` is a folder that has a layout of data, whatever else lies in it.
    """

    def of_mien(folder: Path) -> bool:
        parents = [parent for parent in (folder, *folder.parents) if parent.is_relative_to(root) and parent != data]
        return any((parent / name).is_file() for parent in parents for name in OUTPUT)

    root = Path(source).expanduser()
    if folders and all(map(of_mien, folders)):
        remedy = f"name the pictures that BASE was trained on with {FLAG}; a run's run.json says where they lay"
        raise UsageError("holds what mien wrote, not data", place=f"{FLAG} {source}", remedy=remedy)


def _listed(source: str, data: DataSettings) -> Dataset | None:
    """A data set as DATA are listed; None for a folder of pictures that has no layout."""
    for layout in dict.fromkeys((data.format, None)):
        try:
            return load(source, format=layout, names=spelled(data.names))
        except DataError as error:
            failed = error
    if source.strip() and Path(source).expanduser().is_dir():
        return None
    raise DataError(failed.cause, place=f"{FLAG} {failed.place}", remedy=failed.remedy)
