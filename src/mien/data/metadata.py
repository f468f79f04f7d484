"""Removal of metadata from image files, so that a picture is readable although its text, EXIF or profile is broken."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

LARGEST = 2**28
"""Size in bytes above which a file is not tried."""
ADOBE = 14
"""Minimum length in bytes of Adobe's JPEG segment, which defines how colours are stored."""
PIXEL_TAGS = frozenset(
    {254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 321, 322, 323, 324, 325, 332}
    | {338, 339, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532}
)
"""Tags that a TIFF decoder requires, and the orientation."""


def strip_metadata(content: bytes, exif: bool) -> bytes:
    """Return a PNG, JPEG, TIFF or WebP file without its metadata; b"" for other formats and broken file structures.

    EXIF, which holds the orientation, is kept if `exif` is true.
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
        pass  # the structure of the file itself is broken
    return b""


def _png(content: bytes, exif: bool) -> Iterator[bytes]:
    """Chunks required for the pixels (W3C PNG, section 5.3: their names begin with a capital) and transparency."""
    offset = 8
    while offset + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, offset)
        chunk = content[offset : offset + 12 + length]
        offset += 12 + length
        optional = name == b"tRNS" or (exif and name == b"eXIf")
        if name[:1].isupper() or (optional and _has_valid_checksum(chunk)):
            yield chunk


def _has_valid_checksum(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _jpeg(content: bytes, exif: bool) -> Iterator[bytes]:
    """All segments (ITU-T T.81, B.1) except comments and application data other than Adobe's, which defines colours."""
    offset = 2
    while content[offset] == 0xFF:
        marker = content[offset + 1]
        if marker == 0xFF:
            offset += 1  # a fill byte
            continue
        if marker == 0xDA or marker < 0xC0:
            break  # the compressed pixels begin here
        length = struct.unpack_from(">H", content, offset + 2)[0]
        segment = content[offset : offset + 2 + length]
        offset += 2 + length
        application = 0xE0 <= marker <= 0xEF or marker == 0xFE
        required = (marker == 0xEE and segment[4:9] == b"Adobe" and length >= ADOBE) or (
            exif and marker == 0xE1 and segment[4:8] == b"Exif"
        )
        if required or not application:
            yield segment
    yield content[offset:]


def _tiff(content: bytes, exif: bool) -> bytes:
    """The file with its first directory (TIFF 6.0, section 2) reduced to PIXEL_TAGS, at the same offset."""
    order = "<" if content[:1] == b"I" else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    entries = [content[start + 2 + 12 * row : start + 14 + 12 * row] for row in range(count)]
    tags = PIXEL_TAGS if exif else PIXEL_TAGS - {274}
    kept = [entry for entry in entries if struct.unpack_from(f"{order}H", entry)[0] in tags]
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return content[:start] + directory + content[start + len(directory) :]


def _webp(content: bytes, exif: bool) -> bytes:
    """The file with the chunks of pixels only (RFC 9649, section 2.7); the flags of removed chunks are cleared."""
    kept = []
    offset = 12
    while offset + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, offset)
        chunk = content[offset : offset + 8 + length + length % 2]
        offset += len(chunk)
        if name == b"VP8X":
            flags = chunk[8] & (0x1A if exif else 0x12)  # alpha, animation, and EXIF
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if name in (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF") or (exif and name == b"EXIF"):
            kept.append(chunk)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
