"""Reader of RAF-DB's basic emotions.

ROOT/EmoLabel/list_patition_label.txt       train_00001.jpg 5   (the spelling is the authors')
ROOT/Image/aligned/train_00001_aligned.jpg  100×100; or Image/original/train_00001.jpg
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mien.data.files import list_folder
from mien.data.join import match
from mien.data.listing import broken_row, labelset_of, resolve, unique_ids, unlisted
from mien.errors import DataError
from mien.types import Dataset, Problem, texts

LAYOUT = "RAF-DB (EmoLabel/list_patition_label.txt beside Image/aligned)"
NUMBERS = {
    "1": "surprise", "2": "fear", "3": "disgust", "4": "happiness", "5": "sadness", "6": "anger", "7": "neutral",
}  # fmt: skip


def looks_like(path: Path) -> bool:
    """Whether `path` is RAF-DB's folder `basic`, or the folder above it."""
    return _list_file(path) is not None


def read(path: Path, names: Mapping[str, str] | None = None) -> Dataset:
    """List the pictures of RAF-DB; sources are train and test, the prefixes of the file names.

    The `path` is the folder with EmoLabel and Image, or the one above; `names` replace RAF-DB's names of the numbers.
    """
    table = _list_file(path)
    if table is None:
        raise DataError("has no EmoLabel/list_patition_label.txt", place=str(path), remedy="give RAF-DB's basic folder")
    files: list[str] = []
    raw: list[str] = []
    problems: list[Problem] = []
    for number, line in enumerate(table.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        cells = line.split()
        if len(cells) == 2:
            files.append(cells[0])
            raw.append(cells[1])
        elif cells:
            problems.append(broken_row(table, number, "is not a file name and a number"))
    if not files:
        raise DataError("has no row with a picture", place=str(table), remedy="is the file complete?")
    labelset = labelset_of(NUMBERS.values(), {**NUMBERS, **(names or {})}, others=False)
    folder = table.parent.parent / "Image" / "aligned"
    stored = [f"{Path(file).stem}_aligned{Path(file).suffix}" for file in files]
    if not folder.is_dir():
        folder, stored = folder.with_name("original"), files
    images = list_folder(folder)
    matched, unmatched = match(stored, images.pictures, table)
    kept = matched >= 0
    named, listed = texts(files)[kept].tolist(), matched[kept].tolist()
    return Dataset(
        ids=texts(unique_ids(named)),
        labels=resolve(texts(raw)[kept], labelset),
        labelset=labelset,
        raw_labels=texts(raw)[kept],
        paths=texts([str(folder / images.pictures[row]) for row in listed]),
        sources=texts([file.split("_")[0] for file in named]),
        problems=(*problems, *unmatched, *images.problems, *unlisted(folder, images.pictures, listed, table.name)),
        name=str(path),
    )


def _list_file(path: Path) -> Path | None:
    choices = [root / "EmoLabel" / "list_patition_label.txt" for root in (path, path / "basic")]
    return next((table for table in choices if table.is_file()), None)
