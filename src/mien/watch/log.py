"""Logs of decisions, as `mien predict` writes them, and verdicts of people on them, as compact arrays.

A log has a line for each decision, with the columns file (or id), label (f's answer) and overridden. Optional are
status (lines of pictures without an answer are passed over), time (ISO 8601), patch, score, probabilities or
confidence, distance, and group or track. A file of verdicts has id (or file) and label (or verdict), the class that is
right; optional are time and chance, the probability π with which the picture was drawn for an audit. What cannot be
used becomes a Problem and is not counted.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.labels import ALIASES
from mien.data.tables import fold_title
from mien.incoming.item import OK
from mien.types import Problem, plain, spelling
from mien.watch.fields import as_time, flag_of, hash_of, id_of, number_of
from mien.watch.lines import COLUMNS, entries

DECISION = np.dtype(
    [("patch", "<i2"), ("id", "<u8"), ("time", "<i8"), ("overridden", "?"), ("base", "<i2"), ("group", "<u8"),
     ("score", "<f4"), ("confidence", "<f4"), ("distance", "<f4")]
)  # fmt: skip
"""A decision: number of its patch, hashes of id and group (0: none), time in µs, f's answer; NaN is no figure."""
VERDICT = np.dtype([("id", "<u8"), ("label", "<i2"), ("time", "<i8"), ("chance", "<f4")])
"""A verdict: hash of the picture's id, the class that is right, time in µs, the chance of an audit (NaN for none)."""
PLACE = np.dtype([("file", "<i4"), ("line", "<i8")])
"""Where a verdict stands."""
DAY = 86_400_000_000
"""A day in µs: entries later than a day from now are not counted."""
PATCHES = 100
"""Most patches whose decisions are told apart."""
CHUNK = 50_000
BROKEN, NO_LOG, UNKNOWN_CLASS, FUTURE, OTHER_PATCH, UNKNOWN_ID, VERDICTS, DECISIONS = KINDS = (
    "broken line", "neither log nor verdicts", "unknown class", "entry from the future", "decision of another patch",
    "verdict without a decision", "contradicting verdicts", "contradicting decisions",
)  # fmt: skip
"""Kinds of Problems in logs and verdicts."""
OF_DECISIONS = frozenset({"corrected", "probabilities", "score", "threshold"})
"""Columns that no file of verdicts has."""


@dataclass
class Problems:
    """Problems by kind: how many there are, and the first few of each.

    >>> problems = Problems()
    >>> problems.add(BROKEN, "log.jsonl, line 3", "is cut off, or broken", "look at it", count=2)
    >>> problems.counts[BROKEN], problems.examples[0].place
    (2, 'log.jsonl, line 3')
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Problem] = field(default_factory=list)

    def add(self, kind: str, place: str, cause: str, remedy: str, count: int = 1) -> None:
        """Count a problem, and keep it where it is among the first three of its kind."""
        if self.counts[kind] < 3:
            self.examples.append(Problem(kind, plain(place), plain(cause), remedy))
        self.counts[kind] += count


@dataclass(frozen=True)
class Log:
    """What was read: N decisions and V verdicts in the order of the files, and what cannot be used.

    Attributes
    ----------
    decisions : (N,) of DECISION. verdicts, places : (V,) of VERDICT and PLACE.
    patches : the ids of the patches that the decisions number, the watched one first.
    files : names of the files that places number.
    """

    decisions: NDArray[Any]
    verdicts: NDArray[Any]
    places: NDArray[Any]
    patches: tuple[str, ...]
    files: tuple[str, ...] = ()
    problems: Problems = field(default_factory=Problems)


def read_logs(
    paths: Iterable[Path | str], classes: Sequence[str], patches: Sequence[str], *, now: float | None = None
) -> Log:
    """Read logs of decisions and files of verdicts, JSON lines or CSV, each recognised by its columns.

    Parameters
    ----------
    classes : K names, of f's answers and of verdicts.
    patches : ids of patches, that of the watched one first. Decisions without a patch are taken for its own.
    now : seconds since 1970; by default the clock's.

    Raises
    ------
    DataError : a file cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "log.csv"
    ...     _ = path.write_text("id,label,overridden\\na,fear,1\\nb,joy,0\\nc,jo")
    ...     log = read_logs([path], ("joy", "fear"), ("p",))
    >>> log.decisions["overridden"].tolist(), dict(log.problems.counts)
    ([True, False], {'broken line': 1})
    """
    reader = _LogReader(classes, patches, time.time() if now is None else now)
    for path in map(Path, paths):
        reader.read(path)
    return reader.log()


def log_of(
    decisions: Iterable[dict[str, Any]], verdicts: Iterable[dict[str, Any]], classes: Sequence[str],
    patches: Sequence[str], *, source: str,
) -> Log:  # fmt: skip
    """Take decisions and verdicts from elsewhere than files, as `read_logs` takes the lines of files.

    Parameters
    ----------
    decisions, verdicts : values by the names of their columns. source : where they are from, for messages.

    Examples
    --------
    >>> log = log_of([{"id": "a", "label": "fear", "overridden": True}], [], ("joy", "fear"), ("p",), source="store")
    >>> log.decisions["base"].tolist(), len(log.verdicts)
    ([1], 0)
    """
    reader = _LogReader(classes, patches, time.time())
    for is_log, rows in ((True, decisions), (False, verdicts)):
        reader.files.append(source)
        for number, entry in enumerate(rows, 1):
            reader.take(entry, number, is_log)
    return reader.log()


class _Rows:
    """Rows of one type, kept as arrays."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype, self.rows = dtype, list[tuple[Any, ...]]()
        self.parts = [np.empty(0, dtype)]

    def add(self, row: tuple[Any, ...]) -> None:
        self.rows.append(row)
        if len(self.rows) >= CHUNK:
            self._flush()

    def array(self) -> NDArray[Any]:
        self._flush()
        return np.concatenate(self.parts)

    def _flush(self) -> None:
        self.parts.append(np.array(self.rows, self.dtype))
        self.rows = []


class _LogReader:
    """Decisions, verdicts and problems of the files so far."""

    def __init__(self, classes: Sequence[str], patches: Sequence[str], now: float) -> None:
        numbers = {name: number for number, name in enumerate(classes)}
        aliases = {alias: numbers[name] for alias, name in ALIASES.items() if name in numbers}
        self.classes = aliases | {spelling(name): number for name, number in numbers.items()}
        self.columns = [name for name in map(fold_title, classes) if name not in COLUMNS]
        self.patches = {name: number for number, name in enumerate(patches)}
        self.latest = int(now * 1e6) + DAY
        self.decisions, self.verdicts, self.places = _Rows(DECISION), _Rows(VERDICT), _Rows(PLACE)
        self.files: list[str] = []
        self.problems = Problems()

    def read(self, path: Path) -> None:
        self.files.append(str(path))
        is_log: bool | None = None
        for number, entry in entries(path):
            is_log = self.take(entry, number, is_log)

    def take(self, entry: dict[str, Any] | str, line: int, is_log: bool | None) -> bool | None:
        """Take an entry of the last file, and return whether that is a log, which its first entry decides."""
        place = f"{self.files[-1]}, line {line}"
        try:
            if isinstance(entry, str):
                raise ValueError(entry)
            is_log = _is_log(entry) if is_log is None else is_log
            if is_log:
                self._decision(entry, place)
            else:
                self._verdict(entry, line)
        except ValueError as error:
            kind = error.kind if isinstance(error, _EntryError) else BROKEN
            self.problems.add(kind, place, str(error), "correct it; it is not counted")
        return is_log

    def log(self) -> Log:
        """All that was taken."""
        return Log(
            self.decisions.array(), self.verdicts.array(), self.places.array(), tuple(self.patches),
            tuple(self.files), self.problems,
        )  # fmt: skip

    def _decision(self, entry: dict[str, Any], place: str) -> None:
        if (entry.get("error") or entry.get("status") not in (None, "", OK)) and not entry.get("label"):
            return  # a picture that could not be read, or has no face: nothing was decided
        if "overridden" not in entry:
            raise ValueError("has no column overridden")
        moment, patch = self._time(entry), self._patch(entry.get("patch"), place)
        base = self._class(entry.get("label"))
        group = entry.get("group") or entry.get("track")
        figures = (number_of(entry, "score"), self._confidence(entry), number_of(entry, "distance"))
        row = (patch, hash_of(id_of(entry)), moment, flag_of(entry["overridden"]), base, hash_of(group) if group else 0)
        self.decisions.add((*row, *figures))

    def _verdict(self, entry: dict[str, Any], line: int) -> None:
        if "overridden" in entry or OF_DECISIONS.intersection(entry):
            raise _EntryError(NO_LOG, "has columns of a decision, but none called overridden, or stands among verdicts")
        written = entry.get("verdict") if "verdict" in entry else entry.get("label")
        chance = number_of(entry, "chance")
        if chance <= 0 or chance > 1:
            raise ValueError(f"has a chance of {chance:g}, which is not above 0 and at most 1")
        row = (hash_of(id_of(entry)), self._class(written), self._time(entry), chance)
        self.verdicts.add(row)
        self.places.add((len(self.files) - 1, line))

    def _time(self, entry: dict[str, Any]) -> int:
        moment = as_time(entry.get("time"))
        if moment > self.latest:
            raise _EntryError(FUTURE, f"has the time {str(entry['time'])[:40]}, more than a day from now")
        return moment

    def _patch(self, written: Any, place: str) -> int:
        if written is None or written == "":
            return 0
        if not isinstance(written, str):
            raise ValueError("has a patch that is not text")
        name = plain(written[:64])
        number = self.patches.setdefault(name, len(self.patches))
        if number >= PATCHES:
            del self.patches[name]
            raise ValueError(f"is of more than {PATCHES} patches")
        if number:
            remedy = "it is shown apart, and not counted in the watch of this patch"
            self.problems.add(OTHER_PATCH, place, f"was made by the patch {name}", remedy)
        return number

    def _class(self, written: Any) -> int:
        if not isinstance(written, str) or not written.strip():
            raise ValueError("has no label")
        label = self.classes.get(spelling(written[:200]))
        if label is None:
            raise _EntryError(UNKNOWN_CLASS, f"has the label {written[:40]!r}, which is no class of the patch")
        return label

    def _confidence(self, entry: dict[str, Any]) -> float:
        """The largest probability of f, by whichever columns there are."""
        if "confidence" in entry:
            return number_of(entry, "confidence")
        probabilities = entry.get("probabilities")
        values, names = (
            (probabilities, list(probabilities)) if isinstance(probabilities, dict) else (entry, self.columns)
        )
        shares = [number_of(values, name) for name in names if name in values]
        return max((share for share in shares if not math.isnan(share)), default=math.nan)


class _EntryError(ValueError):
    """An entry that cannot be used for a reason that has a name of its own."""

    def __init__(self, kind: str, cause: str) -> None:
        self.kind = kind
        super().__init__(cause)


def _is_log(entry: dict[str, Any]) -> bool:
    """Whether a file that begins so is a log; _EntryError where it is neither log nor verdicts."""
    if "overridden" in entry or ("error" in entry and "label" not in entry):
        return True
    if "status" in entry and not {"label", "verdict"}.intersection(entry):
        return True
    if not {"label", "verdict"}.intersection(entry):
        columns = ", ".join(map(str, entry))[:100]
        cause = f"has neither a column overridden nor a column label; its columns are: {columns}"
        raise _EntryError(NO_LOG, cause)
    return False
