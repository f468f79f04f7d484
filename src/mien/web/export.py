"""An audit, with its reviews, for other tools: Label Studio's tasks, FiftyOne's folder, or a corrected data set."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from mien.audit.verdicts import KINDS
from mien.data.reviews import MACHINE
from mien.data.samples import as_png
from mien.errors import StorageError
from mien.runs import storage_errors, write_text
from mien.types import Dataset, digest
from mien.web.desk import Desk

COLUMNS = ("id", "file", "given", "label", "reviewed", "verdict", "suggested", "score")
CHOICE, PICTURE = "emotion", "image"


def export(desk: Desk, form: str, out: Path) -> int:
    """Write the pictures with their labels, reviewed ones with the reviewers' word; returns how many.

    Pictures are copies of their own files; where they have none, they are what was audited, as PNG.

    Parameters
    ----------
    form : one of mien.web.FORMS. "label-studio" is a file of tasks, with the audit's suggestions as predictions and the
        reviews as annotations; its labelling configuration stands beside it, OUT.xml. "fiftyone" is a folder in the
        layout of FiftyOneImageClassificationDataset. "folder" is OUT/CLASS/PICTURE with OUT/labels.csv, which says of
        each label where it comes from. A picture of which the reviewers cannot say what it shows is left out of both.
    out : file or folder, which must not be there yet.

    Raises
    ------
    StorageError : it is there already, or cannot be written.
    """
    desk.look()
    with storage_errors(out):
        if out.exists() or out.is_symlink():
            raise StorageError("is there already", place=str(out), remedy="choose another place with --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        if form == "label-studio":
            return _label_studio(desk, out)
        return _whole(out, lambda folder: (_fiftyone if form == "fiftyone" else _folder)(desk, folder))


def corrected(desk: Desk) -> Iterator[tuple[int, str, str]]:
    """(row, label, "reviewed" or "") of each picture that has a label after the reviews."""
    names = desk.data.labelset.names
    for row, key in enumerate(desk.data.ids.tolist()):
        word = desk.reviews.get(key)
        label = names[desk.suspects.labels[row]] if word is None else word
        if label:
            yield row, label, "" if word is None else "reviewed"


def _label_studio(desk: Desk, out: Path) -> int:
    names, found = desk.data.labelset.names, desk.suspects

    def choice(label: str) -> list[dict[str, Any]]:
        return [{"from_name": CHOICE, "to_name": PICTURE, "type": "choices", "value": {"choices": [label]}}]

    tasks = []
    for row in desk.rows(order="worth", todo=False).tolist():
        key, suggested = str(desk.data.ids[row]), names[found.suggested[row]]
        picture = "data:image/png;base64," + base64.b64encode(as_png(desk.data.pictures[row])).decode()
        about = {"id": key, "given": names[found.labels[row]], "verdict": KINDS[desk.kind[row]]}
        chance = round(float(found.belief[row, found.suggested[row]]), 4)
        task: dict[str, Any] = {
            "data": {PICTURE: picture, **about, "reason": str(desk.reason[row])},
            "predictions": [{"model_version": MACHINE, "score": chance, "result": choice(suggested)}],
        }
        if desk.reviews.get(key):
            task["annotations"] = [{"result": choice(desk.reviews[key])}]
        tasks.append(task)
    choices = "".join(f"\n    <Choice value={quoteattr(name)}/>" for name in names)
    config = (
        f'<View>\n  <Image name="{PICTURE}" value="${PICTURE}"/>\n'
        '  <Header value="given: $given. $verdict: $reason"/>\n'
        f'  <Choices name="{CHOICE}" toName="{PICTURE}" choice="single">{choices}\n  </Choices>\n</View>\n'
    )
    write_text(out, json.dumps(tasks))
    write_text(out.with_name(out.name + ".xml"), config)
    return len(tasks)


def _whole(out: Path, write: Callable[[Path], int]) -> int:
    """A folder that appears at once, when all of it is written."""
    scratch = out.parent / f".{out.name}.{os.getpid()}"
    scratch.mkdir()
    try:
        count = write(scratch)
        scratch.replace(out)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return count


def _fiftyone(desk: Desk, folder: Path) -> int:
    names = list(desk.data.labelset.names)
    (folder / "data").mkdir()
    labels: dict[str, int] = {}
    for row, label, _ in corrected(desk):
        labels[_save(desk.data, row, folder / "data").stem] = names.index(label)
    write_text(folder / "labels.json", json.dumps({"classes": names, "labels": labels}))
    return len(labels)


def _folder(desk: Desk, folder: Path) -> int:
    data, found = desk.data, desk.suspects
    names = data.labelset.names
    for name in names:
        (folder / name).mkdir()
    rows, table = [], io.StringIO()
    for row, label, source in corrected(desk):
        place = _save(data, row, folder / label).relative_to(folder)
        rows.append(
            (str(data.ids[row]), str(place), names[found.labels[row]], label, source, KINDS[desk.kind[row]],
             names[found.suggested[row]], f"{found.score[row]:.4f}")
        )  # fmt: skip
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    write_text(folder / "labels.csv", table.getvalue())
    about = {
        "made of": data.name,
        "fingerprint of the original": data.fingerprint(),
        "fingerprint": digest(data.fingerprint(), [(row[0], row[3]) for row in rows]),
        "pictures": len(rows),
        "labels that reviewers changed": sum(row[2] != row[3] for row in rows),
        "left out": len(data) - len(rows),
    }
    write_text(folder / "corrected.json", json.dumps(about, indent=2) + "\n")
    return len(rows)


def _save(data: Dataset, row: int, folder: Path) -> Path:
    """The picture's own file, copied; the audited pixels as PNG where it has none."""
    own = Path(str(data.paths[row]))
    if str(data.paths[row]) and own.is_file():
        return Path(shutil.copyfile(own, folder / f"{_harmless(data, row)}{own.suffix.lower()}"))
    place = folder / f"{_harmless(data, row)}.png"
    place.write_bytes(as_png(data.pictures[row]))
    return place


def _harmless(data: Dataset, row: int) -> str:
    """A file's name, without its ending, that no id can bend: the row, and what is harmless of the id."""
    letters = "".join(letter for letter in Path(str(data.ids[row])).stem if letter.isascii() and letter.isalnum())
    return f"{row:06d}-{letters[:40]}" if letters else f"{row:06d}"


def changed(desk: Desk) -> int:
    """How many labels the reviewers changed."""
    names = np.array(desk.data.labelset.names)
    return sum(label != names[desk.suspects.labels[row]] for row, label, _ in corrected(desk))
