"""Joining of reviews to the pictures and classes of a data set, and the labels that follow from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from mien.data.join import AMBIGUOUS as SEVERAL
from mien.data.join import SHOWN, match, normalise_name
from mien.data.reviews import (
    AMBIGUOUS,
    CANNOT_SAY,
    CHANGED,
    GONE,
    MACHINE,
    MOVED,
    UNKNOWN,
    Review,
    ReviewFile,
    merge_reviews,
)
from mien.errors import UsageError
from mien.types import NO_LABEL, Bools, Dataset, Ints, Problem, digest

REMEDIES = {
    AMBIGUOUS: "write the picture's path as well; the review is left out",
    GONE: "nothing: it counts again when the picture is back; or correct the name",
}


def on_pictures(file: ReviewFile, data: Dataset, *, strict: bool = True) -> ReviewFile:
    """Select the reviews that apply to a data set, and give them its ids and class names.

    A picture is found by its id, by another spelling of it (see `mien.data.join`), or by the hash in the review, if the
    picture was moved or its row number changed. Without a hash, a moved picture is found by its file name, provided
    that the file names of all pictures and of all reviews are unique. A review that names no picture, several pictures
    or no class becomes a Problem.

    Raises
    ------
    UsageError : the reviews include suggestions of an audit; or `strict` is true, and no review names a picture of the
        data, or more than half of the labels are not classes of the data.
    """
    if any(review.who == MACHINE for review in file.reviews):
        cause = "holds suggestions of an audit: with them, classifiers would be tested against a classifier's output"
        raise UsageError(cause, place=str(file.path), remedy="review them first, with mien review, and give its log")
    rows, problems = _rows(file, data)
    usable, unused, unknown = [], [], 0
    for review in file.reviews:
        row, label = rows[review.id, review.hash], _label(review.label, data)
        if row < 0:
            unused.append(review)
            continue
        if label is None and review.label is not None:
            unknown += 1
            unused.append(review)
            problems.append(_unknown(file.path, review, data))
            continue
        hash = review.hash if data.hashes is None or not review.hash else str(data.hashes[row])
        usable.append(replace(review, id=str(data.ids[row]), label=label, hash=hash))
    if strict and file.reviews and len(data):
        _refuse_foreign(file, data, problems, unknown, len(usable))
    return ReviewFile(file.path, tuple(usable), (*file.problems, *problems), tuple(unused))


def _refuse_foreign(file: ReviewFile, data: Dataset, problems: Sequence[Problem], unknown: int, usable: int) -> None:
    """Raise UsageError if the reviews concern other pictures or other classes."""
    if not usable and not unknown:
        cause = f"none of its {len(file.reviews)} reviews is of a picture of these data"
        names = f"the first names {file.reviews[0].id[:SHOWN]!r}, the first picture is {str(data.ids[0])[:SHOWN]!r}"
        raise UsageError(cause, place=str(file.path), remedy=f"{names}: make them agree")
    if unknown > usable:
        first = next(problem for problem in problems if problem.kind == UNKNOWN)
        cause = f"{unknown} of {unknown + usable} labels are not classes of these data ({first.cause})"
        raise UsageError(cause, place=str(file.path), remedy=first.remedy)


def _rows(file: ReviewFile, data: Dataset) -> tuple[dict[tuple[str, str], int], list[Problem]]:
    """(id, hash) of each review → row of its picture, −1 for none; and a Problem for each picture not found."""
    written = list(dict.fromkeys(review.id for review in file.reviews))
    by_id, faults = _rows_by_id(written, data, file.path)
    by_hash: dict[str, list[int]] = {}
    for row, hash in enumerate(() if data.hashes is None else data.hashes.tolist()):
        by_hash.setdefault(hash, []).append(row)
    moved = _moved([name for name in written if by_id[name] < 0], written, data)
    rows: dict[tuple[str, str], int] = {}
    problems: dict[str, Problem] = {}
    for review in file.reviews:
        row, same = by_id[review.id], by_hash.get(review.hash, [])
        if review.hash and same and row not in same:
            row = same[0]  # the others are copies, which share the review
        elif review.hash and by_hash and row >= 0 and row not in same:
            cause, remedy = "the picture has changed since the review", "nothing: the review counts; or review it again"
            problems[review.id] = Problem(CHANGED, _place(file.path, review.id), cause, remedy)
        elif row < 0 and review.id in moved and not (review.hash and by_hash):
            row = moved[review.id]
            cause = f"is matched by file name to {str(data.ids[row])[:SHOWN]!r}"
            remedy = "nothing: the review counts"
            problems[review.id] = Problem(MOVED, _place(file.path, review.id), cause, remedy)
        elif row < 0:
            problems[review.id] = faults[review.id]
        rows[review.id, review.hash] = row
    return rows, list(problems.values())


def _rows_by_id(written: list[str], data: Dataset, path: Path) -> tuple[dict[str, int], dict[str, Problem]]:
    """Written id → row, −1 for none; and written id → Problem for each without a row."""
    ids = [str(name) for name in data.ids.tolist()]
    exact = {name: row for row, name in enumerate(ids)}
    rows = {name: exact.get(name, -1) for name in written}
    stems = {export_stem(name): row for row, name in enumerate(ids)} if -1 in rows.values() else {}
    rows.update({name: stems.get(_stem(name), -1) for name, row in rows.items() if row < 0})
    faults: dict[str, Problem] = {}
    for names in (ids, [_without_extension(name) for name in ids]):  # some tools omit the extension
        missing = [name for name, row in rows.items() if row < 0]
        if not missing:
            break
        matched_rows, problems = match(missing, names, path, whole=False)
        rows.update(zip(missing, matched_rows.tolist(), strict=True))
        for name, problem in zip((name for name in missing if rows[name] < 0), problems, strict=True):
            if name not in faults or problem.kind == SEVERAL:
                kind = AMBIGUOUS if problem.kind == SEVERAL else GONE
                faults[name] = Problem(kind, _place(path, name), problem.cause, REMEDIES[kind])
    return rows, faults


def _moved(gone: Sequence[str], written: Sequence[str], data: Dataset) -> dict[str, int]:
    """Written id → row of moved pictures, by file name; empty unless all file names are unique."""
    files = {_file(str(name)): row for row, name in enumerate(data.ids.tolist())}
    if not gone or len(files) < len(data) or len({_file(name) for name in written}) < len(written):
        return {}
    return {name: files[_file(name)] for name in gone if _file(name) in files}


def _file(name: str) -> str:
    return normalise_name(name).rpartition("/")[2].casefold()


def _without_extension(name: str) -> str:
    return re.sub(r"\.[^./\\]+$", "", name)


def _stem(name: str) -> str:
    return re.split(r"[/\\]", _without_extension(name))[-1]


def _place(path: Path, name: str) -> str:
    return f"{path} ({name[:SHOWN]})"


def export_stem(name: str) -> str:
    """File name without extension for exporting a picture to tools that store no other link to it.

    >>> export_stem("happiness/face 12.png")
    'face12-319cbde5c8'
    """
    letters = "".join(
        letter for letter in PurePosixPath(normalise_name(name)).stem if letter.isascii() and letter.isalnum()
    )
    return f"{letters[:40] or 'picture'}-{digest(normalise_name(name))[:10]}"


def _label(written: str | None, data: Dataset) -> str | None:
    """Name of the class, "" for "cannot say"; None if it is not a class, or the review was withdrawn."""
    if written is None or not written.strip():
        return written if written is None else ""
    label = data.labelset.resolve(written)
    if label != NO_LABEL:
        return data.labelset.names[label]
    return "" if written.strip().casefold() == CANNOT_SAY else None


def _unknown(path: Path, review: Review, data: Dataset) -> Problem:
    written = str(review.label)
    near = data.labelset.nearest(written)
    hint = f"did you mean {near!r}? " if near else ""
    remedy = f"{hint}its classes are: {', '.join(data.labelset.names)}"
    return Problem(UNKNOWN, _place(path, review.id), f"label {written[:SHOWN]!r} is not a class", remedy)


def labels_of(reviews: Sequence[Review], data: Dataset) -> Ints:
    """(N,) class that the reviewers gave each picture, −1 for none; for reviews of `on_pictures`."""
    rows = {name: row for row, name in enumerate(data.ids.tolist())}
    labels = np.full(len(data), NO_LABEL)
    for name, label in merge_reviews(reviews).items():
        if label:
            labels[rows[name]] = data.labelset.index(label)
    return labels


def reviewed_labels(data: Dataset, reviews: Sequence[Review]) -> tuple[Ints, Bools]:
    """(N,) reviewed class, −1 for "cannot say", and (N,) whether the picture was reviewed.

    The reviews are those of `on_pictures`. Copies that are not reviewed have the label of the reviewed ones, unless
    those contradict each other.
    """
    labels, is_reviewed = labels_of(reviews, data), np.isin(data.ids, list(merge_reviews(reviews)))
    if data.hashes is None or not is_reviewed.any():
        return labels, is_reviewed
    by_hash: dict[str, set[int]] = {}
    for key, label in zip(data.hashes[is_reviewed].tolist(), labels[is_reviewed].tolist(), strict=True):
        by_hash.setdefault(key, set()).add(label)
    for row in np.flatnonzero(~is_reviewed & np.isin(data.hashes, list(by_hash))).tolist():
        of_copies = by_hash[str(data.hashes[row])]
        if len(of_copies) == 1:
            labels[row], is_reviewed[row] = next(iter(of_copies)), True
    return labels, is_reviewed
