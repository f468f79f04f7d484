"""The page of a patch: what it recovers and what it costs, on pictures that neither fitted nor certified it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from mien.deploy.patch import Patch
from mien.metrics.intervals import wilson
from mien.report.common import figures
from mien.report.common.layout import Cell, Panel, Panels, Table, render, undefined
from mien.report.common.run_figures import Number, SeedValue, budget, cell, percent
from mien.types import Floats, Rates, Scores

HARMS = np.linspace(0, 0.1, 101)
"""Where a curve of Gain against Harm is drawn."""
NONE_WRONG = "f had none of them wrong"
NONE_RIGHT = "f had none of them right"


def page(
    patch: Patch, scores: Scores, curves: Mapping[str, Floats], advice: Sequence[str], counts: Mapping[str, int]
) -> str:
    """One self-contained HTML page.

    Parameters
    ----------
    patch, scores : the patch, and what it does on the test part.
    curves : target class → (len(HARMS),) Gain of its corrector alone at each Harm, on the test part.
    advice : what stands in the way, in plain words.
    counts : pictures of each part.
    """
    lost, right = int(scores.harm.hits.sum()), int(scores.harm.totals.sum())
    return render(
        "patch.html",
        title="Correcting " + ", ".join(patch.targets),
        patch=patch,
        won=[_won(scores, patch.classes.index(name), name) for name in patch.targets if name in patch.classes],
        harm=_number(lost, right),
        recalls=(scores.recall_before.mean(), scores.recall_after.mean()),
        advice=advice,
        blocks=(_classes(patch, scores), *_curves(patch, curves), _certificates(patch)),
        pairs=_made(patch, counts),
        assurance=patch.assurance(),
        budget=budget(patch.policy.budget),
        standing="silent" if patch.silent else "certified" if patch.certified.guarantees[0].holds else "not certified",
        percent=percent,
    )


def _number(hits: int, total: int) -> Number:
    low, high = wilson([hits], [total])
    rate = hits / total if total else float("nan")
    return Number((SeedValue(0, rate, f"{hits}/{total}", float(low[0]), float(high[0])),))


def _of(rates: Rates, c: int) -> Number:
    return _number(int(rates.hits[c]), int(rates.totals[c]))


def _won(scores: Scores, c: int, name: str) -> dict[str, object]:
    """What the headline says of a class."""
    return {
        "name": name,
        "before": scores.recall_before.values[c],
        "after": scores.recall_after.values[c],
        "gain": _of(scores.gain, c),
    }


def _classes(patch: Patch, scores: Scores) -> Table:
    """A line for each class."""
    lines = []
    for c, name in enumerate(patch.classes):
        own = name in patch.targets
        lines.append(
            (
                Cell(name, tone="own" if own else ""),
                Cell(str(int(scores.support[c]))),
                cell(_of(scores.recall_before, c)),
                cell(_of(scores.recall_after, c)),
                cell(_of(scores.gain, c), why=NONE_WRONG) if own else undefined("no corrector for this class"),
                cell(_of(scores.harm, c), why=NONE_RIGHT, heat=lambda value: value / 0.2),
                cell(_of(scores.fpr_h, c)),
            )
        )
    head = ("", "Pictures", "Recall before", "after", "Gain", "Harm", "False positives after")
    return Table("On test, class by class", head, lines, heat="harm")


def _curves(patch: Patch, curves: Mapping[str, Floats]) -> list[Panels]:
    """What each corrector alone would recover at every Harm."""
    shown = {name: gains for name, gains in curves.items() if not np.isnan(gains).all()}
    panels = [
        Panel(
            name,
            figures.gain_curves(
                f"curve-{number}",
                [figures.Line(HARMS.tolist(), gains.tolist(), figures.Look(0))],
                [patch.policy.budget],
            ),
        )
        for number, (name, gains) in enumerate(shown.items())
    ]
    caption = "What the score of each class would recover at every Harm, on test; the upright line is the budget"
    return [Panels(panels, [], caption)] if panels else []


def _certificates(patch: Patch) -> Table:
    lines = []
    for one in patch.certified.guarantees:
        if one.holds and patch.approximate:
            verdict = Cell("about", "cross-fitted", "each picture was scored by a corrector that others were fitted on")
        elif one.holds:
            verdict = Cell("certified", "silent" if patch.silent else "", tone="good")
        elif one.feasible:
            verdict = Cell(
                "not certified", title="the threshold in force is lower than it would need to be", tone="quiet"
            )
        else:
            verdict = Cell("not certified", f"needs n = {one.needed}", tone="quiet")
        harmed = Cell(str(one.k)) if one.feasible else undefined("not even none harmed would be enough")
        lines.append((Cell(one.group), Cell(budget(one.budget)), Cell(budget(one.confidence)), Cell(str(one.n)), harmed,
                      verdict))  # fmt: skip
    counted = "Persons or copies, right in" if patch.calibration.grouped else "Right answers of"
    head = (counted, "Budget", "Confidence", "n", "harmed (allowed)", "")
    return Table("Certified on calibrate", head, lines)


def _made(patch: Patch, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """How to make it again."""
    correctors = ", ".join(f"{target}: {name}" for target, name in zip(patch.targets, patch.names, strict=True))
    policy = ", ".join(f"{key} {value}" for key, value in asdict(patch.policy).items())
    pictures = ", ".join(f"{name} {count}" for name, count in counts.items())
    found = [
        ("command", str(patch.about.get("command", ""))), ("made", str(patch.about.get("made", ""))),
        ("correctors", correctors), ("policy", policy), ("pictures", pictures), ("provenance", _provenance(patch)),
        ("classifier", patch.base), ("data", patch.data),
    ]  # fmt: skip
    return [(name, text) for name, text in found if text]


def _provenance(patch: Patch) -> str:
    sources = ", ".join(patch.provenance.sources)
    return patch.provenance.description + (f" ({sources})" if sources else "")
