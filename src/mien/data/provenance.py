"""Record what a classifier was trained on, as hashes beside it, and compare it with pictures that may correct it.

A picture is recognised by the hash of its decoded pixels, wherever it lies and whatever it is called. One that was
encoded again with losses, resized, cropped or turned from colour to grey is another picture.

A person is known by name alone, and two data sets may call two people the same. If two people are taken for one,
pictures are lost that could be used. If one is taken for two, a person stands on both sides, and the certificate
promises too much. So a name means the same person where two sets are related: they lie in the same place, or one inside
the other; they have a trained-on picture in common; or the user named the set. Elsewhere a name means another person,
and the user is told how many pictures that concerns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

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
"""Its name in patch.json."""
FORMAT = 2
"""Grows when the file, or the hash of a picture, becomes another."""
KNOWN, STATED, UNKNOWN = "known", "stated", "unknown"
KINDS = (KNOWN, STATED, UNKNOWN)
"""How sure it is what a classifier was trained on, the surest first."""
WORDS = {
    KNOWN: "training pictures known",
    STATED: "training pictures stated by the user",
    UNKNOWN: "training pictures unknown: holds only if none of the calibration pictures was trained on",
}
REMEDY = "restore it, or move it away and name what the classifier was trained on: mien correct --trained-on PATH"
Keys = NDArray[np.bytes_]


def learnt_rows(parts: Split, *more: str) -> Ints:
    """Rows that a training learns from: train, validation (it chooses the epoch), and the parts `more`, ascending."""
    return np.sort(np.concatenate([parts.rows(part) for part in ("train", "validation", *more)]))


@dataclass(frozen=True)
class TrainedOn:
    """Pictures and persons of one data set that a classifier learnt from.

    Attributes
    ----------
    pictures, persons : sorted keys of 16 bytes, the beginnings of SHA-256 digests.
    place : where the data set lies, in full; drawn faces as they are written.
    fingerprint : of the whole data set as it was prepared. seed : of its split; −1 where there was none.
    stated : whether the user named the set, and no training recorded it.

    Examples
    --------
    >>> from mien.types import LabelSet
    >>> ids = np.array(["a", "b"])
    >>> hashes = np.array(["00" * 32, "11" * 32])
    >>> data = Dataset(ids, np.array([0, 0]), LabelSet(("fear",)), ids, ids, hashes=hashes)
    >>> trained_on = TrainedOn.of(data, np.array([1]), "/data/faces")
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
    def of(cls, data: Dataset, rows: Ints, place: str, seed: int = -1, *, stated: bool = False) -> Self:
        """The given rows of a decoded data set, which lies at `place`."""
        pictures, persons = _pictures(data), _persons(data)
        named = persons[rows]
        return cls(np.unique(pictures[rows]), np.unique(named[named != b""]), place, data.fingerprint(), seed, stated)

    def save(self, folder: Path, model: str) -> None:
        """Write FOLDER/trained_on.npz; `model` is the fingerprint of the classifier that learnt this."""
        about = {"place": self.place, "fingerprint": self.fingerprint, "seed": self.seed, "model": model}
        write_arrays(
            folder / FILE, format=np.array(FORMAT), pictures=self.pictures, persons=self.persons,
            **{name: np.array(value) for name, value in about.items()},
        )  # fmt: skip

    @classmethod
    def load(cls, folder: Path, is_model: Callable[[str], bool]) -> Self | None:
        """Read FOLDER/trained_on.npz back; None where there is none.

        Parameters
        ----------
        is_model : whether a stored identity is that of the classifier beside it.

        Raises
        ------
        RunError : it is damaged, of a newer version, or of another classifier.
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
                    raise ValueError(f"{name} is no list of keys")
            found = cls(
                stored["pictures"], stored["persons"], current_source(str(stored["place"])), str(stored["fingerprint"]),
                int(stored["seed"]),
            )  # fmt: skip
            if not is_model(str(stored["model"])):
                raise RunError("is of another classifier than the one beside it", place=str(path), remedy=REMEDY)
        return found


@dataclass(frozen=True)
class Shared:
    """Which of N pictures must not correct a classifier.

    Attributes
    ----------
    picture : (N,) it was trained on this picture.
    person : (N,) it was trained on other pictures of this person, or of a person linked to it by copies.
    namesake : (N,) the person has the name of one that it was trained on, in a set that is not related: it may be used.
    """

    picture: Bools
    person: Bools
    namesake: Bools

    @property
    def out(self) -> Bools:
        """(N,) whether it is left out."""
        return self.picture | self.person


def shared(data: Dataset, place: str, sets: Iterable[TrainedOn]) -> Shared:
    """Compare the pictures of a data set, which lies at `place`, with what a classifier was trained on."""
    pictures, persons = _pictures(data), _persons(data)
    picture, person, namesake = (np.zeros(len(data), bool) for _ in range(3))
    for one in sets:
        own = np.isin(pictures, one.pictures) & (pictures != b"")
        named = np.isin(persons, one.persons) & (persons != b"")
        related = one.stated or bool(own.any()) or _nested(one.place, place)
        picture |= own
        person |= named & related
        namesake |= named & (not related)
    unit = group_ids(data)
    out = np.isin(unit, unit[picture | person])
    return Shared(picture, out & ~picture, namesake & ~out)


def _pictures(data: Dataset) -> Keys:
    hashes = [] if data.hashes is None else data.hashes.tolist()
    return np.array([bytes.fromhex(text)[:16] for text in hashes], "S16") if hashes else np.zeros(len(data), "S16")


def _persons(data: Dataset) -> Keys:
    """(N,) keys of the persons, b"" where none is named. Case, spaces and the form of accents play no part."""
    if data.groups is None:
        return np.zeros(len(data), "S16")
    names, place = np.unique(data.groups, return_inverse=True)
    plain = [fold(name) for name in names.tolist()]
    keys = [hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:16] if name else b"" for name in plain]
    return np.array(keys, "S16")[place]


def _nested(one: str, other: str) -> bool:
    """Whether two data sets lie in the same place, or one inside the other."""
    if one == other:
        return True
    if is_drawn(one) or is_drawn(other):
        return False
    first, second = Path(one), Path(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


@dataclass(frozen=True)
class Provenance:
    """How it is known that a classifier was trained on none of the pictures of its patch.

    Attributes
    ----------
    kind : one of KINDS. sources : data sets that count as trained on.
    pictures, persons : pictures left out, since they were trained on; since their persons were.
    namesakes : pictures that stayed, of persons called like some that were trained on in a set that is not related.
    """

    kind: str = UNKNOWN
    sources: tuple[str, ...] = ()
    pictures: int = 0
    persons: int = 0
    namesakes: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.sources, (list, tuple)) or not all(isinstance(one, str) for one in self.sources):
            raise ValueError("sources of provenance are no list of texts")
        object.__setattr__(self, "sources", tuple(self.sources))  # JSON has lists only
        if self.kind not in KINDS:
            raise ValueError(f"provenance is {self.kind!r}, not one of {', '.join(KINDS)}")
        if not all(type(count) is int and count >= 0 for count in (self.pictures, self.persons, self.namesakes)):
            raise ValueError("counts of provenance are no counts")

    @property
    def words(self) -> str:
        """For people, as part of a sentence."""
        return WORDS[self.kind]

    def record(self) -> dict[str, Any]:
        """As patch.json has it."""
        return asdict(self)

    @classmethod
    def of_patch(cls, stored: Record) -> Self:
        """What patch.json has; unknown where an earlier version wrote it, without a record.

        Raises
        ------
        RunError : the record is none.
        """
        if RECORD not in stored:
            return cls()
        with as_storage_error(stored.path):
            found: Self = stored.part(RECORD).record(cls)
        return found

    def with_other(self, other: Provenance) -> Provenance:
        """Of two patches made one: the weaker of both, whatever the order."""
        return Provenance(
            max(self.kind, other.kind, key=KINDS.index),
            tuple(sorted({*self.sources, *other.sources})),
            *(max(getattr(self, name), getattr(other, name)) for name in ("pictures", "persons", "namesakes")),
        )
