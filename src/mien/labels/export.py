"""Export an audit and its reviews as Label Studio tasks, a FiftyOne data set, or a corrected folder of classes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np

from mien.data.reviewed import export_stem, reviewed_labels
from mien.data.reviews import CANNOT_SAY, MACHINE
from mien.data.views import as_png, data_uri, view
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
"""Largest side of the pictures in tasks, in pixels."""


def export(queue: ReviewQueue, form: str, out: Path) -> int:
    """Write pictures and labels, with reviews in place of given labels, and return the number of pictures.

    A review also applies to copies of the picture; the majority of several reviewers counts.

    Parameters
    ----------
    form : one of `mien.labels.FORMS`. "label-studio" writes a file of tasks with pictures (up to 640 pixels wide or
        high), the most likely class as prediction and the review as annotation, and a labelling configuration OUT.xml.
        "fiftyone" writes a folder in the layout of FiftyOneImageClassificationDataset, "folder" writes
        OUT/CLASS/PICTURE and OUT/labels.csv with the origin of each label. Both copy the files of the pictures (PNG of
        the audited pixels where there is no file) and leave out pictures reviewed as "cannot say".
    out : file or folder, which must not exist yet.

    Raises
    ------
    StorageError : `out` exists already, or cannot be written. UsageError : a review cannot be used.
    """
    queue.refresh()
    with storage_errors(out):
        for path in (out, _config_path(out)) if form == "label-studio" else (out,):
            if path.exists() or path.is_symlink():
                raise StorageError("exists already", place=str(path), remedy="choose another path with --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        if form == "label-studio":
            return _label_studio(queue, out)
        with appearing(out) as folder:
            return (_fiftyone if form == "fiftyone" else _folder)(queue, folder)


def corrected_labels(queue: ReviewQueue) -> tuple[Ints, Bools]:
    """(N,) classes after the reviews, −1 where reviewed as "cannot say", and (N,) whether the picture was reviewed."""
    labels, reviewed = reviewed_labels(queue.data, queue.entries)
    return np.where(reviewed, labels, queue.suspects.labels), reviewed


def changed(queue: ReviewQueue) -> int:
    """Number of labels that reviews changed."""
    labels, _ = corrected_labels(queue)
    return int(((labels != queue.suspects.labels) & (labels != NO_LABEL)).sum())


def _label_studio(queue: ReviewQueue, out: Path) -> int:
    rows = queue.rows(todo=False).tolist()
    labels, reviewed = corrected_labels(queue)
    names = (*queue.data.labelset.names, CANNOT_SAY)

    def write(file: BinaryIO) -> None:
        for number, row in enumerate(rows):  # one by one, since all pictures together may not fit into memory
            label = names[labels[row]] if reviewed[row] else ""  # −1 is the last name, "cannot say"
            file.write((b",\n" if number else b"[") + json.dumps(_task(queue, row, label)).encode())
        file.write(b"]\n" if rows else b"[]\n")

    choices = "".join(f"\n    <Choice value={quoteattr(name)}/>" for name in names)
    config = (
        f'<View>\n  <Image name="{PICTURE}" value="${PICTURE}" zoom="true"/>\n'
        '  <Header value="given: $given. $verdict: $reason"/>\n'
        f'  <Choices name="{CHOICE}" toName="{PICTURE}" choice="single">{choices}\n  </Choices>\n</View>\n'
    )
    write_atomic(out, write)
    write_text(_config_path(out), config)
    return len(rows)


def _task(queue: ReviewQueue, row: int, reviewed: str) -> dict[str, Any]:
    """Task of Label Studio for a picture; `reviewed` is the label of its review, "" without one."""
    names, suspects = queue.data.labelset.names, queue.suspects
    likely = int(suspects.suggested[row])

    def choice(label: str) -> list[dict[str, Any]]:
        return [{"from_name": CHOICE, "to_name": PICTURE, "type": "choices", "value": {"choices": [label]}}]

    task: dict[str, Any] = {
        "data": {
            PICTURE: data_uri(view(queue.data, row, SIDE)),
            "mien_id": str(queue.data.ids[row]),  # not "id", where JSON-MIN writes the task's number
            "given": names[suspects.labels[row]],
            "verdict": KINDS[queue.audit.kind[row]],
            "reason": str(queue.audit.reason[row]),
        },
        "predictions": [
            {
                "model_version": MACHINE,
                "score": round(float(suspects.belief[row, likely]), 4),
                "result": choice(names[likely]),
            }
        ],
    }
    if reviewed:
        task["annotations"] = [{"result": choice(reviewed)}]
    return task


def _config_path(out: Path) -> Path:
    """Path of the labelling configuration for Label Studio's tasks."""
    return out.with_name(out.name + ".xml")


def _fiftyone(queue: ReviewQueue, folder: Path) -> int:
    names = list(queue.data.labelset.names)
    (folder / "data").mkdir()
    labels, _ = corrected_labels(queue)
    rows = np.flatnonzero(labels != NO_LABEL).tolist()
    stems = {export_stem(str(queue.data.ids[row])): int(labels[row]) for row in rows}
    for row, stem in zip(rows, stems, strict=True):
        _save(queue.data, row, folder / "data" / stem)
    write_text(folder / "labels.json", json.dumps({"classes": names, "labels": stems}))
    return len(rows)


def _folder(queue: ReviewQueue, folder: Path) -> int:
    data, suspects = queue.data, queue.suspects
    names = data.labelset.names
    for name in names:
        (folder / name).mkdir()
    labels, reviewed = corrected_labels(queue)
    rows = np.flatnonzero(labels != NO_LABEL).tolist()
    paths = [
        str(_save(data, row, folder / names[labels[row]] / _safe_stem(data, row)).relative_to(folder)) for row in rows
    ]
    table = [
        (str(data.ids[row]), path, names[suspects.labels[row]], names[labels[row]], "reviewed" if reviewed[row] else "",
         KINDS[queue.audit.kind[row]], names[suspects.suggested[row]], f"{suspects.score[row]:.4f}")
        for row, path in zip(rows, paths, strict=True)
    ]  # fmt: skip
    write_text(folder / "labels.csv", csv_text([COLUMNS, *table]))
    if data.groups is not None:  # in the format of the folder reader, since certificates count persons
        persons = [("image", "person"), *zip(paths, data.groups[rows].astype(str).tolist(), strict=True)]
        write_text(folder / "votes.csv", csv_text(persons))
    about = {
        "made of": data.name,
        "fingerprint of the original": data.fingerprint(),
        "fingerprint of the labels": digest(data.fingerprint(), labels),
        "pictures": len(rows),
        "labels that reviewers changed": changed(queue),
        "left out": len(data) - len(rows),
    }
    write_text(folder / "corrected.json", json.dumps(about, indent=2) + "\n")
    return len(rows)


def _save(data: Dataset, row: int, stem: Path) -> Path:
    """Copy the file of a picture to `stem` with its ending, or write the audited pixels as PNG if it has no file."""
    source = Path(str(data.paths[row]))
    if str(data.paths[row]) and source.is_file():
        return Path(shutil.copyfile(source, stem.with_name(stem.name + source.suffix.lower())))
    path = stem.with_name(stem.name + ".png")
    path.write_bytes(as_png(data.pictures[row]))
    return path


def _safe_stem(data: Dataset, row: int) -> str:
    """File name without ending: the row and the ASCII letters and digits of the id, so that ids cannot form paths."""
    letters = "".join(letter for letter in Path(str(data.ids[row])).stem if letter.isascii() and letter.isalnum())
    return f"{row:06d}-{letters[:40]}" if letters else f"{row:06d}"
