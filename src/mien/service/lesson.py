"""One lesson from verdicts: a patch fitted on one part, certified on another, compared on what is held out.

docs/learning-from-verdicts.md says why a certificate that is made in this way holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mien.certify.unanswered import count_unanswered
from mien.classifiers.contract import Batch, Classifier
from mien.deploy.calibration_data import CalibrationData
from mien.deploy.fitting import fit_patch
from mien.deploy.patch import Patch
from mien.deploy.patch_io import now
from mien.deploy.predictor import CHUNK, Predictor
from mien.deploy.target_classes import ALL
from mien.deploy.trained_on import base_of
from mien.service.comparison import Comparison, HeldOut, compared
from mien.service.evidence import CALIBRATE, HELD, Evidence
from mien.service.recipe import Recipe
from mien.types import PARTS, Bools, Dataset, Ints, Split

LEAST = 10
"""Fewest pictures from which a class is learnt."""
DRAWS, DATA = SAMPLES = ("draws", "data")
"""What certifies: live pictures that were drawn at random, or labelled data."""


@dataclass(frozen=True)
class Lesson:
    """What was learnt.

    Attributes
    ----------
    words : in a sentence, also where there is no patch.
    patch, comparison : None where it did not come to that. sample : one of SAMPLES, "" for none.
    proposed : whether the patch is certified, and no worse than the one in force.
    better : whether it is also better beyond chance.
    """

    words: str
    patch: Patch | None = None
    comparison: Comparison | None = None
    sample: str = ""
    proposed: bool = False
    better: bool = False


@dataclass(frozen=True)
class _Rows:
    """(N,) which pictures serve for what, and what the certifying ones are a sample of."""

    fit: Bools
    certifying: Bools
    held: Bools
    sample: str


def learn(
    classifier: Classifier,
    in_force: Predictor,
    evidence: Evidence,
    recipe: Recipe,
    since: int = 0,
    say: Callable[[str], object] = lambda stage: None,
) -> Lesson:
    """Fit, certify and compare a patch.

    Parameters
    ----------
    in_force : what the patch is compared with. recipe : how it is made.
    since : draws up to this place in the store certify nothing, see `mien.service.refit.rests_on`.
    say : called with each stage.

    Raises
    ------
    MienError : the corrector cannot be fitted on these pictures.
    """
    certifying, sample, reason = _sample(evidence, recipe, since, classifier)
    if not sample:
        return Lesson(reason)
    held = (evidence.part == HELD) & (evidence.drawn if sample == DRAWS else ~evidence.live)
    if not (held & evidence.answered).any():
        return Lesson("no patch: none of the held-out pictures has a label, so nothing can be compared", sample=sample)
    fit = evidence.answered & (evidence.part != HELD) & ~np.isin(evidence.unit, evidence.unit[certifying])
    rows = _Rows(fit, certifying, held, sample)
    targets, left_out = _targets(evidence, recipe, fit)
    if not targets:
        return Lesson(f"no patch: no class has {LEAST} pictures to learn from", sample=sample)
    patch = _fitted(classifier, evidence, recipe, rows, targets, say)
    missing = int((certifying & ~evidence.answered).sum())
    doubt = (
        f"{missing} of {int(certifying.sum())} pictures drawn at random have no verdict, and those that are overridden"
    )
    doubt = f"{doubt} count as harmed: give verdicts on them" if missing else ""
    if patch is None:
        return Lesson(f"no certificate: {doubt}", sample=sample)
    if patch.silent or not patch.certificate.holds:
        return Lesson("; ".join(filter(None, (f"no patch: {patch.certificate}", doubt))), sample=sample)
    say("comparing")
    comparison = _compared(classifier, in_force, patch, evidence, rows)
    if not comparison.is_no_worse(patch.policy.aim):
        return Lesson(f"no patch: worse than the one in force: {comparison.words}", None, comparison, sample)
    if not (comparison.repaired or comparison.harmed or comparison.open):
        words = f"no patch: it answers as the one in force does on {comparison.pictures} held-out pictures"
        return Lesson(words, None, comparison, sample)
    better = comparison.is_better(patch.policy.aim)
    chance = "" if better else "not better beyond chance"
    rare = f"too few pictures of {', '.join(left_out)}" if left_out else ""
    words = "; ".join(filter(None, (comparison.words, chance, rare, str(patch.certificate))))
    return Lesson(words, patch, comparison, sample, True, better)


def _sample(evidence: Evidence, recipe: Recipe, since: int, classifier: Classifier) -> tuple[Bools, str, str]:
    """(N,) the pictures that certify, what they are a sample of, and why there is none.

    Which sample is taken depends on the number of right answers alone, not on scores.
    """
    part = evidence.part == CALIBRATE
    draws = part & evidence.drawn & evidence.fresh(since)
    labels = evidence.pictures.labels
    known = np.pad(classifier.card.known_mask, (0, len(evidence.pictures.labelset) - len(classifier.card.known_mask)))
    right = draws & evidence.answered & (evidence.base == labels) & known[labels]
    count = len(np.unique(evidence.unit[right]))
    if count >= recipe.needed:
        return draws, DRAWS, ""
    data = part & ~evidence.live
    if data.any():
        return data, DATA, ""
    cause = (
        f"{count} right answers that were drawn at random and have a verdict can certify, and it takes {recipe.needed}"
    )
    return draws, "", f"no certificate: {cause}; verdicts on other pictures are no random sample (--audit, --data)"


def _targets(evidence: Evidence, recipe: Recipe, fit: Bools) -> tuple[tuple[int, ...], list[str]]:
    """Indices of the classes that can be learnt, and the names of those that cannot."""
    names = evidence.pictures.labelset.names
    counts = np.bincount(evidence.pictures.labels[fit], minlength=len(names))
    wanted = [*(names if recipe.targets == (ALL,) else recipe.targets), *recipe.new]
    indices = list(dict.fromkeys(names.index(name) for name in wanted if name in names))
    learnt = tuple(index for index in indices if counts[index] >= LEAST)
    return learnt, [names[index] for index in indices if index not in learnt]


def _fitted(
    classifier: Classifier, evidence: Evidence, recipe: Recipe, rows: _Rows, targets: tuple[int, ...],
    say: Callable[[str], object],
) -> Patch | None:  # fmt: skip
    """The patch, certified whatever the labels of drawn pictures without a verdict are; None where that cannot be."""
    pictures, parts = evidence.pictures, np.full(len(evidence.pictures), PARTS.index("train"))
    for name, mask in (("fit", rows.fit), ("calibrate", rows.certifying)):
        parts[mask] = PARTS.index(name)
    provenance = evidence.live_provenance if rows.sample == DRAWS else evidence.data_provenance
    material = CalibrationData(pictures, Split(pictures.ids, parts, 0), targets, provenance)
    masks = {"learnt_from": rows.fit, "certified_on": rows.certifying, "compared_on": rows.held}
    counts = {name: int((mask & evidence.answered).sum()) for name, mask in masks.items()}
    about = {**recipe.about, "made": now(), "base": base_of(classifier), "verdicts": {**counts, "sample": rows.sample}}
    patch, _ = fit_patch(classifier, material, recipe.settings, recipe.policy, about=about, say=say)
    unanswered = ~evidence.answered[np.flatnonzero(rows.certifying)]
    calibration = count_unanswered(patch.calibration, unanswered, patch.policy, pictures.labelset, patch.known)
    return None if calibration is None else replace(patch, calibration=calibration)


def _compared(classifier: Classifier, in_force: Predictor, patch: Patch, evidence: Evidence, rows: _Rows) -> Comparison:
    """The patch in force beside the new one."""
    held, pictures = np.flatnonzero(rows.held), evidence.pictures
    (base, before), (_, after) = (
        _answers(Predictor(classifier, each), pictures, held) for each in (in_force.patch, patch)
    )
    weights = 1 / evidence.chance[held] if rows.sample == DRAWS else np.ones(len(held))
    units = np.unique(evidence.unit[held], return_inverse=True)[1]
    names, answered = pictures.labelset.names, evidence.answered[held]
    return compared(HeldOut(pictures.labels[held], base, answered, weights, units, names), before, after)


def _answers(predictor: Predictor, pictures: Dataset, rows: Ints) -> tuple[Ints, Ints]:
    """Answers of the classifier and of the corrected one, as if each override gave its class."""
    if predictor.patch is not None:
        policy = replace(predictor.patch.policy, action="relabel")
        predictor = replace(predictor, patch=replace(predictor.patch, policy=policy, restraint=None))
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    decisions = [predictor.answer(Batch.of(pictures, chunk)).decision for chunk in chunks]
    base, final = (np.concatenate([getattr(each, name) for each in decisions]) for name in ("base", "final"))
    return base, final
