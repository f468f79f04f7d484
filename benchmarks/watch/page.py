"""Write docs/watch-validation.md from benchmarks/results/watch.json, so that no figure is copied by hand.

python -m benchmarks.watch.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.bases.page import machine, markdown, table
from benchmarks.common import RESULTS
from benchmarks.correction.page import rows
from benchmarks.watch import drawings
from benchmarks.watch.alarming import HARMS, TURN

PAGE = Path(__file__).parents[2] / "docs" / "watch-validation.md"
IMAGES = PAGE.parent / "images"
TEXT = """# Do the promises hold?

Each promise of mien, with a simulation that could refute it. `python -m benchmarks.watch.page` writes this page. If
nothing else is stated, f is right about {right} of the pictures, the budget is {budget}, δ is {delta}, and there are
{streams:,} streams of {pictures:,} pictures. Each stream has a limit β = α·q of its own, from a calibration with
{calibration:,} pictures. Shares have 95 % intervals.
{guarantees}
## Watched: a false alarm is rare

*As long as the share of spoilt answers is at most β, given the past, the chance that the watch ever gives an alarm is
at most δ.*

At the limit exactly the share β is spoilt: the hardest case. Late verdicts come after {late} pictures in the mean, and
the evidence is computed again every {every} pictures; an override without a verdict counts as kept. A late verdict
changes evidence of the past: that δ still holds is measured here, and not proved.

{alarms}

Persons have {person} pictures in the mean, one person after the other, and differ in their harm. Counted by picture, δ
does not hold: given the past, more than the share β is spoilt while a person of much harm is there. Counted by person
it holds; a person is harmed if any picture is. Where pictures of a person come together, count persons.

![Evidence of single streams](images/watch-evidence.svg)

## Watched: a true alarm comes soon

*How soon is no promise.* Harm is a multiple of the budget, from the start or after a quiet time with a quarter of it.
Verdicts are needed for overrides alone: harmed pictures, and {overridden} of the others. MAPIE's monitor needs a label
for each picture. It is given the same limit and δ. It spends only a quarter of δ on this bound: half is for a reference
set, which a given limit makes needless, and half of the rest for the other side. So it is shown with all of δ, too.

![Pictures until the alarm](images/watch-delays.svg)

Median (quartiles) of {streams:,} streams. Streams without an alarm within {after:,} pictures of the change: {silent}.
With one before it: {early}. Of persons it is the harm of their pictures that is two, three, or five times as large.

{delays}

{mapie}

![Share of streams with an alarm, by harm](images/watch-power.svg)

## Upper bound

*The share of spoilt answers is below the bound, at all times at once, with confidence 1 − δ.*

{bounds}

## Label until certified

*A corrector whose Harm is α or more is certified with chance δ at most, however often one looks.* The fixed design is
the least number of right answers with which the usual test certifies this Harm in half of the cases.
{label_streams:,} streams.

{certified}

## Harm from an audit

*Harm is below the bound, at all times at once, with confidence 1 − 2δ = {audit}.* Of all answers the share π is
drawn at random for a label. The bound is read twelve times. {audit_streams:,} streams.

{audited}

## Warnings without labels

*While pictures are like those of calibration, the chance that a figure of them ever gives a warning is at most δ
= 1 %.* A warning is no certificate. {warning_streams:,} streams.

{warnings}

## Size and cost

{cost}

The time is the least of three medians, on a machine with other work to do.

`python -m benchmarks.watch.run` makes these tables ({commits}; {machine}).
"""
GUARANTEES = """
## Confident and expected

*Confident: Harm is within the budget in all but a share δ of calibrations. Expected: the mean of Harm over
calibrations is within the budget.* {title}.

{table}
"""
ROWS = {
    "independent pictures": "delay_{}x_pictures",
    "after 5,000 quiet pictures": "delay_{}x_after_quiet_5000",
    "after 50,000 quiet pictures": "delay_{}x_after_quiet_50000",
    "verdicts late": "delay_{}x_late",
    "MAPIE": "mapie_delay_{}x_pictures",
    "MAPIE with all of δ": "mapie_all_delay_{}x_pictures",
}
"""Row of the figure of delays → its key among the figures."""


def guarantees(correction: dict[str, Any]) -> str:
    """The section on guarantees over calibrations, if both kinds were measured."""
    title, lines = next(
        (pair for pair in correction["tables"].items() if pair[0].endswith("f and g fixed, δ = 5 %")), ("", [])
    )
    columns = ("budget", "guarantee", "mean n", "over the budget", "mean Harm")
    pooled = [line for line in lines if line.get("certified of") == "pooled" and set(columns) <= set(line)]
    if not pooled:
        return ""
    return GUARANTEES.format(title=title, table=markdown([{name: line[name] for name in columns} for line in pooled]))


def delays(lines: list[dict[str, str]]) -> dict[str, str]:
    """The table of delays with a row for each kind of stream; streams with no alarm, and with one before the change."""
    kinds: dict[str, dict[str, str]] = {}
    for line in lines:
        row = kinds.setdefault(line["streams"], {"streams": line["streams"]})
        row[f"{line['harm']}, pictures"] = line["pictures"]
        row[f"{line['harm']}, verdicts"] = line.get("verdicts", "–")
    silent, early = (sum(int(line[name]) for line in lines) for name in ("no alarm", "before"))
    return {"delays": markdown(list(kinds.values())), "silent": str(silent), "early": str(early)}


def text(result: dict[str, Any], correction: dict[str, Any]) -> str:
    """The page, of the results of the watch and of correction."""
    data, settings = result["data"], result["settings"]
    shares = {name: f"{100 * settings[name]:g} %" for name in ("right", "budget", "delta", "overridden")}
    return TEXT.format(
        **{**settings, **shares},
        streams=data["streams"],
        pictures=data["pictures"],
        guarantees=guarantees(correction),
        alarms=table(result, "Streams with a false alarm"),
        **delays(rows(result, "Until the alarm")),
        after=data["after a change"],
        mapie=table(result, "MAPIE until"),
        bounds=table(result, "Upper bound"),
        certified=table(result, "Label until"),
        label_streams=result["figures"]["false_certificates"]["n"],
        audited=table(result, "Harm of"),
        audit=f"{100 - 200 * settings['delta']:g} %",
        audit_streams=result["figures"]["audit_coverage_2"]["n"],
        warnings=table(result, "Warnings"),
        warning_streams=result["figures"]["shift_false_warnings"]["n"],
        cost=table(result, "Size"),
        commits=", ".join(sorted({part["commit"] for part in result["parts"].values()})),
        machine=machine(result),
    )


def results() -> tuple[dict[str, Any], dict[str, Any]]:
    """The results of the watch and of correction."""
    missing = [name for name in ("watch", "correction") if not (RESULTS / f"{name}.json").exists()]
    if missing:
        raise SystemExit(f"benchmarks/results/ lacks {', '.join(missing)}: run `make bench` first")
    result, correction = (json.loads((RESULTS / f"{name}.json").read_text()) for name in ("watch", "correction"))
    return result, correction


def main() -> None:
    """Write the page and its pictures."""
    result, correction = results()
    figures = result["figures"]
    spreads = [
        (name, {harm: figures[key.format(harm)] for harm in HARMS if key.format(harm) in figures})
        for name, key in ROWS.items()
    ]
    drawings.delays(spreads, IMAGES / "watch-delays.svg")
    drawings.power(rows(result, "Share of streams with an alarm"), IMAGES / "watch-power.svg")
    drawings.evidence(rows(result, "Log evidence"), TURN, IMAGES / "watch-evidence.svg")
    PAGE.write_text(text(result, correction))
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
