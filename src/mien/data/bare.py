"""Remove metadata from picture files, so that broken text, EXIF or colour profiles do not cost a sound picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

LARGEST = 2**28
"""Largest file, in bytes, for which this is tried."""
ADOBE = 14
"""Least length, in bytes, of JPEG's segment that defines how colours are stored."""
PIXEL_TAGS = frozenset(
    {254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 321, 322, 323, 324, 325, 332}
    | {338, 339, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532}
)
"""TIFF's tags that its pixels need, and the orientation."""


def bare(content: bytes, exif: bool) -> bytes:
    """A PNG, JPEG, TIFF or WebP file with its pixels alone; b"" for other formats and broken file structures.

    Parameters
    ----------
    content : of the file.
    exif : whether EXIF is kept, which holds the orientation.
    """
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return content[:8] + b"".join(_png(content, exif))
        if content.startswith(b"\xff\xd8\xff"):
            return b"\xff\xd8" + b"".join(_jpeg(content, exif))
        if content.startswith((b"II*\0", b"MM\0*")):
            return _tiff(content, exif)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp(content, exif)
    except (struct.error, IndexError, ValueError):
        pass  # not even the frame of the file is sound
    return b""


def _png(content: bytes, exif: bool) -> Iterator[bytes]:
    """The chunks that pixels need (W3C PNG, section 5.3: their names begin with a capital) and transparency."""
    place = 8
    while place + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        chunk = content[place : place + 12 + length]
        place += 12 + length
        wanted = name == b"tRNS" or (exif and name == b"eXIf")
        if name[:1].isupper() or (wanted and _is_sound(chunk)):
            yield chunk


def _is_sound(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _jpeg(content: bytes, exif: bool) -> Iterator[bytes]:
    """All segments (ITU-T T.81, B.1) but those of applications and comments; Adobe's says how colours are stored."""
    place = 2
    while content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1  # a fill byte
            continue
        if marker == 0xDA or marker < 0xC0:
            break  # from here on pixels
        length = struct.unpack_from(">H", content, place + 2)[0]
        segment = content[place : place + 2 + length]
        place += 2 + length
        application = 0xE0 <= marker <= 0xEF or marker == 0xFE
        wanted = (marker == 0xEE and segment[4:9] == b"Adobe" and length >= ADOBE) or (
            exif and marker == 0xE1 and segment[4:8] == b"Exif"
        )
        if wanted or not application:
            yield segment
    yield content[place:]


def _tiff(content: bytes, exif: bool) -> bytes:
    """The first directory (TIFF 6.0, section 2) with PIXEL_TAGS alone, in the place where it was."""
    order = "<" if content[:1] == b"I" else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    entries = [content[start + 2 + 12 * row : start + 14 + 12 * row] for row in range(count)]
    wanted = PIXEL_TAGS if exif else PIXEL_TAGS - {274}
    kept = [entry for entry in entries if struct.unpack_from(f"{order}H", entry)[0] in wanted]
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return content[:start] + directory + content[start + len(directory) :]


def _webp(content: bytes, exif: bool) -> bytes:
    """The chunks of pixels (RFC 9649, section 2.7), and the flags of the others taken away."""
    kept = []
    place = 12
    while place + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, place)
        chunk = content[place : place + 8 + length + length % 2]
        place += len(chunk)
        if name == b"VP8X":
            flags = chunk[8] & (0x1A if exif else 0x12)  # alpha, animation, and EXIF
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if name in (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF") or (exif and name == b"EXIF"):
            kept.append(chunk)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
