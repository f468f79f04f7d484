"""Reader of files of reviews, recognised by content: mien's log, tables, exports of Label Studio and FiftyOne."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mien.data import label_studio
from mien.data.reviews import BROKEN, Fault, Review, ReviewFile
from mien.data.tables import Table, decode_text, fold_title, missing_column, read_table, table_of
from mien.errors import DataError, UsageError
from mien.types import Problem

BOM = b"\xef\xbb\xbf"
FIFTYONE = "FiftyOne"
LABELS = ("label", "emotion", "choice", "choices", "groundtruth", "groundtruthlabel", "class", "expression")
IDS = (*label_studio.PICTURE_IDS, "id", *label_studio.LINKS, "name")
FILES = ("reviews.jsonl", "labels.json", "labels.csv")
"""Names of files of reviews in the folders of audits and exports."""
KNOWN = (
    "known are JSON lines or a table with id and label, Label Studio's JSON, JSON-MIN or CSV, FiftyOne's labels.json"
)
Entries = Iterator[tuple[str, Review | Fault | None]]
"""(place in the file, review or fault), None for an entry without a review."""


def read(path: Path, *, strict: bool = True) -> ReviewFile:
    """Read all reviews of a file in order; those of Label Studio in the order of their times.

    Formats: JSON lines or JSON objects with id and label (optional: who, when); a CSV, TSV or Parquet table with these
    columns; JSON, JSON-MIN and CSV of Label Studio; labels.json of FiftyOneImageClassificationDataset.

    Raises
    ------
    UsageError : the file cannot be read, has another format, or holds no review although `strict` is true.
    MissingExtraError : it is a Parquet file, and pyarrow is not installed.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        inside = next((path / name for name in FILES if (path / name).is_file()), None)
        remedy = f"give {inside}" if inside else KNOWN
        raise UsageError(f"cannot be read: {error.strerror or error}", place=str(path), remedy=remedy) from None
    if not raw.strip():
        return ReviewFile(path)
    reviews, problems = [], []
    try:
        for place, entry in _from_file(raw, path):
            if isinstance(entry, Fault):
                problems.append(Problem(BROKEN, f"{path}, {place}", entry.cause, "correct it; it is left out"))
            elif entry is not None:
                reviews.append(entry)
    except DataError as error:
        raise UsageError(error.cause, place=error.place, remedy=error.remedy) from None
    if strict and not reviews:
        cause = f"holds no review: {problems[0].place.rpartition(', ')[2]} {problems[0].cause}" if problems else ""
        raise UsageError(cause or "holds no review", place=str(path), remedy=KNOWN)
    return ReviewFile(path, tuple(reviews), tuple(problems))


def _from_file(raw: bytes, path: Path) -> Entries:
    if raw.startswith(b"PAR1"):
        return _from_table(read_table(path))
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    # names of files may contain bytes that are not valid UTF-8
    text = decode_text(raw, path) if wide else raw.removeprefix(BOM).decode(errors="surrogateescape")
    if text.lstrip()[:1] in ("{", "["):
        return _from_json(text, path)
    return _from_table(table_of(raw, path))


def _from_json(text: str, path: Path) -> Entries:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("["):
            cause = f"is not valid JSON, although it begins like it ({str(error)[:120]})"
            raise UsageError(cause, place=str(path), remedy=KNOWN) from None
        return _from_lines(text)
    if isinstance(content, dict) and isinstance(content.get("labels"), dict):
        return _from_fiftyone(content)
    return _sorted_by_time(_from_records([content] if isinstance(content, dict) else content))


def _from_lines(text: str) -> Entries:
    """Entries of JSON lines; a line may be incomplete after a crash."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield f"line {number}", Fault(f"is not valid JSON: {str(error)[:120]}")
            continue
        yield from ((f"line {number}", review) for review in _from_record(record))


def _from_records(records: list[Any]) -> Entries:
    for number, record in enumerate(records, 1):
        task = record.get("id") if isinstance(record, dict) and label_studio.is_task(record) else None
        place = f"entry {number}" if task is None else f"task {str(task)[:20]}"
        yield from ((place, review) for review in _from_record(record))


def _from_record(record: Any) -> Iterator[Review | Fault | None]:
    """Reviews in one JSON object: several in a task of Label Studio, one in all others."""
    if not isinstance(record, dict):
        yield Fault("is not a JSON object")
        return
    if label_studio.is_task(record):
        yield from label_studio.reviews_of_task(record, _folded(record["data"]))
        return
    fields = _folded(record)
    if label_studio.is_row(fields) or ("label" not in fields and any(name in fields for name in LABELS)):
        yield label_studio.review_of_row(fields)
    else:
        yield _from_log(fields)


def _from_log(fields: Mapping[str, Any]) -> Review | Fault:
    """The review in an object of mien's log."""
    if "label" not in fields:
        return Fault("has no label")
    name, label = fields.get("id"), fields["label"]
    if isinstance(name, bool) or not isinstance(name, (str, int)) or not label_studio.without_data_uri(str(name)):
        name = label_studio.picture_named(fields)
        if not name:
            return Fault("has no id of a picture")
    if isinstance(label, (bool, list, dict)):
        return Fault("has a label that is not text")
    who, when, hash = (str(fields.get(key) or "") for key in ("who", "when", "hash"))
    return Review(str(name), None if label is None else str(label), who, when, hash)


def _from_table(table: Table) -> Entries:
    titles = [fold_title(title) for title in table.header]
    label = next((name for name in LABELS if name in titles), None)
    foreign = label_studio.is_row(dict.fromkeys(titles))
    if not any(name in titles for name in IDS):
        raise missing_column("id", table.header, table.path)
    if label is None and not foreign:
        raise missing_column("label", table.header, table.path)
    if foreign and not any(name in titles for name in label_studio.CHOICES):
        raise missing_column(label_studio.CHOICES[0], table.header, table.path)
    rows = (_fields(titles, row) for row in table.rows)
    if foreign:
        return _sorted_by_time(_numbered(label_studio.review_of_row(fields) for fields in rows))
    names = _name_column(titles, table)
    return _numbered(_from_row(fields, names, str(label), number in table.short) for number, fields in enumerate(rows))


def _numbered(entries: Iterator[Review | Fault | None]) -> Entries:
    return ((f"row {number}", entry) for number, entry in enumerate(entries, 1))


def _name_column(titles: list[str], table: Table) -> str:
    """The column that names the pictures; a column of files takes precedence over FiftyOne's ids."""
    columns = [name for name in IDS if name in titles]
    if columns[0] == "id" and len(columns) > 1:
        numbers = [row[titles.index("id")] for row in table.rows]
        if numbers and all(re.fullmatch("[0-9a-f]{24}", number) for number in numbers):
            return columns[1]
    return columns[0]


def _from_row(fields: Mapping[str, str], names: str, label: str, short: bool) -> Review | Fault | None:
    """The review in a row of a table; an empty label means "cannot say", unless the row ends before it."""
    is_id = names == "id" or names in label_studio.PICTURE_IDS
    name = label_studio.without_data_uri(fields[names]) if is_id else label_studio.file_of(fields[names])
    written = fields[label]
    if not name:
        return Fault("names no picture: the cell is empty")
    if short and not written:
        return Fault(f"({name[:80]}) is incomplete: it ends before its label")
    if "reviewed" in fields and not fields["reviewed"] and fields.get("given", written) == written:
        return None  # labels.csv of an export lists also pictures without a review
    who = next((fields[key] for key in ("who", "reviewer") if fields.get(key)), "")
    return Review(name, written, who, fields.get("when", ""), fields.get("hash", ""))


def _from_fiftyone(content: Mapping[str, Any]) -> Entries:
    """Entries in labels.json of FiftyOneImageClassificationDataset: {"classes": [...], "labels": {file: class}}."""
    classes = content.get("classes")
    for name, target in content["labels"].items():
        label = _target(target, classes if isinstance(classes, list) else [])
        yield f"label of {name[:80]}", Review(name, label, FIFTYONE) if isinstance(label, str) else label


def _target(target: Any, classes: list[Any]) -> str | Fault | None:
    if isinstance(target, list):
        if len(target) > 1:
            return Fault(f"has {len(target)} labels")
        target = target[0] if target else None
    if isinstance(target, dict):
        target = Fault("labels only a part of the picture") if "bounding_box" in target else target.get("label")
    if target is None or isinstance(target, (str, Fault)):
        return target or None
    if isinstance(target, int) and not isinstance(target, bool) and 0 <= target < len(classes):
        return str(classes[target])
    return Fault(f"is {str(target)[:20]}, which is not the index of a class")


def _sorted_by_time(entries: Entries) -> Entries:
    """Entries in the order of time, if all reviews have one, so that the latest of a reviewer is the last."""
    listed = list(entries)
    if any(isinstance(entry, Review) and not entry.when for _, entry in listed):
        return iter(listed)
    return iter(sorted(listed, key=lambda placed: placed[1].when if isinstance(placed[1], Review) else ""))


def _folded(record: Mapping[str, Any]) -> dict[str, Any]:
    return {fold_title(str(key)): value for key, value in reversed(list(record.items()))}


def _fields(titles: list[str], row: list[str]) -> dict[str, str]:
    return dict(zip(reversed(titles), reversed(row[: len(titles)]), strict=True))
