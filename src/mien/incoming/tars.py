"""Members of TAR archives, plain or compressed, read from beginning to end: nothing is kept of what was read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, BinaryIO, Self

from mien.data.signatures import first_bytes
from mien.incoming.member import RATIO, ArchiveError, Member, expands_too_far
from mien.types import plain

NAME = re.compile(r"\.(tar|tgz|tbz2?|txz|tzst|tar\.(gz|bz2|xz|zst))$", re.IGNORECASE)
GZIP, BZIP2, XZ, ZSTD = STARTS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
"""How compressed files begin."""
OF_NAMES = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
"""Kinds of blocks that hold the name of the member that follows."""
LONGEST = 2**20
"""Most bytes of such a block."""
OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    GZIP: lambda file: gzip.GzipFile(fileobj=file),
    BZIP2: bz2.BZ2File,
    XZ: lzma.LZMAFile,
    ZSTD: lambda file: _zstd(file),
}


def is_tar(path: Path) -> bool:
    """Whether a file is a TAR, compressed or not, by its content or else by its extension."""
    try:
        first = first_bytes(path)
    except (OSError, ValueError):
        return False
    if not first:
        return False
    if NAME.search(path.name) or _is_header(first):
        return True
    if not first.startswith(STARTS):
        return False
    try:
        with path.open("rb") as file, _decompressed(file, first) as inner:
            return _is_header(inner.read(tarfile.BLOCKSIZE))
    except Exception:  # a compressed file of another kind, or a broken one
        return False


def members(path: Path) -> Iterator[Member]:
    """Iterate over the files in an archive.

    Raises
    ------
    ArchiveError : it expands too far, or its compression cannot be read here.
    tarfile.TarError, EOFError, OSError, … : it is broken or cut off.
    """
    first = first_bytes(path)
    with path.open("rb") as file, _decompressed(file, first) as inner:
        bounded: Any = _Bounded(inner, file)
        with tarfile.open(fileobj=bounded, mode="r|", tarinfo=_StrictInfo) as archive:
            while (info := archive.next()) is not None:
                vars(archive)["members"].clear()  # it would keep all of them
                if info.isreg():
                    yield Member(info.name, info.size, _opener(archive, info))
                elif info.islnk() or info.issym():
                    refusal = f"links to {plain(info.linkname)}, and a link in an archive is not followed"
                    yield Member(info.name, 0, _opener(archive, info), refusal=refusal)


class _StrictInfo(tarfile.TarInfo):
    """Headers of which a broken or missing one is an error: by default, it is taken for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in OF_NAMES and info.size > LONGEST:  # it is read at once
            raise tarfile.ReadError(f"a name of {info.size:,} bytes")
        return info

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from None
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]
            raise tarfile.ReadError("the mark of its end is missing") from None


class _Bounded:
    """The decompressed bytes of a file, up to a multiple of what was read of it."""

    def __init__(self, inner: IO[bytes], file: BinaryIO) -> None:
        self.inner, self.file, self.count = inner, file, 0

    def read(self, size: int) -> bytes:
        content = self.inner.read(size)
        self.count += len(content)
        if expands_too_far(self.count, self.file.tell()):
            raise ArchiveError(f"expands to more than {RATIO} times its size", "unpack it, and name the folder")
        return content


def _opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    def opened() -> AbstractContextManager[IO[bytes]]:
        file = archive.extractfile(info)
        assert file is not None  # it is a regular file
        return closing(file)

    return opened


def _is_header(block: bytes) -> bool:
    """Whether a block of 512 bytes is the header of a member, whose checksum is right."""
    try:
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
    except tarfile.TarError:
        return False
    return True


@contextmanager
def _decompressed(file: BinaryIO, first: bytes) -> Iterator[IO[bytes]]:
    """The content of a file that begins so."""
    opener = next((opener for start, opener in OPENERS.items() if first.startswith(start)), None)
    if opener is None:
        yield file
        return
    with opener(file) as inner:
        yield inner


def _zstd(file: BinaryIO) -> IO[bytes]:
    try:
        opened: IO[bytes] = import_module("compression.zstd").ZstdFile(file)
    except ModuleNotFoundError:
        cause = "is compressed with Zstandard, which Python reads from 3.14 on"
        raise ArchiveError(cause, "compress it with gzip, or use a newer Python") from None
    return opened
