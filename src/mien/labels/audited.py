"""The pictures of an audit as they are today: those that are still there, with what the audit found of each.

Pictures are deleted, added, moved and replaced after an audit, and its reviews must survive that. A picture is the one
that was audited where its id and its content are the same, or its content alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.data.join import match
from mien.data.prepare import DataSettings, prepare
from mien.errors import DataError, RunError
from mien.labels.suspects import Suspects
from mien.labels.verdicts import KINDS
from mien.storage.artifact import Artifact
from mien.storage.files import Record, as_storage_error, read_arrays
from mien.types import Dataset, Ints, LabelSet, Texts

AUDIT = Artifact("audit", "audit.json", 2, "mien audit")
AUDIT_AGAIN = "make it again in another folder; reviews.jsonl can be given to mien audit with --reviews"


@dataclass(frozen=True)
class Audited:
    """The N pictures of an audit that are still there.

    Attributes
    ----------
    data : with the ids that the audit knew them by. suspects : of them.
    kind, reason : (N,) verdicts.
    gone : how many pictures of the audit are no longer there, or have other content now.
    new : how many labelled pictures are there that the audit did not see.
    """

    data: Dataset
    suspects: Suspects
    kind: Ints
    reason: Texts
    gone: int
    new: int


def audited(folder: Path, source: str | None = None) -> Audited:
    """Read an audit's folder, and its pictures.

    Parameters
    ----------
    source : where the pictures are now, in place of the path that the audit was given.

    Raises
    ------
    RunError : the folder holds no audit, or none of its pictures exists. DataError : the pictures cannot be read.
    """
    about = AUDIT.read(folder, AUDIT_AGAIN)
    with as_storage_error(folder / AUDIT.file, AUDIT_AGAIN):
        settings = about.part("data").record(DataSettings)
        settings = replace(settings, source=source or settings.source, strict=False)
    stored = _checked(read_arrays(folder / "audit.npz"), folder / "audit.npz")
    try:
        data = prepare(settings).replace(targets=None)
    except DataError as error:
        remedy = "give the place of the pictures with --data PATH; all reviews are kept"
        raise DataError(error.cause, place=error.place, remedy=remedy) from None
    rows = _rows(stored, data, folder)
    if (rows < 0).all():
        cause = f"none of its {len(rows)} pictures is in {settings.source}"
        remedy = "give the place of the pictures with --data PATH; all reviews are kept"
        raise RunError(cause, place=str(folder), remedy=remedy)
    return _joined(stored, data, rows, folder / "audit.npz")


def _checked(stored: Record, path: Path) -> Record:
    """RunError unless the arrays fit each other as those of an audit do."""
    ids, belief, neighbours, kind = (stored[name] for name in ("ids", "belief", "neighbours", "kind"))
    count = len(ids) if ids.ndim == 1 else -1
    hashes, classes = stored.get("hashes"), stored.get("classes")
    fits = (
        ids.ndim == 1 and ids.dtype.kind == "U" and len(np.unique(ids)) == count
        and belief.ndim == 2 and len(belief) == count and belief.dtype.kind == "f" and np.isfinite(belief).all()
        and neighbours.ndim == 2 and len(neighbours) == count and neighbours.dtype.kind == "i"
        and (neighbours >= -1).all() and (neighbours < count).all()
        and kind.shape == (count,) and kind.dtype.kind == "i" and np.isin(kind, np.arange(len(KINDS))).all()
        and stored["reason"].shape == (count,)
        and (hashes is None or hashes.shape in ((0,), (count,)))
        and (classes is None or (classes.shape == (belief.shape[1],) and len(np.unique(classes)) == len(classes)))
    )  # fmt: skip
    if not fits:
        raise RunError("does not hold what an audit writes", place=str(path), remedy=AUDIT_AGAIN)
    return stored


def _rows(stored: Record, data: Dataset, folder: Path) -> Ints:
    """(A,) row of each audited picture in the data of today, −1 where it is not there."""
    ids, hashes = stored["ids"].tolist(), stored.get("hashes")
    places = {name: row for row, name in enumerate(data.ids.tolist())}
    rows: Ints = np.array([places.get(name, -1) for name in ids], dtype=np.int64)
    if (rows < 0).all():  # another root, or other spellings
        rows = match(ids, data.ids.tolist(), folder, whole=False).rows
    if hashes is None or not len(hashes) or data.hashes is None:
        return _each_once(rows)
    other = (rows >= 0) & (data.hashes[rows] != hashes)
    rows = _each_once(np.where(other, -1, rows))
    free: dict[str, list[int]] = {}
    for row in np.setdiff1d(np.arange(len(data)), rows)[::-1].tolist():
        free.setdefault(str(data.hashes[row]), []).append(row)
    for number in np.flatnonzero(rows < 0).tolist():  # moved, or in a table with other numbers of rows
        same = free.get(str(hashes[number]))
        if same:
            rows[number] = same.pop()
    return rows


def _each_once(rows: Ints) -> Ints:
    """No row of the data stands for two pictures of the audit."""
    _, first = np.unique(rows, return_index=True)
    kept = np.full(len(rows), -1)
    kept[first] = rows[first]
    return kept


def _joined(stored: Record, data: Dataset, rows: Ints, path: Path) -> Audited:
    """What the audit found, of the pictures that are there, in the order of the audit."""
    there = np.flatnonzero(rows >= 0)
    classes = stored.get("classes")
    if classes is None and stored["belief"].shape[1] != len(data.labelset):
        cause = f"is of {stored['belief'].shape[1]} classes, and the data have {len(data.labelset)} now"
        raise RunError(cause, place=str(path), remedy=AUDIT_AGAIN)
    taken = data.take(rows[there]).replace(ids=stored["ids"][there])
    names = data.labelset.names if classes is None else tuple(map(str, classes.tolist()))
    taken = _in_classes(taken, names)
    places = np.full(len(rows) + 1, -1)  # the last one stands for "no neighbour"
    places[there] = np.arange(len(there))
    belief = np.pad(stored["belief"][there], ((0, 0), (0, len(taken.labelset) - len(names))))
    suspects = Suspects(taken.labels, belief, places[stored["neighbours"][there]])
    new = len(data) - len(there)
    return Audited(taken, suspects, stored["kind"][there], stored["reason"][there], len(rows) - len(there), new)


def _in_classes(data: Dataset, names: tuple[str, ...]) -> Dataset:
    """The same pictures with the classes of the audit, and behind them those that their labels have had since."""
    if data.labelset.names == names:
        return data
    given = np.array(data.labelset.names)[data.labels]
    later = [name for name in data.labelset.names if name not in names and name in given]
    labelset = LabelSet((*names, *later), data.labelset.aliases)
    votes = None if data.labelset.names != labelset.names else data.votes  # its columns are in the other order
    labels = np.array([labelset.names.index(name) for name in given.tolist()], dtype=np.int64)
    return data.replace(labels=labels, labelset=labelset, votes=votes)
