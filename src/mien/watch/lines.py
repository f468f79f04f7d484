"""Lines of files from elsewhere, one at a time: JSON lines or CSV. No line is trusted, and none ends the reading."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from mien.data.tables import SEPARATORS, fold_title
from mien.errors import DataError

LONGEST = 1 << 20
"""Most bytes of a line. A line of `mien predict` has some hundred."""
WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How a file in UTF-16 begins."""
COLUMNS = frozenset(
    ("id", "file", "label", "verdict", "overridden", "patch", "score", "time", "chance", "group", "track", "distance",
     "confidence", "error", "status")
)  # fmt: skip
"""Names of columns that are read. None of them may stand twice."""
TITLES = frozenset({"id", "file"}), frozenset({"overridden", "label", "verdict"})
"""A line of column names has one of each."""
CUT = "is cut off, or broken"
Entry = dict[str, Any] | str
"""Values by the names of their columns, or what is wrong with the line."""


def entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """The entries of a file with the numbers of their lines; memory does not grow with the file.

    A file is of JSON lines once a line is a JSON object, and a CSV once a line has the names of columns. Those may
    stand again further down, where several files were joined. Lines before are broken.

    Raises
    ------
    DataError : it cannot be read, or is in UTF-16.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) in WIDE:
                raise DataError("is text in UTF-16", place=str(path), remedy="save it as UTF-8")
            file.seek(0)
            reader = _Reader()
            for number, (line, is_whole) in enumerate(_lines(file), 1):
                entry = reader.entry(line, is_whole)
                if entry is not None:
                    yield number, entry
    except OSError as error:
        cause = f"cannot be read: {error.strerror or error}"
        raise DataError(cause, place=str(path), remedy="name a log or a file of verdicts") from None


def _lines(file: BinaryIO) -> Iterator[tuple[str | None, bool]]:
    """The text of each line, None where it is too long, and whether its end is there."""
    while raw := file.readline(LONGEST + 1):
        is_whole = raw.endswith(b"\n")
        if len(raw) > LONGEST:
            while not is_whole and (rest := file.readline(LONGEST)):
                is_whole = rest.endswith(b"\n")
            yield None, is_whole
        else:
            yield raw.decode("utf-8-sig", errors="surrogateescape").strip("\r\n"), is_whole


class _Reader:
    """What is known of the form of a file, from the lines so far."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.separator = ","
        self.is_json = False

    def entry(self, line: str | None, is_whole: bool) -> Entry | None:
        """The entry in a line; None for empty lines and column names."""
        if line is None:
            return f"is longer than {LONGEST:,} bytes"
        if not line.strip():
            return None
        if not self.titles and line.lstrip().startswith("{"):
            return self._of_json(line)
        return CUT if self.is_json else self._of_csv(line, is_whole)

    def _of_json(self, line: str) -> Entry:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            return CUT
        self.is_json = True
        return {_folded(name): value for name, value in values.items()}

    def _of_csv(self, line: str, is_whole: bool) -> Entry | None:
        separator = self.separator if self.titles else max(SEPARATORS, key=line.count)
        try:
            [cells] = csv.reader([line], delimiter=separator, strict=True)
        except (csv.Error, ValueError):
            return CUT
        if not self.titles or not _TITLES_AS_WRITTEN.isdisjoint(cells):
            titles = [_folded(cell) for cell in cells]
            if all(not names.isdisjoint(titles) for names in TITLES):
                return self._start(titles, separator)
        if not self.titles:
            return "stands before any names of columns, such as file,label,overridden or id,label"
        if len(cells) != len(self.titles) or (not is_whole and "overridden" in self.titles):
            return CUT
        return dict(zip(self.titles, map(str.strip, cells), strict=True))

    def _start(self, titles: list[str], separator: str) -> str | None:
        """Take names of columns as those of the lines that follow."""
        self.titles, self.separator = titles, separator
        twice = sorted(name for name in COLUMNS if titles.count(name) > 1)
        if twice:
            self.titles = []
            return f"has the column {twice[0]!r} twice; it may also be the name of a class: use JSON lines"
        return None


_TITLES_AS_WRITTEN = frozenset[str]().union(*TITLES)


@lru_cache(maxsize=1024)
def _folded(title: str) -> str:
    return fold_title(title[:200])
