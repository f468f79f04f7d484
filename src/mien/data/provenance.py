"""Record of the pictures and persons that a classifier was trained on, and comparison with pictures for its correction.

A picture is identified by the hash of its decoded pixels, independently of its path. A picture that was re-encoded with
losses, resized, cropped or converted to grey is another picture.

A person is identified only by name, and two data sets may use one name for two people. If two people are taken for one,
usable pictures are lost. If one person is taken for two, the person is on both sides, and the certificate is invalid.
So a name means the same person if two data sets are related: one path equals or contains the other, they share a
training picture, or the user named the set as trained on. Otherwise a name means another person, and the number of
pictures concerned is reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.data.load import is_drawn
from mien.data.split import group_ids
from mien.errors import RunError
from mien.storage.artifact import check_format
from mien.storage.files import Record, as_storage_error, read_arrays, write_arrays
from mien.storage.old_names import current_source
from mien.types import Bools, Dataset, Ints, Split, fold

FILE = "trained_on.npz"
RECORD = "provenance"
"""Key of the provenance in patch.json."""
FORMAT = 2
"""Format number; it grows when the file, or the hash of a picture, changes."""
KNOWN, STATED, UNKNOWN = "known", "stated", "unknown"
KINDS = (KNOWN, STATED, UNKNOWN)
"""Sources of the knowledge about training pictures, the most reliable first."""
WORDS = {
    KNOWN: "training data known",
    STATED: "training data stated by the user",
    UNKNOWN: "training data unknown: holds only if none of the calibration data was trained on",
}
REMEDY = "restore it, or remove it and give the data that the classifier was trained on: mien correct --trained-on PATH"
Keys = NDArray[np.bytes_]


def training_rows(parts: Split, *more: str) -> Ints:
    """Ascending rows used in training: train, validation (which chooses the epoch), and the parts `more`."""
    return np.sort(np.concatenate([parts.rows(part) for part in ("train", "validation", *more)]))


@dataclass(frozen=True)
class TrainedOn:
    """Pictures and persons of one data set that a classifier was trained on.

    Attributes
    ----------
    pictures, persons : sorted keys of 16 bytes, the beginnings of SHA-256 digests.
    place : absolute path of the data set, or the specification of synthetic faces.
    fingerprint : of the whole prepared data set.
    seed : seed of its split; −1 without a split.
    stated : whether the user named the set, instead of a record from training.

    Examples
    --------
    >>> from mien.types import LabelSet
    >>> ids = np.array(["a", "b"])
    >>> hashes = np.array(["00" * 32, "11" * 32])
    >>> data = Dataset(ids, np.array([0, 0]), LabelSet(("fear",)), ids, ids, hashes=hashes)
    >>> trained_on = TrainedOn.from_dataset(data, np.array([1]), "/data/faces")
    >>> shared(data, "/elsewhere", [trained_on]).picture
    array([False,  True])
    """

    pictures: Keys
    persons: Keys
    place: str
    fingerprint: str = ""
    seed: int = -1
    stated: bool = False

    @classmethod
    def from_dataset(cls, data: Dataset, rows: Ints, place: str, seed: int = -1, *, stated: bool = False) -> Self:
        """Record the given rows of a decoded data set at `place`."""
        pictures, persons = np.unique(_pictures(data)[rows]), np.unique(_persons(data)[rows])
        return cls(pictures, persons[persons != b""], place, data.fingerprint(), seed, stated)

    def save(self, folder: Path, model: str) -> None:
        """Write FOLDER/trained_on.npz; `model` is the fingerprint of the trained classifier."""
        about = {"place": self.place, "fingerprint": self.fingerprint, "seed": self.seed, "model": model}
        write_arrays(
            folder / FILE, format=np.array(FORMAT), pictures=self.pictures, persons=self.persons,
            **{name: np.array(value) for name, value in about.items()},
        )  # fmt: skip

    @classmethod
    def load(cls, folder: Path, is_model: Callable[[str], bool]) -> Self | None:
        """Read FOLDER/trained_on.npz; None if the file does not exist.

        The function `is_model` decides whether a stored identity is that of the classifier beside the file.

        Raises
        ------
        RunError : the file is damaged, from a newer version, or belongs to another classifier.
        """
        path = folder / FILE
        if not path.exists():
            return None
        stored = read_arrays(path)
        with as_storage_error(path, REMEDY):
            stored["format"] = int(stored["format"])
            check_format(stored, path, FORMAT, "record of training", REMEDY)
            for name in ("pictures", "persons"):
                if stored[name].ndim != 1 or stored[name].dtype.kind != "S":
                    raise ValueError(f"{name} is not a list of keys")
            trained_on = cls(
                stored["pictures"], stored["persons"], current_source(str(stored["place"])), str(stored["fingerprint"]),
                int(stored["seed"]),
            )  # fmt: skip
            if not is_model(str(stored["model"])):
                raise RunError("belongs to another classifier than the one beside it", place=str(path), remedy=REMEDY)
        return trained_on


@dataclass(frozen=True)
class Shared:
    """Comparison of N pictures with the data that a classifier was trained on.

    Attributes
    ----------
    picture : (N,) whether it was trained on this picture.
    person : (N,) whether it was trained on other pictures of this person, or of a person linked by copies.
    namesake : (N,) whether it was trained on a person of that name in an unrelated data set; it is used.
    """

    picture: Bools
    person: Bools
    namesake: Bools

    @property
    def excluded(self) -> Bools:
        """(N,) whether the picture must not be used for correction."""
        return self.picture | self.person


def shared(data: Dataset, place: str, sets: Iterable[TrainedOn]) -> Shared:
    """Compare the pictures of a data set at `place` with the data sets that a classifier was trained on."""
    pictures, persons = _pictures(data), _persons(data)
    picture, person, namesake = (np.zeros(len(data), bool) for _ in range(3))
    for trained_on in sets:
        same_picture = np.isin(pictures, trained_on.pictures) & (pictures != b"")
        same_name = np.isin(persons, trained_on.persons) & (persons != b"")
        related = trained_on.stated or bool(same_picture.any()) or _nested(trained_on.place, place)
        picture |= same_picture
        person |= same_name & related
        namesake |= same_name & (not related)
    unit = group_ids(data)
    out = np.isin(unit, unit[picture | person])
    return Shared(picture, out & ~picture, namesake & ~out)


def _pictures(data: Dataset) -> Keys:
    hashes = [] if data.hashes is None else data.hashes.tolist()
    return np.array([bytes.fromhex(text)[:16] for text in hashes], "S16") if hashes else np.zeros(len(data), "S16")


def _persons(data: Dataset) -> Keys:
    """(N,) keys of the persons, b"" where unknown; case, spaces and the form of accents do not matter."""
    if data.groups is None:
        return np.zeros(len(data), "S16")
    names, inverse = np.unique(data.groups, return_inverse=True)
    folded = [fold(name) for name in names.tolist()]
    keys = [hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:16] if name else b"" for name in folded]
    return np.array(keys, "S16")[inverse]


def _nested(first: str, second: str) -> bool:
    """Whether two data sets have the same path, or one path contains the other."""
    if first == second:
        return True
    if is_drawn(first) or is_drawn(second):
        return False
    return Path(first).is_relative_to(second) or Path(second).is_relative_to(first)


@dataclass(frozen=True)
class Provenance:
    """Evidence that a classifier was trained on none of the pictures of its patch.

    Attributes
    ----------
    kind : one of KINDS.
    sources : data sets that count as trained on.
    pictures, persons : number of pictures left out because they, or their persons, were trained on.
    namesakes : number of pictures used although persons of the same name were trained on in an unrelated data set.
    """

    kind: str = UNKNOWN
    sources: tuple[str, ...] = ()
    pictures: int = 0
    persons: int = 0
    namesakes: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.sources, (list, tuple)) or not all(isinstance(item, str) for item in self.sources):
            raise ValueError("sources of provenance are not a list of texts")
        object.__setattr__(self, "sources", tuple(self.sources))  # JSON has lists only
        if self.kind not in KINDS:
            raise ValueError(f"provenance is {self.kind!r}, not one of {', '.join(KINDS)}")
        if not all(type(count) is int and count >= 0 for count in (self.pictures, self.persons, self.namesakes)):
            raise ValueError("counts of provenance are not whole numbers from 0")

    @property
    def description(self) -> str:
        """Text for messages and reports, as part of a sentence."""
        return WORDS[self.kind]

    @classmethod
    def from_patch(cls, stored: Record) -> Self:
        """Read the provenance from patch.json; unknown if an earlier version wrote the file without it.

        Raises
        ------
        RunError : the stored record is invalid.
        """
        if RECORD not in stored:
            return cls()
        with as_storage_error(stored.path):
            provenance: Self = stored.part(RECORD).record(cls)
        return provenance

    def combined_with(self, other: Provenance) -> Provenance:
        """The provenance of two patches combined: the less reliable kind, all sources, the larger counts."""
        return Provenance(
            max(self.kind, other.kind, key=KINDS.index),
            tuple(sorted({*self.sources, *other.sources})),
            *(max(getattr(self, name), getattr(other, name)) for name in ("pictures", "persons", "namesakes")),
        )
