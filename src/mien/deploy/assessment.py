"""What the decisions and verdicts of a patch show about its promise. All of it follows from what was counted."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import asdict, dataclass, replace
from functools import partial, reduce
from itertools import pairwise
from typing import Any

import numpy as np

from mien.deploy.patch_io import PICTURES, ROWS
from mien.deploy.patch_record import PatchRecord
from mien.deploy.warned import Warned, compare_figures
from mien.errors import UsageError
from mien.settings import setting, validate
from mien.types import Bools, Floats
from mien.watch.audit import Audit, harm_upper
from mien.watch.counted import Counted, Moment, Units
from mien.watch.fields import NO_TIME, time_text
from mien.watch.state import Watch, limit_of, right_share

POINTS = 120
"""Most points of a curve."""


@dataclass(frozen=True)
class WatchSettings:
    """What is promised, and how verdicts that are missing count.

    Parameters
    ----------
    limit : β, the largest share of answers that may be spoilt; None: it follows from the budget and from calibration.
    delta : δ, the chance of a false alarm.
    deadline : days after which an override without a verdict counts as spoilt; None for never.
    """

    limit: float | None = setting(
        None, "largest share of all answers that may be spoilt; by default the budget times the share of right answers",
        within=(0, 1), exclusive=True,
    )  # fmt: skip
    delta: float = setting(0.05, "chance of a false alarm", within=(0, 1), exclusive=True)
    deadline: float | None = setting(
        None, "days after which an override without a verdict counts as spoilt; never by default", within=(0, 1e5)
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Point:
    """The watch after some pictures, for curves."""

    images: int
    rate: float
    lower: float
    upper: float
    log_evidence: float


@dataclass(frozen=True)
class Alarm:
    """An alarm: when it was raised, since when the evidence for it grew, and what became of the pictures since then."""

    raised: Moment
    since: Moment
    harmed: int
    images: int


@dataclass(frozen=True)
class Assessment:
    """What a patch's decisions and verdicts show.

    Attributes
    ----------
    settings : with the limit in force. watch : of this patch.
    last : how much was counted, and the time of the last decision.
    curve : the watch after parts of the pictures. alarm : None where there is none.
    right : bounds on the share of right answers in calibration. audit : None without a verdict that has a chance.
    warnings, compared : figures that shifted, and the names of all that were compared.
    others : id → watch of other patches in the logs. in_groups : whether persons or tracks are counted.
    of_rows : whether the patch corrects the rows of tables, in place of pictures.
    """

    settings: WatchSettings
    watch: Watch
    last: Moment
    curve: tuple[Point, ...]
    alarm: Alarm | None
    right: tuple[float, float]
    audit: Audit | None
    warnings: tuple[Warned, ...]
    compared: tuple[str, ...]
    others: dict[str, Watch]
    in_groups: bool
    of_rows: bool = False

    @property
    def harm_as_calibrated(self) -> float:
        """Harm is below this, if the classifier is right as often as in calibration."""
        return min(1.0, self.watch.upper / self.right[0]) if self.right[0] > 0 else 1.0

    @property
    def harm_by_audit(self) -> float:
        """Harm is below this, by the audit; NaN without one, and where persons are counted but pictures audited."""
        return float("nan") if self.audit is None or self.in_groups else harm_upper(self.watch, self.audit)

    @property
    def evidence(self) -> float:
        """The evidence against the promise now: 1 at the start, an alarm at 1/δ."""
        return float(np.exp(min(self.watch.log_evidence, 700)))

    @property
    def unit(self) -> str:
        """What is counted, in the plural."""
        return self.groups if self.in_groups else self.each

    @property
    def each(self) -> str:
        """What has a decision of its own, in the plural."""
        return ROWS if self.of_rows else PICTURES

    @property
    def groups(self) -> str:
        """What belongs together, in the plural."""
        return "groups" if self.of_rows else "persons or tracks"

    @property
    def words(self) -> str:
        """The standing of the promise, in a sentence."""
        watch, limit = self.watch, f"{100 * self.watch.limit:.3g} %"
        if self.alarm:
            alarm = self.alarm
            share = f"{alarm.harmed:,} of {alarm.images:,} {self.unit} lost a right answer since {alarm.since}"
            rate = f"{100 * alarm.harmed / alarm.images:.2g} %"
            return f"{share}, {rate}, where at most {limit} may; raised after {alarm.raised}"
        bound = f"with {100 * (1 - watch.delta):g} % confidence at most {100 * watch.upper:.3g} % of the {self.unit}"
        if watch.standing == "certified":
            return f"{bound} lose a right answer, which keeps the limit of {limit}"
        return f"{bound} lose a right answer; more {self.unit} or verdicts decide whether the limit of {limit} is kept"

    @property
    def total(self) -> Watch:
        """The watch of all patches in the logs together."""
        return reduce(Watch.merged_with, self.others.values(), self.watch)

    def to_json(self) -> dict[str, Any]:
        """The figures for `--json` and watch.json; undefined ones are NaN."""
        return {
            "standing": self.watch.standing, "words": self.words, **asdict(self.settings), **_figures(self.watch),
            "evidence": self.evidence, "last": asdict(self.last),
            "alarm": self.alarm and asdict(self.alarm),
            "harm_as_calibrated": self.harm_as_calibrated, "harm_by_audit": self.harm_by_audit,
            "right_in_calibration": list(self.right),
            "audit": self.audit and {"audited": self.audit.audited, "right": self.audit.right,
                                     "rate": self.audit.rate, "lower": self.audit.lower},
            "warnings": [{**asdict(warning), "words": str(warning)} for warning in self.warnings],
            "compared": self.compared,
            "others": {name: _figures(watch) for name, watch in self.others.items()},
            "total": _figures(self.total), "in_groups": self.in_groups,
        }  # fmt: skip


def _figures(watch: Watch) -> dict[str, Any]:
    counts = {name: getattr(watch, name) for name in ("images", "overridden", "harmed", "open")}
    return {**counts, "rate": watch.rate, "lower": watch.lower, "upper": watch.upper}


def assess(record: PatchRecord, counted: Counted, settings: WatchSettings, *, silenced: bool = False) -> Assessment:
    """What the decisions and verdicts counted so far show about the promise of a patch.

    Parameters
    ----------
    silenced : whether an alarm silenced the patch, so that fewer overrides are no surprise.
    """
    rows = np.flatnonzero(counted.decisions["patch"] == 0)
    decisions, labels, chances = counted.decisions[rows], counted.labels[rows], counted.chances[rows]
    of_rows = record.unit == ROWS
    units = counted.units(0, settings.deadline, of_rows=of_rows)
    right, total = _right_in_calibration(record, units.in_groups)
    deadline, limit = settings.deadline, settings.limit
    if limit is None:
        limit = limit_of(record.policy.budget, right, total, settings.delta)
    if deadline is not None and not (decisions["time"] != NO_TIME).any():
        remedy = "log the time of each decision, or leave the deadline out"
        raise UsageError("the decisions have no times", place="--deadline", remedy=remedy)
    watch, curve, raised = _followed(Watch(limit, settings.delta), units)
    others = {
        name: _followed(Watch(limit, settings.delta), counted.units(number, deadline), points=1)[0]
        for number, name in enumerate(counted.patches)
        if number
    }
    alarm = _alarm(watch, units, raised) if watch.alarmed else None
    last = Moment(len(units.rows), time_text(int(decisions["time"].max(initial=NO_TIME))), units.unit)
    warnings, compared = compare_figures(record, counted, units, silenced=silenced)
    return Assessment(
        replace(settings, limit=limit), watch, last, curve, alarm, right_share(right, total, settings.delta),
        _audit(decisions["base"] == labels, chances, settings.delta), warnings, compared, others, units.in_groups,
        of_rows,
    )  # fmt: skip


def _right_in_calibration(record: PatchRecord, in_groups: bool) -> tuple[int, int]:
    """Pictures (or persons) with a right answer of a known class, and all of them."""
    calibration = record.calibration
    right = (calibration.base == calibration.truth) & record.known[calibration.truth]
    if not in_groups or calibration.groups is None:
        return int(right.sum()), len(right)
    return len(np.unique(calibration.groups[right])), len(np.unique(calibration.groups))


def _followed(watch: Watch, units: Units, points: int = POINTS) -> tuple[Watch, tuple[Point, ...], int]:
    """The watch after all units, points of its curve, and after how many the alarm was raised."""
    curve, raised = [], 0
    edges = np.unique(np.linspace(0, len(units.rows), points + 1).astype(int)).tolist()
    for start, stop in pairwise(edges):
        before, watch = watch, watch.updated(units.spoilt[start:stop], units.overridden[start:stop])
        if watch.alarmed and not raised:
            places = range(start + 1, stop)
            raised = start + 1 + bisect_left(places, True, key=partial(_is_alarmed_at, before, units, start))
        curve.append(Point(watch.images, watch.rate, watch.lower, watch.upper, watch.log_evidence))
    return watch, tuple(curve), raised


def _is_alarmed_at(before: Watch, units: Units, start: int, stop: int) -> bool:
    return before.updated(units.spoilt[start:stop], units.overridden[start:stop]).alarmed


def _alarm(watch: Watch, units: Units, raised: int) -> Alarm:
    since = units.spoilt[watch.since :]
    return Alarm(units.moment(raised), units.moment(watch.since), int((since == 1).sum()), len(since))


def _audit(right: Bools, chances: Floats, delta: float) -> Audit | None:
    """The audit of the decisions that were drawn for it; None without any."""
    drawn = ~np.isnan(chances)
    if not drawn.any():
        return None
    least = float(chances[drawn].min())
    return Audit(least, delta).updated(drawn, right, np.where(drawn, chances, least))
