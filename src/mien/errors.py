"""Exceptions of mien; every message has a place, a cause and a remedy.

MienError
├── UsageError         a wrong name, flag or value given by the caller (exit code 2)
├── DataError          a data set that cannot be read or used
├── AlignmentError     arrays or ids that do not match
├── NotFittedError     a corrector or model used before it was fitted
├── RunError           a run folder that is missing, not written by mien, or of another format
├── StorageError       a file or folder that cannot be written
│   └── DiskFullError      a disk that is full
├── OverloadError      more pictures at once than a server answers
├── MissingExtraError  an optional package that is not installed
└── BrokenPackageError a package that is installed and cannot be loaded
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MienError(Exception):
    """Base class of all errors that mien raises on purpose.

    Parameters
    ----------
    cause : what is wrong, in a sentence.
    place : where it is wrong, such as a file, a row or a flag.
    remedy : how to fix it.
    """

    def __init__(self, cause: str, *, place: str = "", remedy: str = "") -> None:
        self.cause, self.place, self.remedy = cause, place, remedy
        super().__init__(": ".join(part for part in (place, cause) if part) + (f"\n  → {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[object, ...]:
        # keeps place and remedy when an error is sent between processes
        return (_rebuild, (type(self), self.cause, self.place, self.remedy))


def _rebuild(kind: type[MienError], cause: str, place: str, remedy: str) -> MienError:
    return kind(cause, place=place, remedy=remedy)


class UsageError(MienError):
    """A wrong name, flag or value given by the caller."""


class DataError(MienError):
    """A data set that cannot be read or used."""


class AlignmentError(MienError):
    """Arrays or ids that do not match."""


class NotFittedError(MienError):
    """A corrector or model used before it was fitted."""


class RunError(MienError):
    """A run folder that is missing, not written by mien, or of another format."""


class StorageError(MienError):
    """A file or folder that cannot be written."""


class DiskFullError(StorageError):
    """A disk that is full."""


class OverloadError(MienError):
    """More pictures at once than a server answers; it is worth another try in a moment."""


class MissingExtraError(MienError):
    """An optional package that is not installed."""

    @classmethod
    def for_package(cls, package: str, extra: str) -> MissingExtraError:
        """Build the error for a missing package that the extra `extra` installs."""
        return cls(f"needs the package {package}, which is not installed", remedy=f"pip install 'mien[{extra}]'")


class BrokenPackageError(MienError):
    """A package that is installed and cannot be loaded."""

    @classmethod
    def for_package(cls, package: str, error: BaseException) -> BrokenPackageError:
        """Build the error for a package that raised `error` when it was imported."""
        message = " ".join(str(error).split())[:300]
        openmp = any(name in message.lower() for name in ("libomp", "libgomp", "openmp", "vcomp"))
        library = "install the OpenMP runtime (libgomp or libomp)" if openmp else "install the library that it names"
        remedy = f"{library}, or install the package again: pip install --force-reinstall {package}"
        cause = f"is installed, but cannot be loaded: {type(error).__name__}: {message}"
        return cls(cause, place=package, remedy=remedy)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name most similar to `word`, or None if none is similar.

    >>> nearest("happyness", ["happiness", "fear"])
    'happiness'
    """
    matches = difflib.get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def choice_error(what: str, word: str, known: Iterable[str], *, place: str = "") -> UsageError:
    """Build the error for an unknown name, with the most similar known name as a hint."""
    names = list(known)
    near = nearest(str(word), names)
    hint = f"did you mean {near!r}? " if near else ""
    return UsageError(f"{what} {word!r} is not known", place=place, remedy=f"{hint}choose from: {', '.join(names)}")
