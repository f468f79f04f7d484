"""Decisions and verdicts that were counted: each decision once, one verdict for each picture, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.types import Bools, Floats, Ints
from mien.watch.fields import NO_TIME, time_text
from mien.watch.log import DAY, DECISION, DECISIONS, PLACE, UNKNOWN_ID, VERDICT, VERDICTS, Log, Problems

KEY = ("patch", "id", "time")
DETAILS = ("base", "group", "score", "confidence", "distance")
STORED = -1
"""Number of a file for what an earlier call counted."""


@dataclass(frozen=True)
class Moment:
    """A place in the order of pictures: the number of the last one before it, and its time, "" where unknown."""

    images: int
    time: str = ""
    unit: str = "picture"

    def __str__(self) -> str:
        return f"{self.unit} {self.images:,}" + (f" ({self.time[:16].replace('T', ' ')})" if self.time else "")


@dataclass(frozen=True)
class Units:
    """The U persons, tracks or single pictures of a patch, in the order of their first decisions.

    Attributes
    ----------
    rows : (U,) indices of their first decisions. times : (U,) of these, in µs.
    in_groups : whether the log names persons or tracks.
    spoilt : (U,) 1 where an override spoilt a right answer, 0 where none did, NaN where that is open.
    overridden : (U,) whether any answer was overridden.
    unit : what is counted, for people.
    """

    rows: Ints
    times: Ints
    spoilt: Floats
    overridden: Bools
    in_groups: bool
    unit: str = "picture"

    def moment(self, images: int) -> Moment:
        """The moment after so many units."""
        return Moment(images, time_text(int(self.times[max(images, 1) - 1])) if len(self.times) else "", self.unit)


@dataclass(frozen=True)
class Counted:
    """All that was counted so far.

    Attributes
    ----------
    decisions : (N,) of `mien.watch.log.DECISION`, sorted by time; those without first, in the order of the files.
    verdicts : (V,) of `mien.watch.log.VERDICT`, sorted by id, one for each.
    patches : ids of the patches that the decisions number, the watched one first.
    """

    decisions: NDArray[Any]
    verdicts: NDArray[Any]
    patches: tuple[str, ...]

    @classmethod
    def nothing(cls, patch: str) -> Self:
        """Nothing counted for a patch so far."""
        return cls(np.empty(0, DECISION), np.empty(0, VERDICT), (patch,))

    def with_log(self, log: Log) -> Counted:
        """What was counted before and what is new in a log; its problems grow by those that appear only now.

        The order of files and of lines with times does not matter, nor does repetition. A decision is known by patch,
        id and time, a verdict by id. Of verdicts that contradict each other the later counts, of those without times
        the last.

        Parameters
        ----------
        log : read with `patches` of this record.

        Examples
        --------
        >>> from mien.watch.log import read_logs
        >>> log = read_logs([], ("joy", "fear"), ("p",))
        >>> len(Counted.nothing("p").with_log(log).decisions)
        0
        """
        decisions = _each_once(np.concatenate([self.decisions, log.decisions]), log.problems)
        stored = np.full(len(self.verdicts), STORED, PLACE)
        verdicts = np.concatenate([self.verdicts, log.verdicts])
        places = np.concatenate([stored, log.places])
        return Counted(decisions, _settled(verdicts, places, decisions["id"], log), log.patches)

    @property
    def labels(self) -> Ints:
        """(N,) the class that the verdict on each decision's picture gives; −1 without a verdict."""
        return self._of_verdicts("label", -1).astype(np.int64)

    @property
    def chances(self) -> Floats:
        """(N,) the chance with which each decision's picture was drawn for an audit; NaN where it was not."""
        return self._of_verdicts("chance", np.nan).astype(float)

    def units(self, patch: int = 0, deadline: float | None = None, *, of_rows: bool = False) -> Units:
        """The persons, tracks or single pictures of a patch, and what became of them.

        Parameters
        ----------
        patch : its number. deadline : days after which an override without a verdict counts as spoilt, before the last
            decision of all; None for never. of_rows : whether the patch corrects rows of tables, in place of pictures.
        """
        (rows,) = np.nonzero(self.decisions["patch"] == patch)
        decisions, labels = self.decisions[rows], self.labels[rows]
        overridden, group = decisions["overridden"], decisions["group"]
        lost = overridden & (labels == decisions["base"])
        is_open = overridden & (labels < 0)
        if deadline is not None and len(rows):
            dated = decisions["time"] != NO_TIME
            late = dated & (decisions["time"] < int(self.decisions["time"].max()) - int(deadline * DAY))
            lost, is_open = lost | (is_open & late), is_open & ~late
        first = np.arange(len(rows))
        grouped = np.flatnonzero(group)
        _, starts, inverse = np.unique(group[grouped], return_index=True, return_inverse=True)
        first[grouped] = grouped[starts][inverse]
        units = np.unique(first)
        any_lost, any_open, any_touched = (
            np.bincount(first, mask, len(rows))[units] > 0 for mask in (lost, is_open, overridden)
        )
        spoilt = np.where(any_lost, 1.0, np.where(any_open, np.nan, 0.0))
        single, joint = ("row", "group") if of_rows else ("picture", "person or track")
        unit = joint if len(grouped) else single
        return Units(rows[units], decisions["time"][units], spoilt, any_touched, len(grouped) > 0, unit)

    def _of_verdicts(self, name: str, missing: float) -> NDArray[Any]:
        """(N,) a field of the verdict on each decision's picture."""
        ids, known = self.decisions["id"], self.verdicts["id"]
        if not len(known):
            return np.full(len(ids), missing)
        places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[places] == ids, self.verdicts[name][places], missing)


def _each_once(decisions: NDArray[Any], problems: Problems) -> NDArray[Any]:
    """Each decision once, sorted. Of those that contradict each other an override counts, and both are named."""
    arrival = np.arange(len(decisions))
    order = np.lexsort(
        (*(decisions[name] for name in DETAILS[::-1]), ~decisions["overridden"], *(decisions[name] for name in KEY))
    )
    ordered = decisions[order]
    starts = _starts(*(ordered[name] for name in KEY))
    if not len(starts):
        return decisions
    answers = ordered["base"].astype(np.int64) * 2 + ordered["overridden"]
    differing = np.maximum.reduceat(answers, starts) != np.minimum.reduceat(answers, starts)
    if differing.any():
        cause = "the logs have two different answers for the same picture and time; the override counts"
        remedy = "look for a log that was edited"
        problems.add(DECISIONS, "decisions", cause, remedy, int(differing.sum()))
    kept, arrived = ordered[starts], np.minimum.reduceat(arrival[order], starts)
    tie = np.where(kept["time"] == NO_TIME, arrived.astype(np.uint64), kept["id"])
    return kept[np.lexsort((kept["patch"], tie, kept["time"]))]


def _settled(verdicts: NDArray[Any], places: NDArray[Any], ids: NDArray[Any], log: Log) -> NDArray[Any]:
    """One verdict for each picture that was decided on, sorted by id."""

    def place(row: Any) -> str:
        file, line = places[row]
        return "an earlier call" if file == STORED else f"{log.files[file]}, line {line}"

    known = np.isin(verdicts["id"], ids)
    for row in np.flatnonzero(~known):
        remedy = "give the log with its decision, with the same id; it is not counted"
        log.problems.add(UNKNOWN_ID, place(row), "is on a picture that no log has a decision on", remedy)
    arrival = np.flatnonzero(known)
    order = arrival[np.lexsort((arrival, verdicts["time"][arrival], verdicts["id"][arrival]))]
    ordered = verdicts[order]
    starts = _starts(ordered["id"])
    if not len(starts):
        return verdicts[:0]
    labels, ends = ordered["label"], np.append(starts[1:], len(order))
    for unit in np.flatnonzero(np.maximum.reduceat(labels, starts) != np.minimum.reduceat(labels, starts)):
        last = order[starts[unit] : ends[unit]].max()
        cause = "contradicts another verdict on the same picture; the later counts"
        log.problems.add(VERDICTS, place(last), cause, "look at the picture again")
    settled: NDArray[Any] = ordered[ends - 1].copy()
    settled["chance"] = np.fmax.reduceat(ordered["chance"], starts)
    return settled


def _starts(*keys: NDArray[Any]) -> Ints:
    """Where runs of equal keys begin in sorted rows."""
    changes = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts: Ints = np.flatnonzero(np.append(len(keys[0]) > 0, changes)[: len(keys[0])])
    return starts
