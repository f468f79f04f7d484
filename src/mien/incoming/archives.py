"""Pictures in ZIP and TAR archives, one after another, without unpacking to disk.

Folders in an archive are entered, however deep. Hidden files and folders of operating systems are left out, as they are
in folders on disk (:mod:`mien.data.files`). What cannot be read becomes an Item that holds the reason; what was read
before it is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mien.data.files import SYSTEM_PREFIXES, OnProblem, Unread, is_hidden, unread_format
from mien.data.signatures import EXTENSIONS, FIRST
from mien.incoming import tars, zips
from mien.incoming.distinct import Distinct
from mien.incoming.item import Item
from mien.incoming.member import LARGEST, RATIO, ArchiveError, Member, expands_too_far
from mien.outside import words
from mien.types import Problem

KIND = "broken archive"
FETCH = "fetch it again, or pack its pictures again"
UNPACK = "unpack the archive, and name the folder"


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP or TAR archive, by content or extension; one named as a picture is none."""
    return path.suffix.lower() not in EXTENSIONS and (zips.is_zip(path) or tars.is_tar(path))


def count_in(path: Path) -> int | None:
    """The expected number of pictures in an archive; None where all of it would have to be read."""
    if not zips.is_zip(path):
        return None
    names = zips.names_in(path)
    return sum(not _is_left_out(name) and unread_format(name, bytes) is None for name in names)


def items_in(path: Path, on_problem: OnProblem) -> Iterator[Item]:
    """Iterate over the pictures in an archive, in its order; their content is in memory one at a time.

    An archive without pictures, and one that cannot be read to its end, gives one Item more, which says why.

    Parameters
    ----------
    on_problem : called with what is left out.
    """
    members = zips.members(path) if zips.is_zip(path) else tars.members(path)
    reader, is_empty = _Reader(path, on_problem), True
    try:
        for member in members:
            item = reader.item(member)
            if item is not None:
                is_empty = False
                yield item
    except Exception as error:  # an archive is untrusted, and its readers raise anything
        cause = f"cannot be read {'' if is_empty else 'to its end'}".rstrip()
        remedy = error.remedy if isinstance(error, ArchiveError) else FETCH
        yield Item.unreadable(str(path), KIND, f"{cause}: {words(error)}", remedy)
        return
    finally:
        for problem in reader.unread.problems():
            on_problem(problem)
    if is_empty:
        yield Item.unreadable(str(path), "no picture", "has no picture", "name an archive with pictures")


class _Reader:
    """Makes Items of the members of one archive."""

    def __init__(self, path: Path, on_problem: OnProblem) -> None:
        self.path, self.on_problem = path, on_problem
        self.unread = Unread(path)
        self.names = Distinct()
        self.copies: Counter[str] = Counter()
        self.left_out: set[str] = set()

    def item(self, member: Member) -> Item | None:
        """The picture that a member is; None for anything else."""
        folder = _program_folder(member.name)
        if folder and folder not in self.left_out:
            self.left_out.add(folder)
            cause = f"has a name that begins with {PurePosixPath(folder).name[0]}, as folders made by programs often do"
            remedy = "rename it if these are pictures of your own"
            self.on_problem(Problem("folder left out", f"{self.path}/{folder}", cause, remedy))
        if _is_left_out(member.name):
            return None
        try:
            return self._picture(member)
        except ArchiveError as error:
            return Item.unreadable(self._id(member.name), KIND, str(error), error.remedy)
        except member.local_errors as error:
            return Item.unreadable(self._id(member.name), KIND, f"cannot be read: {words(error)}", FETCH)

    def _picture(self, member: Member) -> Item | None:
        if member.refusal:  # its content cannot be looked at
            if unread_format(member.name, bytes) is None:
                raise ArchiveError(member.refusal, UNPACK)
            return None
        with member.open() as file:
            first = file.read(FIRST)
            format = unread_format(member.name, lambda: first)
            if format is not None:
                if format:
                    self.unread.add(format, member.name)
                return None
            if member.size > LARGEST:
                raise ArchiveError(f"is larger than {LARGEST:,} bytes", UNPACK)
            if member.packed and expands_too_far(member.size, member.packed):
                raise ArchiveError(f"expands to more than {RATIO} times its size", UNPACK)
            content = first + file.read()
        name = self._id(member.name)
        return Item(name, name.partition("#copy=")[0], content)

    def _id(self, name: str) -> str:
        """The id of a member; one whose name occurred before is counted."""
        name = f"{self.path}/{name}"
        if self.names.add(name):
            return name
        self.copies[name] += 1
        return f"{name}#copy={self.copies[name] + 1}"


def _is_left_out(name: str) -> bool:
    parts = _parts(name)
    return any(map(is_hidden, parts)) or any(part.startswith(SYSTEM_PREFIXES) for part in parts[:-1])


def _program_folder(name: str) -> str:
    """The folder that a member lies in whose name begins as those of programs do, "" for none."""
    parts = _parts(name)
    for place, part in enumerate(parts[:-1]):
        if is_hidden(part):
            return ""
        if part.startswith(SYSTEM_PREFIXES):
            return "/".join(parts[: place + 1])
    return ""


def _parts(name: str) -> list[str]:
    """The names of a member's folders and of itself; "." and ".." are none."""
    return [part for part in name.split("/") if part not in ("", ".", "..")]
