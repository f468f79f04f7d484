"""A patch: correctors beside one classifier, which stays as it is.

A patch is certified as a whole. The correctors are combined into one (`combine_proposals`), and one set of thresholds
is chosen on the calibration images for the answers of the whole system. `mien.deploy.patch_io` has its files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from mien.certify.calibration_set import CalibrationSet
from mien.certify.combine import combine_proposals
from mien.certify.guarantees import Certified
from mien.certify.policy import Policy, decide
from mien.certify.thresholds import CONFIDENT
from mien.classifiers.borrowing import Encoder
from mien.correctors.contract import Corrector, Target, fitted_targets, weighed_proposal
from mien.data.answer_layout import AnswerColumns
from mien.data.provenance import UNKNOWN, Provenance
from mien.deploy import assurance
from mien.deploy.patch_io import PATCH, PICTURES, REMEDY, corrector_file, write_patch
from mien.deploy.patch_record import PatchRecord, Targets, patch_id, target_names
from mien.deploy.saved_corrector import load_corrector
from mien.deploy.watch_io import Restraint
from mien.errors import UsageError
from mien.storage.files import as_storage_error
from mien.types import Bools, Decision, Outputs, Proposal


@dataclass(frozen=True)
class Certificate:
    """What is guaranteed of a corrected classifier.

    Attributes
    ----------
    holds : at most this share of right answers is lost: with this confidence, or in the mean over calibration sets.
        False where the calibration images do not suffice, where scores were cross-fitted, and where the classifier may
        have been trained on these images.
    kind : one of `mien.certify.thresholds.GUARANTEES`.
    budget, confidence : the share, and 1 − δ (NaN of an expected guarantee).
    n, needed : persons or images with right answers to calibrate on, and how many it takes at least.
    training : whether its training images are "known", "stated" by the user, or "unknown".
    words : all of it as a sentence.
    """

    holds: bool
    budget: float
    confidence: float
    n: int
    needed: int
    training: str
    words: str
    kind: str = CONFIDENT

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Patch:
    """Correctors beside one classifier, under one policy and one certificate.

    Attributes
    ----------
    classes : the K class names; f may know fewer. known : (K,) those that it knows.
    names, correctors : M names as in `--corrector`, and what they name, fitted.
    policy : budget and what an override does.
    calibration : the images that the certificate rests on.
    base, data : fingerprints of the classifier that it is for, and of the pictures that it was made with.
    approximate : whether the calibration scores were cross-fitted, so that the certificate holds only approximately.
    about : for people: how and when it was made.
    provenance : how it is known that the classifier was trained on none of these pictures.
    restraint : what an alarm of its watch put in force; None for nothing.
    unit : "pictures", or "rows" where the classifier reads tables.
    columns : classes and features of the tables that it corrects, where a table is all that is known of the classifier.
    encoders : networks whose features its correctors read beside those of the classifier.
    """

    classes: tuple[str, ...]
    known: Bools
    names: tuple[str, ...]
    correctors: tuple[Corrector, ...]
    policy: Policy
    calibration: CalibrationSet
    base: str
    data: str
    approximate: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)
    provenance: Provenance = Provenance()  # noqa: RUF009 -- frozen
    restraint: Restraint | None = None
    unit: str = PICTURES
    columns: AnswerColumns | None = None
    encoders: tuple[Encoder, ...] = ()

    @cached_property
    def certified(self) -> Certified:
        """The thresholds in force, and what they guarantee."""
        return self.calibration.certify(self.policy, self.classes, self.known)

    @property
    def certificate(self) -> Certificate:
        """The guarantee over all known classes together."""
        pooled, training = self.certified.guarantees[0], self.provenance.kind
        holds = pooled.holds and training != UNKNOWN and not self.approximate
        return Certificate(
            holds, pooled.budget, pooled.confidence, pooled.n, pooled.needed, training, self.assurance(), pooled.kind
        )

    @property
    def silent(self) -> bool:
        """Whether no threshold is in force, so that f's answers stay as they are."""
        return bool(np.isinf(self.certified.thresholds[self.known]).all())

    def assurance(self) -> str:
        """What is certified, and how it is known that no picture was trained on, in a sentence."""
        promised = f"{assurance.promised(self)}; {self.provenance.description}"
        return f"{self.restraint}; {promised}" if self.restraint else promised

    @property
    def targets(self) -> tuple[str, ...]:
        """The target classes, each once, in the order of the correctors; "any" where one suggests all, or none."""
        return target_names(self.corrector_targets)

    @property
    def corrector_targets(self) -> tuple[Targets, ...]:
        """(M,) what each corrector suggests: a class, several, or "any"."""
        return tuple(_named(fitted_targets(corrector), self.classes) for corrector in self.correctors)

    def proposals(self, outputs: Outputs) -> list[Proposal]:
        """One of each corrector; `outputs` in the classes of the patch (`Outputs.padded_to`)."""
        weights = self.calibration.weights
        return [weighed_proposal(corrector, outputs, weights) for corrector in self.correctors]

    def propose(self, outputs: Outputs) -> Proposal:
        """The correctors' proposal as one."""
        return combine_proposals(self.proposals(outputs), outputs.predicted)

    def decide(self, outputs: Outputs, proposal: Proposal | None = None) -> Decision:
        """The corrected system's answers, with scores and thresholds.

        Parameters
        ----------
        outputs : in the classes of the patch (`Outputs.padded_to`).
        proposal : of `propose`, where it is there already.
        """
        base, thresholds, action = outputs.predicted, self.certified.thresholds, self.policy.action
        if self.restraint:
            thresholds, action = self.restraint.applied(thresholds, action)
        if not len(outputs):
            none = np.zeros(0)
            return Decision(outputs.ids, base, base, none.astype(bool), action, none, none)
        proposal = self.propose(outputs) if proposal is None else proposal
        decision = decide(proposal, base, thresholds, action)
        return replace(decision, score=proposal.score, threshold=thresholds[base])

    def merged_with(self, other: Patch) -> Patch:
        """Both as one, with one certificate; the order does not matter. UsageError where they cannot be."""
        mine, theirs = self.calibration, other.calibration
        reasons = {
            "are for different classifiers": self.base != other.base,
            "borrow different features": [each.key for each in self.encoders] != [each.key for each in other.encoders],
            "have different classes": self.classes != other.classes,
            "have different policies": self.policy != other.policy,
            f"were calibrated on different {self.unit}": not np.array_equal(mine.row_keys, theirs.row_keys),
            "were calibrated on different labels": not mine.same_images(theirs),
            "correct the same class": bool(set(self.targets) & set(other.targets)),
            "weigh classes": mine.weights is not None or theirs.weights is not None,
        }
        for cause, holds in reasons.items():
            if holds:
                remedy = "make one patch for both: mien correct BASE DATA --class A --class B"
                raise UsageError(f"the patches {cause}", place=f"{self.targets} and {other.targets}", remedy=remedy)
        return replace(
            self,
            names=self.names + other.names,
            correctors=self.correctors + other.correctors,
            calibration=mine.with_correctors(theirs),
            approximate=self.approximate or other.approximate,
            provenance=self.provenance.combined_with(other.provenance),
        )

    def save(self, folder: Path | str) -> None:
        """Write the folder, see `mien.deploy.patch_io`."""
        states = [corrector.state() for corrector in self.correctors]
        write_patch(Path(folder), self.summary(), self.calibration.arrays(), states)

    @cached_property
    def id(self) -> str:
        """A digest of what it corrects, how, and on which images it is certified."""
        return patch_id(self.classes, self.corrector_targets, self.names, self.policy, self.calibration)

    def summary(self) -> dict[str, Any]:
        """The content of patch.json."""
        return {
            **PATCH.header(self.id),
            "classes": self.classes,
            "known": self.known,
            "correctors": self.names,
            "targets": self.corrector_targets,
            "policy": asdict(self.policy),
            "weights": self.calibration.weights,
            "base": self.base,
            "data": self.data,
            "approximate": self.approximate,
            "thresholds": self.certified.thresholds,
            "certificate": [vars(guarantee) for guarantee in self.certified.guarantees],
            "other_guarantees": [vars(guarantee) for guarantee in self.certified.others],
            "served": None if self.certified.served is None else vars(self.certified.served),
            "provenance": asdict(self.provenance),
            "unit": self.unit,
            "columns": None if self.columns is None else asdict(self.columns),
            "features": [encoder.record for encoder in self.encoders],
            "about": self.about,
        }

    @classmethod
    def load(
        cls, folder: Path | str, make: Callable[[str, Target], Corrector], encoders: tuple[Encoder, ...] = ()
    ) -> Self:
        """Read a patch back.

        Parameters
        ----------
        make : (name, class index or indices) → a corrector as it was before it was fitted, for `restore`.
        encoders : those that it names.

        Raises
        ------
        RunError : it is no patch, is damaged, or was written by a newer version.
        """
        folder = Path(folder)
        record = PatchRecord.read(folder)
        classes, stored = record.classes, record.stored
        with as_storage_error(folder / PATCH.file, REMEDY):
            provenance = Provenance.from_patch(stored)
        correctors = []
        for number, (name, target) in enumerate(zip(record.names, record.targets, strict=True)):
            correctors.append(load_corrector(make(name, _indices(target, classes)), folder / corrector_file(number)))
        return cls(
            classes, record.known, record.names, tuple(correctors), record.policy, record.calibration, stored["base"],
            stored["data"], bool(stored["approximate"]), stored["about"], provenance, unit=record.unit,
            columns=record.columns, encoders=encoders,
        )  # fmt: skip


def _named(targets: tuple[int, ...], classes: Sequence[str]) -> Targets:
    """The names of target classes; "any" for none."""
    names = tuple(classes[target] for target in targets)
    return names if len(names) > 1 else names[0] if names else "any"


def _indices(targets: Targets, classes: Sequence[str]) -> Target:
    """Target classes of a corrector as indices; None for "any"."""
    if isinstance(targets, tuple):
        return tuple(classes.index(name) for name in targets)
    return classes.index(targets) if targets in classes else None
