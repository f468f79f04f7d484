"""The page of a watch: whether a patch keeps its promise after deployment, and since when it does not."""

from __future__ import annotations

from math import exp, log10

from markupsafe import Markup

from mien.deploy.assessment import Assessment
from mien.deploy.watching import Watched
from mien.report.common import figures
from mien.report.common.layout import Cell, Table, panels, render
from mien.report.common.run_figures import grouped_digits, percent
from mien.watch.state import Watch

OBSERVED, LIMIT, SINCE = figures.Look(0), figures.Look(1, dash=1), figures.Look(None, dash=2, width=0.8)
HEADLINES = {
    "certified": "The promise is kept",
    "quiet": "No alarm, and not certified yet",
    "alarm": "Alarm: more right answers are lost than promised",
}


def page(watched: Watched, name: str) -> str:
    """Render the page of a watch as one self-contained HTML file.

    Parameters
    ----------
    name : of the patch.
    """
    assessment = watched.assessment
    return render(
        "watch.html",
        name=name,
        headline=HEADLINES[assessment.watch.standing],
        words=(assessment.words[0].upper() + assessment.words[1:]).replace(" %", "\u202f%"),
        assessment=assessment,
        watch=assessment.watch,
        restraint=watched.restraint,
        tiles=_tiles(assessment),
        curves=_curves(assessment),
        patches=_patches(watched.patch, assessment),
        problems=_problems(watched),
        pairs=_settings(watched),
    )


def _tiles(assessment: Assessment) -> list[tuple[str, str, str]]:
    """(title, figure, small print) of the headline."""
    watch, confidence = assessment.watch, f"{100 * (1 - assessment.watch.delta):g}\u202f%"
    tiles = [
        ("Spoilt", _share(watch), f"{watch.harmed:,} of {watch.images:,} {assessment.unit}"),
        ("At most", _percent(watch.upper), f"with {confidence} confidence, at any time; open ones count as spoilt"),
        ("Limit", _percent(watch.limit), f"largest share of all {assessment.unit} that may lose a right answer"),
        ("Verdicts", grouped_digits(watch.overridden - watch.open), f"on {watch.overridden:,} overrides"),
        ("Open", grouped_digits(watch.open), "overrides without a verdict"),
        ("Harm", f"≤ {_percent(assessment.harm_as_calibrated)}", "if f is right as often as in calibration"),
    ]
    audit, harm = assessment.audit, assessment.harm_by_audit
    if audit is not None and harm == harm:
        tiles[3:5] = [
            (*tiles[3][:2], f"on {watch.overridden:,} overrides; {watch.open:,} open")
        ]  # keeps the lines full
        tiles.append(("Harm, audited", f"≤ {_percent(harm)}", f"{audit.right:,} of {audit.audited:,} drawn are right"))
    return tiles


def _curves(assessment: Assessment) -> Markup:
    """The share spoilt with its bounds, and the evidence, over the pictures."""
    points, watch = assessment.curve, assessment.watch
    if not points:
        return Markup("")
    images = [point.images for point in points]
    rates, lower, upper = (
        [100 * getattr(point, name) for point in points] for name in ("rate", "lower", "upper")
    )  # fmt: skip
    evidence = [max(log10(exp(1)) * point.log_evidence, -3.0) for point in points]
    limit, alarm = 100 * watch.limit, -log10(watch.delta)
    top = max(2.5 * limit, 1.6 * upper[-1], 1.1 * max(rates[len(rates) // 4 :]))
    since = assessment.alarm.since.images if assessment.alarm else None
    unit = assessment.unit
    shares = figures.watch_curve(
        "shares", figures.Line(images, rates, OBSERVED, lower, upper), limit, ("share spoilt, %", unit), (0, top), since
    )
    grown = figures.watch_curve(
        "evidence", figures.Line(images, evidence, OBSERVED), alarm, ("evidence, powers of 10", unit),
        (min(-0.5, *evidence), max(1.3 * alarm, 1.1 * max(evidence))), since,
    )  # fmt: skip
    keys = [("observed, with bounds that hold at any time", figures.swatch(OBSERVED)),
            ("limit; level of an alarm", figures.swatch(LIMIT))]  # fmt: skip
    if since is not None:
        keys.append(("since when", figures.swatch(SINCE)))
    caption = f"Over the {unit}, in their order"
    return panels(caption, [("Share spoilt", shares), ("Evidence against the promise", grown)], keys)


def _patches(patch: str, assessment: Assessment) -> Table | None:
    """A row for each patch in the logs, and their sum; None where there is one alone."""
    if not assessment.others:
        return None
    watches = {f"{patch} (this one)": assessment.watch, **assessment.others}
    rows = [_row(name, watch) for name, watch in watches.items()]
    head = ("Patch", assessment.unit.capitalize(), "Overridden", "Spoilt", "Open", "Share", "At most")
    return Table("Each patch has a watch of its own", head, rows, foot=[_row("All together", assessment.total)])


def _row(name: str, watch: Watch) -> tuple[Cell, ...]:
    counts = map(grouped_digits, (watch.images, watch.overridden, watch.harmed, watch.open))
    return tuple(map(Cell, (name, *counts, _share(watch), _percent(watch.upper))))


def _problems(watched: Watched) -> Table | None:
    problems = watched.problems
    if not problems.counts:
        return None
    rows = []
    for kind, count in problems.counts.most_common():
        example = next(problem for problem in problems.examples if problem.kind == kind)
        rows.append((Cell(kind), Cell(grouped_digits(count)), Cell(f"{example.place}: {example.cause}", tone="left")))
    return Table("What was not counted, or counted once only", ("", "Count", ""), rows)


def _settings(watched: Watched) -> list[tuple[str, str]]:
    assessment = watched.assessment
    settings, low, high = assessment.settings, *map(_percent, assessment.right)
    deadline = (
        "not in the evidence" if settings.deadline is None else f"after {settings.deadline:g} days in the evidence"
    )
    return [
        ("patch", watched.patch),
        ("last decision", assessment.last.time or "without a time"),
        ("limit, δ", f"{_percent(assessment.watch.limit)}, {settings.delta:g}"),
        ("right in calibration", f"{low} to {high}"),
        ("open overrides", f"count as spoilt in the bound, {deadline}"),
    ]


def _share(watch: Watch) -> str:
    return percent(watch.rate) if watch.images else "–"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}\u202f%" if share < 0.1 else percent(share)
