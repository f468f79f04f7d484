"""The headline: Gain and Harm of the best corrector, beside retraining."""

from __future__ import annotations

import math

from markupsafe import Markup

from mien.certify.thresholds import POOLED
from mien.experiments.settings import StudySettings
from mien.experiments.tables import PERCENTS
from mien.report.common.layout import Block, Cell, Table, render, section, stack
from mien.report.common.run_figures import (
    Number,
    TableRow,
    budget,
    cell,
    grouped,
    hue,
    mean,
    mean_over_classes,
    names,
    number,
    percent,
    rate,
    ratio,
    rows,
    seconds,
    signed,
)
from mien.report.study.certificates import silent, verdict
from mien.report.study.experiment import NETWORKS, corrector_seconds, training_seconds
from mien.report.study.results import NO_BASE, correctors_best_first
from mien.storage.layout import RETRAINED
from mien.storage.run import Run

DEEDS = {"flag": "flagged", "abstain": "set aside"}  # what an override does where it gives no answer


@section("What was recovered", "result", needs=("summary", "gain"))
def headline(run: Run) -> Markup:
    """The best corrector at its threshold, on test pictures that neither it nor the network learnt from. Best is the
    one that recovers most on calibrate at the Harm of the budget: test pictures select nothing."""
    best = correctors_best_first(run)[0]
    figures, policy = _key_figures(run, best), run.manifest().get("policy", {})
    lead = render(
        "headline.html",
        best=best,
        classes=len({row["left_out"] for row in rows(run, "gain")}),
        figures=figures,
        percent=percent,
        budget=budget,
        cells={name: cell(figure, percent) for name, figure in figures.items()},
        standing=_standing(run, best),
        rare=too_rare(run),
        policy=policy,
        deed=DEEDS.get(policy.get("action"), "recovered"),
        time=_time(run, best),
        level=_level(run),
    )
    return stack(lead, _per_class(run, best), _all_correctors(run))


def too_rare(run: Run) -> str:
    """A sentence on the classes of a study that are too rare to be left out, or an empty text."""
    manifest = run.manifest()
    rare = [str(name) for name in manifest.get("data", {}).get("too_rare", [])]
    if not rare:
        return ""
    least = manifest.get("settings", {}).get("min_pictures", StudySettings.min_pictures)
    return (
        f"Not left out, and in no mean over the left-out classes: {', '.join(rare)}. A class needs {least} pictures, "
        "at least one of them in fit and one in test."
    )


def _key_figures(run: Run, corrector: str) -> dict[str, Number]:
    """Means over the left-out classes of one corrector, fitted on fit: the one whose threshold is in force."""
    summary = rows(run, "summary", corrector=corrector)
    restored = _own_class(run, corrector)
    pooled = grouped(rows(run, "certificates", corrector=corrector, group=POOLED), "left_out")
    gain = _mean_number(summary, "mean_gain")
    full = mean([number(restored[name], "full_recall", bounds=False) for name in restored])
    return {
        "gain": gain,
        "harm": mean([number(pooled[name], "harm", bounds=False) for name in pooled]),  # what the budget is about
        # a mean of P would be dominated by the class that the full network hardly recognises
        "restored": ratio(gain, full),
        "equal": mean_over_classes(
            rows(run, "ranking", corrector=corrector, fitted_on="fit"), f"restored_at_equal_harm_{_level(run)}"
        ),
        "full": full,
    }


def _level(run: Run) -> int:
    """The Harm, in percent, at which correctors are ranked: the one of 1, 2, 5 next to the budget in force."""
    budget = run.manifest().get("policy", {}).get("budget", 0.02)
    return min(PERCENTS, key=lambda percent: abs(math.log(percent / 100) - math.log(budget)))


def _own_class(run: Run, corrector: str) -> dict[str, list[TableRow]]:
    """Rows of `restored` on the left-out classes themselves."""
    table = rows(run, "restored", corrector=corrector)
    return grouped((row for row in table if row["label"] == row["left_out"]), "left_out")


def _standing(run: Run, corrector: str) -> dict[str, int]:
    """How many corrections are certified over all known classes, active without a certificate, or silent.

    Silent ones have too small a calibration part, or no threshold that keeps the budget and helps.
    """
    table = rows(run, "certificates", corrector=corrector, group=POOLED)
    active = [row for row in table if not silent(row)]
    good = sum(bool(row["holds"]) for row in active)
    small = sum(silent(row) and not row["feasible"] for row in table)
    idle = len(table) - len(active) - small
    return {"all": len(table), "certified": good, "small": small, "idle": idle, "active": len(active) - good}


def _time(run: Run, corrector: str) -> dict[str, str]:
    fit, retraining = corrector_seconds(run, corrector).value, training_seconds(run, RETRAINED).value
    if math.isnan(fit) or math.isnan(retraining):
        return {}
    return {"fit": seconds(fit), "retraining": seconds(retraining), "share": percent(fit / retraining)}


def _per_class(run: Run, corrector: str) -> Table:
    """A line per left-out class: recall on a scale beside both references, Gain, Harm, P, certificate."""
    gain = grouped(rows(run, "gain", corrector=corrector), "left_out")
    restored = _own_class(run, corrector)
    pooled = grouped(rows(run, "certificates", corrector=corrector, group=POOLED), "left_out")
    lines = []
    for name in (name for name in names(run, "left_out") if name in gain):
        won = number(gain[name])
        full, again = (number(restored.get(name, []), f"{kind}_recall", bounds=False).value for kind in NETWORKS)
        lines.append(
            (
                Cell(name),
                Cell(render("track.html", won=won.value, range=won.range, full=full, retrained=again), tone="left"),
                cell(won, why="undefined: the test part has no picture of this class"),
                cell(number(pooled.get(name, []), "harm", "harm_hits", "harm_total")),
                cell(number(restored.get(name, []), "restored", hits=""), why=NO_BASE),
                verdict(pooled.get(name, [])),
            )
        )
    key = Cell(render("track_key.html"))
    head = ("Left out", key, "Gain", "Harm, pooled", "Restored share P", "Budget")
    return Table(f"{corrector}, class by class, on the test part", head, lines)


def _all_correctors(run: Run) -> Block:
    """Every corrector at its own threshold, and the networks beside them."""
    summary = grouped(rows(run, "summary"), "corrector")
    columns = (
        ("Gain on calibrate", "selection", rate),
        ("Gain", "mean_gain", rate),
        ("Gain, weighted", "weighted_gain", rate),
        ("Harm, class mean", "mean_harm", rate),
        ("Harm, weighted", "weighted_harm", rate),
        ("ΔFPR", "mean_delta_fpr", signed),
        ("P", "mean_restored", rate),
        ("Macro recall", "macro_recall_h", rate),
    )
    lines = [
        (
            Cell(name, hue=hue(run, "correctors", name)),
            *(cell(_mean_number(summary[name], key), form) for _, key, form in columns),
        )
        for name in correctors_best_first(run)
        if name in summary
    ]
    first = next(iter(summary.values()))
    blank = tuple(Cell("") for _ in columns[1:])
    foot = [
        (Cell(text), *blank, cell(number(first, f"macro_recall_{kind}")))
        for kind, text in (("f", "without correction"), *NETWORKS.items())
    ]
    head = ("Means over the left-out classes", *(title for title, _, _ in columns))
    certifies = run.manifest().get("policy", {}).get("rule", "certified") == "certified"
    thresholds = "certified thresholds" if certifies else "thresholds, chosen by a rule that certifies nothing"
    return Table(f"All correctors at their {thresholds}; best on calibration first", head, lines, foot)


def _mean_number(table: list[TableRow], key: str) -> Number:
    """A mean of the summary; where it is not defined for every class, with the number of those where it is."""
    counts = [(row.get(f"n_{key}"), row.get("n_macro_recall_h")) for row in table]
    return number(table, key).replace(note=["" if defined == most else f"n = {defined}" for defined, most in counts])
