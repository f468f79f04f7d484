"""Open a saved audit together with its pictures as they are on disk now.

After an audit pictures may be deleted, added, moved or replaced. A picture on disk is matched to an audited one by id
and content, or by content alone where it was moved.
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
GIVE_PATH = "give the path of the pictures with --data PATH; all reviews are kept"


@dataclass(frozen=True)
class Audited:
    """Results of an audit for the N audited pictures that still exist.

    Attributes
    ----------
    data : the pictures, with the ids of the audit.
    suspects : their beliefs and suggested labels.
    kind, reason : (N,) verdicts, as indices into KINDS, and their reasons.
    gone : number of audited pictures that no longer exist or have other content.
    new : number of labelled pictures that were not audited.
    """

    data: Dataset
    suspects: Suspects
    kind: Ints
    reason: Texts
    gone: int
    new: int


def load_audited(folder: Path, source: str | None = None) -> Audited:
    """Read a saved audit and match it to the pictures on disk.

    Parameters
    ----------
    folder : output folder of `mien audit`.
    source : path of the pictures, if they are no longer at the path that was audited.

    Raises
    ------
    RunError : the folder contains no audit, or none of its pictures exists. DataError : the pictures cannot be read.
    """
    about = AUDIT.read(folder, AUDIT_AGAIN)
    with as_storage_error(folder / AUDIT.file, AUDIT_AGAIN):
        settings = about.part("data").record(DataSettings)
        settings = replace(settings, source=source or settings.source, strict=False)
    stored = _checked(read_arrays(folder / "audit.npz"), folder / "audit.npz")
    try:
        data = prepare(settings).replace(targets=None)
    except DataError as error:
        raise DataError(error.cause, place=error.place, remedy=GIVE_PATH) from None
    rows = _rows(stored, data, folder)
    if (rows < 0).all():
        cause = f"none of its {len(rows)} pictures is in {settings.source}"
        raise RunError(cause, place=str(folder), remedy=GIVE_PATH)
    return _joined(stored, data, rows, folder / "audit.npz")


def _checked(stored: Record, path: Path) -> Record:
    """Raise RunError unless the arrays have the shapes and values of an audit."""
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
        raise RunError("is corrupt, or was edited: an audit writes other arrays", place=str(path), remedy=AUDIT_AGAIN)
    return stored


def _rows(stored: Record, data: Dataset, folder: Path) -> Ints:
    """(A,) row of each audited picture in the data on disk, −1 where it is missing."""
    ids, hashes = stored["ids"].tolist(), stored.get("hashes")
    places = {name: row for row, name in enumerate(data.ids.tolist())}
    rows: Ints = np.array([places.get(name, -1) for name in ids], dtype=np.int64)
    if (rows < 0).all():  # another root folder, or ids in another spelling
        rows, _ = match(ids, data.ids.tolist(), folder, whole=False)
    if hashes is None or not len(hashes) or data.hashes is None:
        return _unique_rows(rows)
    replaced = (rows >= 0) & (data.hashes[rows] != hashes)
    rows = _unique_rows(np.where(replaced, -1, rows))
    free: dict[str, list[int]] = {}
    for row in np.setdiff1d(np.arange(len(data)), rows)[::-1].tolist():
        free.setdefault(str(data.hashes[row]), []).append(row)
    for number in np.flatnonzero(rows < 0).tolist():  # moved, or at another row of a table
        matched = free.get(str(hashes[number]))
        if matched:
            rows[number] = matched.pop()
    return rows


def _unique_rows(rows: Ints) -> Ints:
    """Keep the first occurrence of each row of the data; repeated ones become −1."""
    _, first = np.unique(rows, return_index=True)
    kept = np.full(len(rows), -1)
    kept[first] = rows[first]
    return kept


def _joined(stored: Record, data: Dataset, rows: Ints, path: Path) -> Audited:
    """Results of the audit for the pictures that still exist, in the order of the audit."""
    present = np.flatnonzero(rows >= 0)
    classes = stored.get("classes")
    if classes is None and stored["belief"].shape[1] != len(data.labelset):
        cause = f"was written for {stored['belief'].shape[1]} classes, but the data have {len(data.labelset)} now"
        raise RunError(cause, place=str(path), remedy=AUDIT_AGAIN)
    names = data.labelset.names if classes is None else tuple(map(str, classes.tolist()))
    kept = _in_classes(data.take(rows[present]).replace(ids=stored["ids"][present]), names)
    position = np.full(len(rows) + 1, -1)  # the last entry is that of row −1, no neighbour
    position[present] = np.arange(len(present))
    belief = np.pad(stored["belief"][present], ((0, 0), (0, len(kept.labelset) - len(names))))
    suspects = Suspects(kept.labels, belief, position[stored["neighbours"][present]])
    gone, new = len(rows) - len(present), len(data) - len(present)
    return Audited(kept, suspects, stored["kind"][present], stored["reason"][present], gone, new)


def _in_classes(data: Dataset, names: tuple[str, ...]) -> Dataset:
    """Renumber labels to the classes of the audit, followed by classes that occur only in the present labels."""
    if data.labelset.names == names:
        return data
    given = np.array(data.labelset.names)[data.labels]
    later = [name for name in data.labelset.names if name not in names and name in given]
    labelset = LabelSet((*names, *later), data.labelset.aliases)
    votes = None if data.labelset.names != labelset.names else data.votes  # columns would be in another order
    labels = np.array([labelset.names.index(name) for name in given.tolist()], dtype=np.int64)
    return data.replace(labels=labels, labelset=labelset, votes=votes)
