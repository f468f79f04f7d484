"""An audit, with its reviews, for other tools: Label Studio's tasks, FiftyOne's folder, or a corrected data set."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np

from mien.data.reviewed import export_stem, reviewed_labels
from mien.data.reviews import CANNOT_SAY, MACHINE
from mien.data.samples import as_png
from mien.data.views import data_uri, view
from mien.errors import StorageError
from mien.labels.review_queue import ReviewQueue
from mien.labels.verdicts import KINDS
from mien.storage.csv_tables import csv_text
from mien.storage.files import storage_errors, write_atomic, write_text
from mien.storage.folders import appearing
from mien.types import NO_LABEL, Bools, Dataset, Ints, digest

COLUMNS = ("id", "file", "given", "label", "reviewed", "verdict", "suggested", "score")
CHOICE, PICTURE = "emotion", "image"
SIDE = 640
"""Longer side of the pictures in tasks, at most."""


def export(desk: ReviewQueue, form: str, out: Path) -> int:
    """Write the pictures with their labels, reviewed ones with the reviewers' word; returns how many.

    What was said of a picture goes for its copies too; of several reviewers counts what most say.

    Parameters
    ----------
    form : one of `mien.labels.FORMS`. "label-studio" is a file of tasks with the pictures (at most 640 pixels wide or
        high), the most likely class of each as prediction and the reviews as annotations; OUT.xml beside it is its
        labelling configuration. The other two copy the pictures' own files (where they have none, what was audited, as
        PNG). "fiftyone" is a folder in the layout of FiftyOneImageClassificationDataset. "folder" is OUT/CLASS/PICTURE
        with OUT/labels.csv, which says of each label where it comes from. What the reviewers could not name is left out
        of both.
    out : file or folder, which must not be there yet.

    Raises
    ------
    StorageError : it is there already, or cannot be written. UsageError : a review that cannot be used.
    """
    desk.look()
    with storage_errors(out):
        for place in (out, _config(out)) if form == "label-studio" else (out,):
            if place.exists() or place.is_symlink():
                raise StorageError("is there already", place=str(place), remedy="choose another place with --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        if form == "label-studio":
            return _label_studio(desk, out)
        with appearing(out) as folder:
            return (_fiftyone if form == "fiftyone" else _folder)(desk, folder)


def corrected(desk: ReviewQueue) -> tuple[Ints, Bools]:
    """(N,) classes after the reviews, −1 where the reviewers cannot say one, and (N,) whether they said anything."""
    found, named = reviewed_labels(desk.data, desk.said)
    return np.where(named, found, desk.suspects.labels), named


def changed(desk: ReviewQueue) -> int:
    """How many labels the reviewers changed."""
    labels, _ = corrected(desk)
    return int(((labels != desk.suspects.labels) & (labels != NO_LABEL)).sum())


def _label_studio(desk: ReviewQueue, out: Path) -> int:
    rows = desk.rows(todo=False).tolist()
    labels, named = corrected(desk)
    names = (*desk.data.labelset.names, CANNOT_SAY)

    def write(file: BinaryIO) -> None:
        for number, row in enumerate(rows):  # one by one: all pictures together may be larger than the memory
            word = names[labels[row]] if named[row] else ""  # −1 is the last one
            file.write((b",\n" if number else b"[") + json.dumps(_task(desk, row, word)).encode())
        file.write(b"]\n" if rows else b"[]\n")

    choices = "".join(f"\n    <Choice value={quoteattr(name)}/>" for name in names)
    config = (
        f'<View>\n  <Image name="{PICTURE}" value="${PICTURE}" zoom="true"/>\n'
        '  <Header value="given: $given. $verdict: $reason"/>\n'
        f'  <Choices name="{CHOICE}" toName="{PICTURE}" choice="single">{choices}\n  </Choices>\n</View>\n'
    )
    write_atomic(out, write)
    write_text(_config(out), config)
    return len(rows)


def _task(desk: ReviewQueue, row: int, word: str) -> dict[str, Any]:
    """A task of Label Studio; `word` is what the reviewers said, "" without a review."""
    names, found = desk.data.labelset.names, desk.suspects
    likely = int(found.suggested[row])

    def choice(label: str) -> list[dict[str, Any]]:
        return [{"from_name": CHOICE, "to_name": PICTURE, "type": "choices", "value": {"choices": [label]}}]

    task: dict[str, Any] = {
        "data": {
            PICTURE: data_uri(view(desk.data, row, SIDE)),
            "mien_id": str(desk.data.ids[row]),  # not "id": JSON-MIN writes the task's number there
            "given": names[found.labels[row]],
            "verdict": KINDS[desk.kind[row]],
            "reason": str(desk.audit.reason[row]),
        },
        "predictions": [
            {
                "model_version": MACHINE,
                "score": round(float(found.belief[row, likely]), 4),
                "result": choice(names[likely]),
            }
        ],
    }
    if word:
        task["annotations"] = [{"result": choice(word)}]
    return task


def _config(out: Path) -> Path:
    """Where the labelling configuration of Label Studio's tasks stands."""
    return out.with_name(out.name + ".xml")


def _fiftyone(desk: ReviewQueue, folder: Path) -> int:
    names = list(desk.data.labelset.names)
    (folder / "data").mkdir()
    labels, _ = corrected(desk)
    rows = np.flatnonzero(labels != NO_LABEL).tolist()
    stems = {export_stem(str(desk.data.ids[row])): int(labels[row]) for row in rows}
    for row, stem in zip(rows, stems, strict=True):
        _save(desk.data, row, folder / "data" / stem)
    write_text(folder / "labels.json", json.dumps({"classes": names, "labels": stems}))
    return len(rows)


def _folder(desk: ReviewQueue, folder: Path) -> int:
    data, found = desk.data, desk.suspects
    names = data.labelset.names
    for name in names:
        (folder / name).mkdir()
    labels, named = corrected(desk)
    rows = np.flatnonzero(labels != NO_LABEL).tolist()
    places = [
        str(_save(data, row, folder / names[labels[row]] / _harmless(data, row)).relative_to(folder)) for row in rows
    ]
    table = [
        (str(data.ids[row]), place, names[found.labels[row]], names[labels[row]], "reviewed" if named[row] else "",
         KINDS[desk.kind[row]], names[found.suggested[row]], f"{found.score[row]:.4f}")
        for row, place in zip(rows, places, strict=True)
    ]  # fmt: skip
    write_text(folder / "labels.csv", csv_text([COLUMNS, *table]))
    if data.groups is not None:  # as the reader of folders takes them: certificates count persons
        persons = [("image", "person"), *zip(places, data.groups[rows].astype(str).tolist(), strict=True)]
        write_text(folder / "votes.csv", csv_text(persons))
    about = {
        "made of": data.name,
        "fingerprint of the original": data.fingerprint(),
        "fingerprint of the labels": digest(data.fingerprint(), labels),
        "pictures": len(rows),
        "labels that reviewers changed": changed(desk),
        "left out": len(data) - len(rows),
    }
    write_text(folder / "corrected.json", json.dumps(about, indent=2) + "\n")
    return len(rows)


def _save(data: Dataset, row: int, place: Path) -> Path:
    """The picture's own file, copied to `place`, with its ending; the audited pixels as PNG where it has none."""
    own = Path(str(data.paths[row]))
    if str(data.paths[row]) and own.is_file():
        return Path(shutil.copyfile(own, place.with_name(place.name + own.suffix.lower())))
    place = place.with_name(place.name + ".png")
    place.write_bytes(as_png(data.pictures[row]))
    return place


def _harmless(data: Dataset, row: int) -> str:
    """A file's name, without its ending, that no id can bend: the row, and what is harmless of the id."""
    letters = "".join(letter for letter in Path(str(data.ids[row])).stem if letter.isascii() and letter.isalnum())
    return f"{row:06d}-{letters[:40]}" if letters else f"{row:06d}"
