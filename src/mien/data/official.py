"""Official parts of a data set (train, validation, test), recognised by names such as train, test, PublicTest."""

from __future__ import annotations

import re

import numpy as np

from mien.errors import DataError
from mien.types import Dataset, Problem, Texts, texts

PARTS = ("train", "validation", "test")
NAMES = {
    "train": "train", "training": "train", "fer2013train": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation", "eval": "validation",
    "publictest": "validation", "fer2013valid": "validation",
    "test": "test", "testing": "test", "privatetest": "test", "fer2013test": "test",
}  # fmt: skip
"""Usual names → part. In FER2013, models were chosen on PublicTest and compared on PrivateTest."""
SPLITS = ("mixed", "official")


def part_of(source: str) -> str:
    """The part that a source is named after, "" for none; in a path, the first folder with such a name counts.

    >>> part_of("PublicTest"), part_of("set-1/train"), part_of("RAF_test"), part_of("contestants")
    ('validation', 'train', 'test', '')
    """
    for name in source.casefold().split("/"):
        words = [name, *re.split(r"[\s_.-]+", name)]
        if part := next((NAMES[word] for word in words if word in NAMES), ""):
            return part
    return ""


def parts_of(sources: Texts | None) -> Texts | None:
    """(N,) official part of each picture, "" where unknown; None unless there are train and another part."""
    if sources is None:
        return None
    names, inverse = np.unique(sources, return_inverse=True)
    parts = np.array([part_of(str(name)) for name in names])
    known = set(parts.tolist()) - {""}
    if "train" not in known or len(known) < 2:
        return None
    if "test" not in known:  # without a test part, validation takes its place
        parts = np.where(parts == "validation", "test", parts)
    return texts(parts[inverse].tolist())


def note_mixed_parts(dataset: Dataset) -> Dataset:
    """Add a Problem if the data have official parts, which are mixed and divided again."""
    parts = parts_of(dataset.sources)
    if parts is None:
        return dataset
    names, counts = np.unique(parts, return_counts=True)
    counted = ", ".join(f"{name or 'none'} {count:,}" for name, count in zip(names, counts, strict=True))
    cause = f"the set comes in parts ({counted}), which are mixed and divided again"
    remedy = "give --split official to keep the test pictures of the set's authors"
    return dataset.replace(Problem("official parts are mixed", dataset.name, cause, remedy))


def with_official(dataset: Dataset) -> Dataset:
    """Fill in `official`, the parts that `split` keeps; decode first, since copies are found by hashes.

    Pictures without a part, and copies of test pictures in other parts, are left out with a Problem. A person in two
    parts is a Problem, too.

    Raises
    ------
    DataError : the set has no official parts.
    """
    parts = parts_of(dataset.sources)
    if parts is None:
        raise DataError(
            "the set has no official parts", place=dataset.name,
            remedy="leave --split out, or give the parts by folders such as train/ and test/, or a column split",
        )  # fmt: skip
    problems = []
    keep = parts != ""
    if not keep.all():
        cause = f"{int((~keep).sum())} pictures are in no official part"
        problems.append(Problem("no official part", dataset.name, cause, "nothing: they are left out"))
    if dataset.hashes is not None:
        tested = np.isin(dataset.hashes, dataset.hashes[parts == "test"]) & (parts != "test")
        problems += [
            Problem(
                "copy of a test picture", str(name), "the official test part has the same pixels", "nothing: left out"
            )
            for name in dataset.ids[tested & keep]
        ]
        keep &= ~tested
    if dataset.groups is not None:
        known = (dataset.groups != "") & keep
        shared = np.intersect1d(dataset.groups[known & (parts == "test")], dataset.groups[known & (parts != "test")])
        if len(shared):
            cause = f"{len(shared)} people such as {shared[0]} are in the official test part and in another"
            remedy = "results on the test part may be too good: read them with care"
            problems.append(Problem("people in two parts", dataset.name, cause, remedy))
    for number, name in enumerate(dataset.labelset.names):
        has = set(parts[(dataset.labels == number) & keep].tolist())
        if has and not {"train", "test"} <= has:
            missing = " and ".join(part for part in ("train", "test") if part not in has)
            cause = f"no picture of it is in the official part {missing}"
            remedy = "leave --split out to divide the pictures again"
            problems.append(Problem("class not in every part", f"class {name}", cause, remedy))
    return dataset.replace(*problems, official=parts).take(keep)
