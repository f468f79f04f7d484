"""Correct a classifier that is there already: classes that it never saw, or that it knows and mistreats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from mien.certify.combine import NO_OVERRIDE, combine_proposals
from mien.certify.policy import Policy, decide
from mien.certify.promise import Promise, compare_all
from mien.classifiers.borrowing import cost_in_words, open_encoders
from mien.classifiers.contract import Batch, Classifier
from mien.correctors.contract import fitted_targets
from mien.data.prepare import DataSettings
from mien.data.provenance import UNKNOWN
from mien.data.split import group_ids
from mien.deploy.calibration_data import CalibrationData, load_calibration_data
from mien.deploy.fitting import fit_patch
from mien.deploy.patch import Patch
from mien.deploy.patch_io import PICTURES, now
from mien.deploy.settings import CorrectSettings
from mien.deploy.trained_on import base_of
from mien.metrics.classification import accuracy
from mien.metrics.correction import Exchange, exchange, scores
from mien.metrics.ranking import auroc, gain_at_harm, gain_curve
from mien.types import NO_LABEL, Decision, Floats, Ints, Outputs, Proposal, Scores

FEW = 50
"""Labelled pictures of a class below which more are worth more than anything else."""
HANDFUL = 20
"""Below so many, and without votes, `prototypes` has the best AUROC (docs/correctors.md, "How many pictures")."""
MUCH, LEAST = 3, 3
"""Times the budget, and pictures, from which on it is said that one class bears the Harm."""
COST_OF = 32
"""Pictures that the cost of borrowed features is measured on."""
FAINT = 0.6
"""AUROC below which a score hardly tells the class."""


@dataclass(frozen=True)
class Correction:
    """A patch, and what it does to pictures of the test part, which neither fitted nor calibrated it.

    Attributes
    ----------
    patch : see mien.deploy.patch.
    material : the pictures and their parts.
    tested : f's outputs for the test part. proposals : of each corrector for these.
    """

    patch: Patch
    material: CalibrationData
    tested: Outputs
    proposals: tuple[Proposal, ...]

    @cached_property
    def truth(self) -> Ints:
        """(N,) labels of the test part."""
        return self.material.pictures.labels[self.material.parts.rows("test")]

    @cached_property
    def proposal(self) -> Proposal:
        """Of all correctors as one, for the test part."""
        return combine_proposals(self.proposals, self.tested.predicted)

    @cached_property
    def decision(self) -> Decision:
        """The corrected classifier's answers on the test part."""
        return self.patch.decide(self.tested, self.proposal)

    @property
    def answers(self) -> Ints:
        """(N,) answers on the test part as if each override gave its class, also where h only flags or abstains."""
        return np.where(self.decision.overridden, self.proposal.suggested, self.decision.base)

    @cached_property
    def exchange(self) -> Exchange:
        """What each class took and gave on the test part."""
        return exchange(self.truth, self.decision.base, self.answers, len(self.patch.classes))

    @cached_property
    def scores(self) -> Scores:
        """Of f and of the corrected system, on the test part; recall is of what h answers."""
        decision, count = self.decision, len(self.patch.classes)
        result = scores(self.truth, decision.base, self.answers, count)
        return replace(result, recall_after=scores(self.truth, decision.base, decision.final, count).recall_after)

    @property
    def accuracy(self) -> tuple[float, float]:
        """Of f, and of the corrected system, on the test part."""
        return accuracy(self.truth, self.decision.base), accuracy(self.truth, self.decision.final)

    @cached_property
    def promises(self) -> tuple[Promise, ...]:
        """Each guarantee of the patch beside the Harm of its classes on test, in persons or other units."""
        patch, rows = self.patch, self.material.parts.rows("test")
        truth, base, overridden = self.truth, self.tested.predicted, self.decision.overridden
        right = (base == truth) & patch.known[truth]
        groups = group_ids(self.material.pictures)[rows].astype(str)
        promises = compare_all(patch.certified, patch.classes, truth, overridden & right, right, groups)
        if patch.unit == PICTURES:
            return promises
        unit = "groups' right answers" if patch.calibration.grouped else "right answers"
        return tuple(replace(promise, unit=unit) for promise in promises)

    @property
    def promise(self) -> Promise | None:
        """The certificate of the patch beside the Harm on test; None where nothing is certified, or overridden."""
        return None if self.patch.silent or not self.promises[0].guarantee.holds else self.promises[0]

    def _payers(self) -> list[str]:
        """Classes that lose far more than the budget on calibrate, while all together keep it."""
        calibration, patch = self.patch.calibration, self.patch
        lost = decide(calibration.joint, calibration.base, patch.certified.thresholds).overridden & (
            calibration.base == calibration.truth
        )
        sentences = []
        for c in np.flatnonzero(patch.known):
            right = (calibration.base == calibration.truth) & (calibration.truth == c)
            share = lost[right].mean() if right.any() else 0.0
            if share > MUCH * patch.policy.budget and lost[right].sum() >= LEAST:
                sentences.append(
                    f"class {patch.classes[c]} bears most of the harm: {100 * share:.0f} % of its right answers are "
                    f"lost on calibrate; --class-budget {patch.classes[c]}={patch.policy.budget:g} limits this class"
                )
        return sentences

    def _by_class(self, proposals: Sequence[Proposal]) -> Iterator[tuple[int, Proposal]]:
        """Each target class, and the proposal of its corrector."""
        for corrector, proposal in zip(self.patch.correctors, proposals, strict=True):
            for target in fitted_targets(corrector) or self.material.targets:
                yield target, proposal

    def curves(self, harms: Floats) -> dict[str, Floats]:
        """Class → (len(harms),) Gain at each Harm, where this class alone is suggested, on the test part."""
        truth, base = self.truth, self.tested.predicted
        right = (base == truth) & self.patch.known[truth]
        curves = {}
        for target, proposal in self._by_class(self.proposals):
            score = _heard(proposal, base, target)
            missed = (truth == target) & (base != target)
            curves[self.patch.classes[target]] = gain_curve(score, missed, right & (truth != target), harms)
        return curves

    def _limits(self, target: int, proposal: Proposal) -> Iterator[str]:
        """What limits the correction of one class."""
        material, calibration = self.material, self.patch.calibration
        unit, name = material.unit, self.patch.classes[target]
        new, open_to = calibration.truth == target, calibration.base != target
        missed = new & open_to
        right = (calibration.base == calibration.truth) & ~new & self.patch.known[calibration.truth]
        score = _heard(proposal, calibration.base, target)
        area = auroc(score[open_to], new[open_to])
        gain = gain_at_harm(score, missed, right, self.patch.policy.budget)
        chance = 0.5 + 2 * _spread_of_chance(int(missed.sum()), int((open_to & ~new).sum()))
        alone = len(np.unique(proposal.suggested)) == 1  # one of several classes is also passed over for another
        if alone and area < max(FAINT, chance):
            yield (
                f"{name}: the score hardly tells this class from others (AUROC {area:.2f}): correction cannot help "
                "here; the classifier does not see the difference, or the labels do not agree on it"
            )
        elif gain < 0.05:
            more = "; a larger --budget wins more" if alone else ""
            yield f"{name}: at this budget {100 * gain:.0f} % of the missed {unit} would be recovered{more}"

    def _few(self, targets: Sequence[int]) -> list[str]:
        """Classes with few pictures to learn from, in a sentence."""
        material = self.material
        rows = material.parts.rows("correct") if self.patch.approximate else material.to_fit
        counts = np.bincount(material.pictures.labels[rows], minlength=len(self.patch.classes))
        few = [f"{self.patch.classes[target]}: only {counts[target]}" for target in targets if counts[target] < FEW]
        if not few:
            return []
        names = {corrector.name for corrector in self.patch.correctors}
        handful = min(counts[target] for target in targets) < HANDFUL and "prototypes" not in names
        helps = handful and material.unit == PICTURES and material.pictures.targets is None
        better = "; --corrector prototypes learns most from so few" if helps else ""
        return [f"{', '.join(few)} training {material.unit}; aim for {FEW} or more{better}"]

    @cached_property
    def advice(self) -> list[str]:
        """What limits the correction, a sentence each; found on fit and calibrate, not on test."""
        material, unit, sentences = self.material, self.material.unit, list[str]()
        classes = list(self._by_class(self.patch.calibration.proposals))
        limits = [sentence for target, proposal in classes for sentence in self._limits(target, proposal)]
        sentences += limits + self._few([target for target, _ in classes])
        sentences += self._payers()
        if self.patch.provenance.kind == UNKNOWN:
            names = " and ".join(("the classifier", *(encoder.name for encoder in self.patch.encoders)))
            was = "were" if self.patch.encoders else "was"
            sentences.append(
                f"what {names} {was} trained on is unknown: the certificate holds only if none of the calibration "
                f"{unit} was among it"
            )
        return [*sentences, *material.notes]


def _heard(proposal: Proposal, base: Ints, target: int) -> Floats:
    """(N,) the scores, and silence where the suggestion changes nothing, or is another class."""
    other = ~np.isin(proposal.suggested, (target, NO_LABEL))
    return np.where((proposal.suggested == base) | other, NO_OVERRIDE, proposal.score)


def _spread_of_chance(new: int, others: int) -> float:
    """Standard deviation of the AUROC of a score that says nothing (Mann & Whitney, 1947)."""
    return float(np.sqrt((new + others + 1) / (12 * max(1, new) * max(1, others))))


def correct(
    classifier: Classifier,
    data: DataSettings,
    settings: CorrectSettings,
    policy: Policy,
    *,
    command: str = "",
    say: Callable[[str], object] = lambda stage: None,
) -> Correction:
    """Fit correctors for a trained classifier, certify them together, and measure what they do.

    If the data are those of the classifier's own run, its parts are used: f never saw *correct* and *test*. Other data
    are divided again, without the pictures and persons that f was trained on.

    Parameters
    ----------
    classifier : one that reads images; see `mien.classifiers.registry.open_classifier`.
    data : labelled pictures. Their size, colour, resize mode and filter are taken from the classifier.
    settings : the target classes, new ones or known ones, and how they are corrected.
    command : how to make the patch again. say : called with each stage.

    Raises
    ------
    UsageError : an unknown class. DataError : too few pictures of one.
    """
    open_encoders(settings.features, classifier)  # what cannot be used is refused before pictures are read
    say("reading pictures")
    material = load_calibration_data(classifier, data, settings, settings.share_to_fit(policy))
    return correct_on(classifier, material, settings, policy, about={"command": command, "data": asdict(data.stored())},
                      say=say)  # fmt: skip


def correct_on(
    classifier: Classifier,
    material: CalibrationData,
    settings: CorrectSettings,
    policy: Policy,
    *,
    about: Mapping[str, Any],
    say: Callable[[str], object] = lambda stage: None,
) -> Correction:
    """Fit and certify a patch on pictures or rows that were divided already, and measure it on their test part.

    Parameters
    ----------
    material : what the classifier was not trained on, see `load_calibration_data` and
        `mien.deploy.answer_rows.answer_rows`.
    about : for people, kept in the patch with the settings. say : called with each stage.
    """
    say("reading out")
    about = {"made": now(), "settings": asdict(settings.stored()), "base": base_of(classifier), **about}
    patch, store = fit_patch(classifier, material, settings, policy, say=say, about=about)
    tested = material.parts.rows("test")
    outputs = store.seen(tested)
    if patch.encoders:
        cost = cost_in_words(classifier, patch.encoders, Batch.of(material.pictures, tested[:COST_OF]))
        material = replace(material, notes=(*material.notes, cost))
    return Correction(patch, material, outputs, tuple(patch.proposals(outputs)))
