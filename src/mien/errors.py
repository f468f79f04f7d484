"""The exception tree. Every message says where, why, and what to do.

MienError
├── UsageError         a wrong name, flag or value given by the caller (exit code 2)
├── DataError          a data set that cannot be read or used
├── AlignmentError     arrays or ids that do not belong together
├── NotFittedError     a corrector or model used before it was fitted
├── RunError           a run folder that is missing, foreign or of another format
├── StorageError       a file or folder that cannot be written
│   └── DiskFullError      a disk that is full
├── MissingExtraError  an optional package that is not installed
└── BrokenPackageError a package that is installed and cannot be loaded
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MienError(Exception):
    """Base of all errors that mien raises on purpose.

    Parameters
    ----------
    cause : what is wrong, one sentence.
    place : where: a file, a row, a flag.
    remedy : what to do about it.
    """

    def __init__(self, cause: str, *, place: str = "", remedy: str = "") -> None:
        self.cause, self.place, self.remedy = cause, place, remedy
        super().__init__(": ".join(part for part in (place, cause) if part) + (f"\n  → {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[object, ...]:
        # errors cross process borders whole
        return (_rebuild, (type(self), self.cause, self.place, self.remedy))


def _rebuild(kind: type[MienError], cause: str, place: str, remedy: str) -> MienError:
    return kind(cause, place=place, remedy=remedy)


class UsageError(MienError):
    """A wrong name, flag or value given by the caller."""


class DataError(MienError):
    """A data set that cannot be read or used."""


class AlignmentError(MienError):
    """Arrays or ids that do not belong together."""


class NotFittedError(MienError):
    """A corrector or model used before it was fitted."""


class RunError(MienError):
    """A run folder that is missing, foreign or of another format."""


class StorageError(MienError):
    """A file or folder that cannot be written."""


class DiskFullError(StorageError):
    """A disk that is full."""


class MissingExtraError(MienError):
    """An optional package that is not installed."""

    @classmethod
    def for_package(cls, package: str, extra: str) -> MissingExtraError:
        """The error for `package`, which the extra `extra` would bring."""
        return cls(f"needs the package {package}, which is not installed", remedy=f"pip install 'mien[{extra}]'")


class BrokenPackageError(MienError):
    """A package that is installed and cannot be loaded."""

    @classmethod
    def for_package(cls, package: str, error: BaseException) -> BrokenPackageError:
        """The error for `package`, which raised `error` while it was imported."""
        said = " ".join(str(error).split())[:300]
        openmp = any(word in said.lower() for word in ("libomp", "libgomp", "openmp", "vcomp"))
        library = "install the OpenMP runtime (libgomp or libomp)" if openmp else "install the library that it names"
        remedy = f"{library}, or install the package again: pip install --force-reinstall {package}"
        return cls(f"is installed, but cannot be loaded: {type(error).__name__}: {said}", place=package, remedy=remedy)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like `word`, or None if none is like it.

    >>> nearest("happyness", ["happiness", "fear"])
    'happiness'
    """
    found = difflib.get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def choice_error(what: str, word: str, known: Iterable[str], *, place: str = "") -> UsageError:
    """The error for a name that is none of the known ones, with the nearest right one as a hint."""
    names = list(known)
    near = nearest(word, names)
    hint = f"did you mean {near!r}? " if near else ""
    return UsageError(f"{what} {word!r} is not known", place=place, remedy=f"{hint}choose from: {', '.join(names)}")
