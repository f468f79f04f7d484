"""Pictures in the body of a request: a form with files, JSON with base64, or one picture as it is."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import numpy as np
from numpy.typing import NDArray
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mien.serve.problems import ProblemError
from mien.service.answers import Label

FORM, JSON, IMAGE, BYTES = "multipart/form-data", "application/json", "image/", "application/octet-stream"
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # what is wrong with a form, its client is told
LONGEST = 200
"""Most characters of a file's name, a group, or the name of a patch."""
FIELDS = 16
"""Most parts of a form that are no pictures."""
EXAMPLE = '{"images": [{"content": "<base64 of an image file>"}]}'


@dataclass
class Pictures:
    """The pictures of one request.

    Attributes
    ----------
    images : contents of image files, or uint8 pixels. labels : what came with each.
    patch : by which they are to be answered; "" for the one in force.
    """

    images: list[bytes | NDArray[np.uint8]] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    patch: str = ""

    def add(self, image: bytes, file: str = "", group: str = "") -> None:
        """One picture more."""
        self.images.append(image)
        self.labels.append(Label(file[:LONGEST], group[:LONGEST]))


def read_pictures(content_type: str, query: str, body: bytes, most: int) -> Pictures:
    """The pictures in a body.

    Parameters
    ----------
    content_type, query : the header and the query string of the request. most : pictures that one request may have.

    Raises
    ------
    ProblemError : 415 for another type, 400 for a body that cannot be read or has no picture, 413 for too many.
    """
    kind = content_type.partition(";")[0].strip().lower()
    given = {name: values[-1] for name, values in parse_qs(query).items()} if query else {}
    if kind == FORM:
        pictures = _of_form(content_type, body, given, most)
    elif kind == JSON:
        pictures = _of_json(body, given, most)
    elif kind.startswith(IMAGE) or kind == BYTES:
        pictures = Pictures(patch=given.get("patch", ""))
        pictures.add(body, given.get("file", ""), given.get("group", ""))
    else:
        remedy = f"send a form with files ({FORM}), {JSON}, or a picture as image/jpeg or image/png"
        raise ProblemError(415, f"the type {kind[:100]!r} is not read", remedy)
    if not pictures.images:
        raise ProblemError(400, "the request has no picture", f"send a file in a form, or {EXAMPLE}")
    _check_count(len(pictures.images), most)
    pictures.patch = pictures.patch[:LONGEST]
    return pictures


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise ProblemError(413, f"{count} pictures in one request", f"send at most {most}")


def _of_json(body: bytes, given: dict[str, str], most: int) -> Pictures:
    try:
        content = json.loads(body)
        entries = content["images"]
        _check_count(len(entries), most)  # before any is decoded
        pictures = Pictures(patch=_text(content.get("patch", given.get("patch", ""))))
        for number, entry in enumerate(entries, 1):
            image = _decoded(_text(entry["content"]), number)
            pictures.add(image, _text(entry.get("file", "")), _text(entry.get("group", given.get("group", ""))))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ProblemError(400, "the JSON is broken, or of another form", f"send {EXAMPLE}") from None
    return pictures


def _decoded(content: str, number: int) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        cause = f"the content of picture {number} is no base64"
        raise ProblemError(400, cause, "encode the image file in base64") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


class _Form:
    """What a form holds, as the parser meets it; ProblemError where it has too many parts."""

    def __init__(self, most: int) -> None:
        self.most, self.parts = most, 0
        self.files: list[tuple[str, bytes]] = []
        self.fields: dict[str, str] = {}
        self._header, self._value, self._data = b"", b"", bytearray()
        self._headers: dict[bytes, bytes] = {}

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin, "on_part_data": self._part, "on_part_end": self._end,
            "on_header_field": self._header_field, "on_header_value": self._header_value,
            "on_header_end": self._header_end,
        }  # fmt: skip

    def _begin(self) -> None:
        self.parts += 1
        if self.parts > self.most + FIELDS:
            raise ProblemError(413, f"the form has more than {self.most + FIELDS} parts", "send less at once")
        self._headers, self._data = {}, bytearray()

    def _part(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        content = bytes(self._data)
        if b"filename" in options:
            self.files.append((options[b"filename"].decode(errors="replace"), content))
        elif b"name" in options:
            name, value = options[b"name"], content[: 4 * LONGEST]
            self.fields[name.decode(errors="replace")] = value.decode(errors="replace")


def _of_form(content_type: str, body: bytes, given: dict[str, str], most: int) -> Pictures:
    _, options = parse_options_header(content_type)
    form = _Form(most)
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except (KeyError, FormParserError, ValueError) as error:
        cause = f"the form cannot be read: {type(error).__name__}"
        raise ProblemError(400, cause, "send it as curl -F file=@picture.jpg does") from None
    fields = {**given, **form.fields}
    pictures = Pictures(patch=fields.get("patch", ""))
    for name, content in form.files:
        pictures.add(content, name, fields.get("group", ""))
    return pictures
