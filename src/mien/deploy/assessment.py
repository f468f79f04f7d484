"""What the decisions and verdicts of a patch show about its promise. All of it follows from what was counted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial, reduce
from itertools import pairwise
from typing import Any

import numpy as np

from mien.certify.policy import decide
from mien.deploy.patch_record import PatchRecord
from mien.errors import UsageError
from mien.settings import setting, validate
from mien.types import Bools, Floats, Ints
from mien.watch.audit import Audit, harm_upper
from mien.watch.counted import Counted, Units
from mien.watch.fields import NO_TIME, time_text
from mien.watch.shift import LEAST, Shift
from mien.watch.state import Watch, limit_of, right_share

POINTS = 120
"""Most points of a curve."""
REFERENCE = 500
"""First pictures that later ones are compared with, for figures that calibration did not keep."""


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
class Moment:
    """A place in the order of pictures: how many came before, and the time of the last of them, "" where unknown."""

    images: int
    time: str = ""

    def __str__(self) -> str:
        return f"picture {self.images:,}" + (f" ({self.time[:16].replace('T', ' ')})" if self.time else "")


@dataclass(frozen=True)
class Point:
    """The watch after some pictures, for curves."""

    images: int
    rate: float
    lower: float
    upper: float
    log_evidence: float


@dataclass(frozen=True)
class Warned:
    """A figure that no longer looks as it did: a warning, no certificate.

    Attributes
    ----------
    figure : in words. since : when it began to differ. higher : whether it rose.
    reference : what it is compared with.
    """

    figure: str
    since: Moment
    higher: bool
    reference: str

    def __str__(self) -> str:
        return f"{self.figure}: {'higher' if self.higher else 'lower'} than {self.reference} since {self.since}"


@dataclass(frozen=True)
class Assessment:
    """What a patch's decisions and verdicts show.

    Attributes
    ----------
    settings : with the limit in force. watch : of this patch.
    last : how much was counted, and the time of the last decision.
    curve : the watch after parts of the pictures. raised, since : when the alarm was raised, and when the evidence for
        it began; None without an alarm.
    right : bounds on the share of right answers in calibration. audit : None without a verdict that has a chance.
    warnings : figures that shifted. others : id → watch of other patches in the logs. in_groups : whether persons or
        tracks are counted.
    """

    settings: WatchSettings
    watch: Watch
    last: Moment
    curve: tuple[Point, ...]
    raised: Moment | None
    since: Moment | None
    right: tuple[float, float]
    audit: Audit | None
    warnings: tuple[Warned, ...]
    others: dict[str, Watch]
    in_groups: bool

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
        return "persons or tracks" if self.in_groups else "pictures"

    @property
    def words(self) -> str:
        """The standing of the promise, in a sentence."""
        watch, limit = self.watch, f"{100 * self.watch.limit:.2g} %"
        if watch.alarmed:
            share = f"{watch.harmed:,} of {watch.images:,} {self.unit} have lost a right answer"
            when = f"raised after {self.raised}, evidence since {self.since}"
            return f"{share}, where at most {limit} may; {when}"
        bound = f"with {100 * (1 - watch.delta):g} % confidence at most {100 * watch.upper:.2g} % of the {self.unit}"
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
            "raised": self.raised and asdict(self.raised), "since": self.since and asdict(self.since),
            "harm_as_calibrated": self.harm_as_calibrated, "harm_by_audit": self.harm_by_audit,
            "right_in_calibration": list(self.right),
            "audit": self.audit and {"audited": self.audit.audited, "right": self.audit.right,
                                     "rate": self.audit.rate, "lower": self.audit.lower},
            "warnings": [{**asdict(warning), "words": str(warning)} for warning in self.warnings],
            "others": {name: _figures(watch) for name, watch in self.others.items()},
            "total": _figures(self.total), "in_groups": self.in_groups,
        }  # fmt: skip


def _figures(watch: Watch) -> dict[str, Any]:
    counts = {name: getattr(watch, name) for name in ("images", "overridden", "harmed", "open")}
    rate = watch.harmed / watch.images if watch.images else float("nan")
    return {**counts, "rate": rate, "lower": watch.lower, "upper": watch.upper}


def assess(record: PatchRecord, counted: Counted, settings: WatchSettings, *, silenced: bool = False) -> Assessment:
    """What the decisions and verdicts counted so far show about the promise of a patch.

    Parameters
    ----------
    silenced : whether an alarm silenced the patch, so that fewer overrides are no surprise.
    """
    rows = np.flatnonzero(counted.decisions["patch"] == 0)
    decisions, labels, chances = counted.decisions[rows], counted.labels[rows], counted.chances[rows]
    in_groups = bool((decisions["group"] != 0).any())
    right, total = _right_in_calibration(record, in_groups)
    deadline, limit = settings.deadline, settings.limit
    if limit is None:
        limit = limit_of(record.policy.budget, right, total, settings.delta)
    if deadline is not None and not (decisions["time"] != NO_TIME).any():
        remedy = "log the time of each decision, or leave the deadline out"
        raise UsageError("the decisions have no times", place="--deadline", remedy=remedy)
    units = counted.units(0, deadline)
    times = counted.decisions["time"][units.rows]
    watch, curve, raised = _followed(Watch(limit, settings.delta), units)
    others = {
        name: _followed(Watch(limit, settings.delta), counted.units(number, deadline), points=1)[0]
        for number, name in enumerate(counted.patches)
        if number
    }
    last = Moment(len(times), time_text(int(decisions["time"].max(initial=NO_TIME))))
    return Assessment(
        replace(settings, limit=limit), watch, last,
        curve, _moment(times, raised) if watch.alarmed else None,
        _moment(times, watch.since) if watch.alarmed else None, right_share(right, total, settings.delta),
        _audit(decisions["base"] == labels, chances, settings.delta),
        tuple(_warnings(record, counted, units, silenced)), others, in_groups,
    )  # fmt: skip


def alarm_words(assessment: Assessment) -> str:
    """Why there is an alarm, in a sentence."""
    watch = assessment.watch
    return (
        f"{watch.harmed:,} of {watch.images:,} answers were spoilt, where at most {100 * watch.limit:.2g} % may be; "
        f"raised after {assessment.raised}, evidence since {assessment.since}"
    )


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
        rate = watch.harmed / watch.images
        curve.append(Point(watch.images, rate, watch.lower, watch.upper, watch.log_evidence))
    return watch, tuple(curve), raised


def _is_alarmed_at(before: Watch, units: Units, start: int, stop: int) -> bool:
    return before.updated(units.spoilt[start:stop], units.overridden[start:stop]).alarmed


def _moment(times: Ints, images: int) -> Moment:
    return Moment(images, time_text(int(times[max(images, 1) - 1])) if len(times) else "")


def _audit(right: Bools, chances: Floats, delta: float) -> Audit | None:
    """The audit of the decisions that were drawn for it; None without any."""
    drawn = ~np.isnan(chances)
    if not drawn.any():
        return None
    least = float(chances[drawn].min())
    return Audit(least, delta).updated(drawn, right, np.where(drawn, chances, least))


def _warnings(record: PatchRecord, counted: Counted, units: Units, silenced: bool) -> Iterator[Warned]:
    calibration = record.calibration
    decision = decide(calibration.joint, calibration.base, record.certified.thresholds)
    columns: list[tuple[str, str, Floats | None]] = [
        ("score of the corrector", "score", calibration.joint.score),
        ("confidence of the classifier", "confidence", calibration.confidence),
        ("distance in its embedding", "distance", None),
    ]
    if not silenced:
        columns.append(("share of overrides", "overridden", decision.overridden.astype(float)))
    for figure, column, reference in columns:
        values = counted.decisions[column][units.rows].astype(float)
        rows = np.flatnonzero(~np.isnan(values))
        name = "in calibration"
        if reference is None:
            reference, rows = values[rows[:REFERENCE]], rows[REFERENCE:]
            name = f"in the first {REFERENCE} pictures"
        if len(reference) < LEAST or not len(rows):
            continue
        shift = Shift.of(reference).updated(values[rows])
        if shift.warned:
            began = max(shift.since, 1)
            place = int(rows[min(began, len(rows)) - 1])
            moment = _moment(counted.decisions["time"][units.rows], place + 1)
            yield Warned(figure, moment, bool(values[rows[began - 1 :]].mean() > reference.mean()), name)
