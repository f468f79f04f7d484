"""The page of a patch: what it recovers and what it costs, on pictures or rows that neither fitted nor certified it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from markupsafe import Markup

from mien.certify.aims import AIM_WORDS, SPENDS_ALL
from mien.certify.promise import Promise
from mien.certify.thresholds import Guarantee
from mien.data.columns import shown
from mien.deploy.correction import Correction
from mien.deploy.patch import Patch
from mien.deploy.patch_io import PICTURES
from mien.metrics.intervals import wilson
from mien.report.common import figures
from mien.report.common.layout import Cell, Table, panels, render, undefined
from mien.report.common.run_figures import Number, SeedValue, budget, cell, percent
from mien.types import Floats, Rates, Scores

HARMS = np.linspace(0, 0.1, 101)
"""Where a curve of Gain against Harm is drawn."""
FEW = 3
"""Target classes up to which each is named in the headline."""
NONE_WRONG = "f had none of them wrong"
NONE_RIGHT = "f had none of them right"


def page(correction: Correction) -> str:
    """Render the page of a patch, with its figures on the test part, as one self-contained HTML file."""
    patch, scores = correction.patch, correction.scores
    few = len(patch.targets) <= FEW
    lost, right = int(scores.harm.hits.sum()), int(scores.harm.totals.sum())
    curves = _curves(patch, correction.curves(HARMS))
    return render(
        "patch.html",
        title="Correcting " + (", ".join(patch.targets) if few else f"{len(patch.targets)} classes"),
        few=few,
        patch=patch,
        won=[_won(scores, patch.classes.index(name), name) for name in patch.targets if name in patch.classes],
        harm=_number(lost, right),
        recalls=(scores.recall_before.mean(), scores.recall_after.mean()),
        accuracy=correction.accuracy,
        advice=correction.advice,
        blocks=(_classes(patch, scores), *_exchange(correction), *curves, _certificates(correction)),
        pairs=_made(patch, counted(correction)),
        assurance=patch.assurance(),
        budget=budget(patch.policy.budget),
        standing="silent" if patch.silent else "certified" if patch.certified.guarantees[0].holds else "not certified",
        promise=correction.promise,
        aim=aim_words(patch),
        percent=percent,
    )


def counted(correction: Correction) -> dict[str, int]:
    """Pictures or rows of each part, and those left out because of what the classifier was trained on."""
    provenance = correction.material.provenance
    use = "only to learn from" if correction.material.fit_trained_on else "left out"
    return {**correction.material.counts, f"trained on, {use}": provenance.pictures + provenance.persons}


def _number(hits: int, total: int) -> Number:
    low, high = wilson([hits], [total])
    rate = hits / total if total else float("nan")
    return Number((SeedValue(0, rate, f"{hits}/{total}", float(low[0]), float(high[0])),))


def _of_class(rates: Rates, c: int) -> Number:
    return _number(int(rates.hits[c]), int(rates.totals[c]))


def _won(scores: Scores, c: int, name: str) -> dict[str, object]:
    """Recall before and after, and Gain, of a target class, for the headline."""
    return {
        "name": name,
        "before": scores.recall_before.values[c],
        "after": scores.recall_after.values[c],
        "gain": _of_class(scores.gain, c),
    }


def _classes(patch: Patch, scores: Scores) -> Table:
    lines = []
    for c, name in enumerate(patch.classes):
        is_target = name in patch.targets
        lines.append(
            (
                Cell(name, tone="own" if is_target else ""),
                Cell(str(int(scores.support[c]))),
                cell(_of_class(scores.recall_before, c)),
                cell(_of_class(scores.recall_after, c)),
                cell(_of_class(scores.gain, c), why=NONE_WRONG)
                if is_target
                else undefined("no corrector for this class"),
                cell(_of_class(scores.harm, c), why=NONE_RIGHT, heat=lambda value: value / 0.2),
                cell(_of_class(scores.fpr_h, c)),
            )
        )
    head = ("", patch.unit.capitalize(), "Recall before", "after", "Gain", "Harm", "False positives after")
    return Table("On test, class by class", head, lines, heat="harm")


def _exchange(correction: Correction) -> list[Table]:
    """What each class took and gave, where several classes are suggested."""
    patch, moved = correction.patch, correction.exchange
    if len(patch.targets) < 2:
        return []
    lines = []
    for c, name in enumerate(patch.classes):
        counts = [int(column[c]) for column in (moved.taken, moved.won, moved.given, moved.lost)]
        balance = counts[1] - counts[3]
        tone = "good" if balance > 0 else "bad" if balance < 0 else "quiet"
        lines.append(
            (Cell(name), *(Cell(str(count)) for count in counts), Cell(f"{balance:+d}" if balance else "0", tone=tone))
        )
    head = ("", "took", "right now", "gave", "had been right", "right answers")
    spans = (("", 1), ("Answers that became this class", 2), ("Answers of this class that changed", 2), ("Balance", 1))
    return [Table("What each class took and gave, on test", head, lines, spans=spans)]


def _curves(patch: Patch, curves: Mapping[str, Floats]) -> list[Markup]:
    """Figures of the Gain that each corrector alone would have at every Harm, (len(HARMS),) per target class."""
    shown = {name: gains for name, gains in curves.items() if np.nan_to_num(gains).any()}
    drawn = []
    for number, (name, gains) in enumerate(shown.items()):
        line = figures.Line(HARMS.tolist(), gains.tolist(), figures.Look(0))
        drawn.append((name, figures.gain_curves(f"curve-{number}", [line], [patch.policy.budget])))
    caption = "What the score of each class would recover at every Harm, on test; the upright line is the budget"
    return [panels(caption, drawn)] if drawn else []


def _certificates(correction: Correction) -> Table:
    patch, lines = correction.patch, []
    for promise in correction.promises:
        guarantee, other = promise.guarantee, patch.certified.other(promise.guarantee.group)
        lines.append(
            (
                Cell(guarantee.group),
                Cell(budget(guarantee.budget)),
                Cell(str(guarantee.n)),
                _allowed(guarantee),
                _verdict(patch, guarantee),
                standing(promise) if guarantee.holds and not patch.silent else undefined("nothing is promised"),
                undefined("this group is not rare for that kind") if other is None else _allowed(other),
                Cell("") if other is None else _verdict(patch, other),
            )
        )
    in_force, beside = patch.certified.guarantees[0], patch.certified.others[0]
    people = "Persons" if patch.unit == PICTURES else "Groups"
    counted = f"{people} or copies, right in" if patch.calibration.grouped else "Right answers of"
    head = (counted, "Budget", "n", "harmed (allowed)", "", "on test", "harmed (allowed)", "")
    spans = (("", 3), (f"{in_force.kind}, in force", 3), (f"{beside.kind}, for comparison", 2))
    caption = (
        f"Certified on calibrate. Confident: Harm keeps the budget with {budget(1 - patch.policy.delta)} confidence. "
        "Expected: its mean over calibrations does"
    )
    return Table(caption, head, lines, spans=spans)


def standing(promise: Promise) -> Cell:
    """Whether a promise was kept on test, with the counts."""
    tone = {"kept": "good", "broken": "bad"}.get(promise.standing, "")
    return Cell(promise.standing, f"{promise.hits}/{promise.total}", promise.words, tone=tone)


def _allowed(guarantee: Guarantee) -> Cell:
    if not guarantee.feasible:
        return undefined("too few to certify the budget, even if none of them is harmed")
    return Cell(str(guarantee.k))


def _verdict(patch: Patch, guarantee: Guarantee) -> Cell:
    if guarantee.holds and patch.approximate:
        why = f"each of the {patch.unit} was scored by a corrector that was fitted on others"
        return Cell("approximate", "cross-fitted", why)
    if guarantee.holds:
        return Cell("certified", "silent" if patch.silent else "", tone="good")
    if not patch.silent and patch.certified.left_alone(guarantee.group, patch.classes):
        why = f"too few {patch.unit} to certify its budget, which takes {guarantee.needed}"
        return Cell("left alone", "never overridden", why, tone="good")
    if guarantee.feasible:
        return Cell("not certified", title="the threshold in force is lower than it would need to be", tone="quiet")
    return Cell("not certified", f"needs n = {guarantee.needed}", tone="quiet")


def aim_words(patch: Patch) -> str:
    """What the thresholds were chosen for, and what they do for it on calibrate."""
    served = patch.certified.served
    if served is None:
        return ""
    if served.aim == SPENDS_ALL:
        return "The threshold spends the whole budget on the target class."
    words = f"Within the budget the threshold was chosen for {AIM_WORDS[served.aim]}"
    return f"{words}: {served.before:.3f} → {served.after:.3f} on the calibration {patch.unit}."


def _made(patch: Patch, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """(title, text) of what is needed to make the patch again."""
    correctors = ", ".join(
        f"{', '.join([target] if isinstance(target, str) else target)}: {name}"
        for target, name in zip(patch.corrector_targets, patch.names, strict=True)
    )
    policy = ", ".join(f"{key} {value}" for key, value in asdict(patch.policy).items())
    parts = ", ".join(f"{name} {count}" for name, count in counts.items())
    sources = ", ".join(patch.provenance.sources)
    provenance = patch.provenance.description + (f" ({sources})" if sources else "")
    features = "; ".join(f"{each.name} ({each.id}), which reads {each.inputs}" for each in patch.encoders)
    pairs = [
        ("command", str(patch.about.get("command", ""))), ("made", str(patch.about.get("made", ""))),
        ("correctors", correctors), ("policy", policy), (patch.unit, parts), ("provenance", provenance),
        ("classifier", patch.base), ("features of", features), ("data", patch.data), *_columns(patch),
    ]  # fmt: skip
    return [(title, text) for title, text in pairs if text]


def _columns(patch: Patch) -> list[tuple[str, str]]:
    """(title, text) of the tables that a patch corrects."""
    if patch.columns is None:
        return []
    vectors = "; ".join(f"{name}: {shown(titles, most=20)}" for name, titles in patch.columns.vectors)
    return [("name of the classifier", shown([patch.columns.name])), ("columns", vectors or "the answers alone")]
