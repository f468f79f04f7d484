"""A patch: what corrects one classifier, as a small folder beside it. f stays as it is; taking the folder away is all
that it takes to have f back.

    NAME.patch/
      patch.json        classes, correctors, policy, fingerprints, what is known of the training pictures, and for
                        people the certificate (computed again on loading)
      calibration.npz   what each corrector said of the calibration pictures
      corrector-I.npz   what each of them learnt

Nothing in it can run code. A patch is certified as a whole: the correctors speak as one (`together`), and one set of
thresholds is chosen on the calibration pictures for the answers of the system that comes out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from mien.certify.calibration_set import Calibration
from mien.certify.combine import combine_proposals
from mien.certify.policy import Certified, Policy, decide
from mien.correctors.contract import Corrector, load_corrector
from mien.data.provenance import Provenance
from mien.errors import UsageError
from mien.storage.artifact import Artifact
from mien.storage.files import Record, as_storage_error, read_arrays, storage_errors, write_arrays
from mien.storage.folders import appearing
from mien.storage.identity import identity
from mien.types import Bools, Decision, Floats, Ints, LabelSet, Outputs, Proposal, Texts

PATCH = Artifact("patch", "patch.json", 2, "mien correct")
REMEDY = "make the patch again with mien correct"


@dataclass(frozen=True)
class Witness:
    """What the correctors of a patch said of the calibration pictures, which none of them was fitted on.

    Attributes
    ----------
    ids, truth, base, group : (N,) row keys, labels, f's answers, persons.
    score, suggested : (M, N), a row a corrector.
    """

    ids: Texts
    truth: Ints
    base: Ints
    group: Texts
    score: Floats
    suggested: Ints

    @property
    def proposals(self) -> list[Proposal]:
        """One a corrector."""
        return [Proposal(self.ids, *row) for row in zip(self.score, self.suggested, strict=True)]

    def check(self, correctors: int, classes: int) -> None:
        """ValueError unless these are the words of so many correctors about pictures of so many classes."""
        count = (len(self.ids),)
        shapes = {"ids": count, "truth": count, "base": count, "group": count, "score": (correctors, *count),
                  "suggested": (correctors, *count)}  # fmt: skip
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values.shape != shape or (name in ("truth", "base", "suggested") and values.dtype.kind != "i"):
                raise ValueError(f"{name} has shape {values.shape}, not {shape}")
        if len(np.unique(self.ids)) < len(self.ids) or not len(self.ids):
            raise ValueError("ids are not unique")
        if min(self.truth.min(), self.base.min()) < 0 or max(self.truth.max(), self.base.max()) >= classes:
            raise ValueError("a label is no class")
        if self.suggested.min() < -1 or self.suggested.max() >= classes or not np.isfinite(self.score).all():
            raise ValueError("a suggestion is no class, or a score is not finite")

    @property
    def persons(self) -> bool:
        """Whether pictures travel together, so that persons, not pictures, are counted."""
        return len(np.unique(self.group)) < len(self.group)

    def calibration(self) -> Calibration:
        """Of all correctors as one."""
        joint = combine_proposals(self.proposals, self.base)
        return Calibration(joint.score, joint.suggested, self.truth, self.base, self.group)


@dataclass(frozen=True)
class Patch:
    """Correctors beside one classifier, under one policy and one certificate.

    Attributes
    ----------
    classes : the K class names; f may know fewer. known : (K,) those that it knows.
    names, correctors : M names as in `--corrector`, and what they name, fitted.
    policy : budget and what an override does.
    witness : what the certificate rests on.
    base, data : fingerprints of the classifier that it is for, and of the pictures that it was made with.
    approximate : whether the calibration scores were cross-fitted, so that the certificate holds only approximately.
    about : for people: how and when it was made.
    provenance : how it is known that the classifier was trained on none of these pictures.
    """

    classes: tuple[str, ...]
    known: Bools
    names: tuple[str, ...]
    correctors: tuple[Corrector, ...]
    policy: Policy
    witness: Witness
    base: str
    data: str
    approximate: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)
    provenance: Provenance = Provenance()  # noqa: RUF009 -- frozen

    @cached_property
    def certified(self) -> Certified:
        """The thresholds in force, and what they guarantee."""
        return self.witness.calibration().certified(LabelSet(self.classes), self.policy, self.known)

    @property
    def silent(self) -> bool:
        """Whether no threshold is in force, so that f's answers stay as they are."""
        return bool(np.isinf(self.certified.thresholds[self.known]).all())

    def assurance(self) -> str:
        """What is certified, and how it is known that no picture was trained on, in a sentence."""
        return f"{self._promise()}; {self.provenance.words}"

    def _promise(self) -> str:
        """What is certified."""
        pooled = self.certified.guarantees[0]
        share, surety = f"{100 * pooled.budget:g} %", f"{100 * pooled.confidence:g} %"
        counted = f"{pooled.n} {'persons or sets of copies' if self.witness.persons else 'pictures'}"
        if self.silent and not pooled.feasible:
            return f"silent: {counted} with right answers cannot certify {share}; {pooled.needed} can"
        if self.silent:
            return "silent: no threshold is safe for every class"
        if self.policy.rule != "certified" and not pooled.holds:
            return f"no certificate: the threshold was chosen by --rule {self.policy.rule}"
        if not pooled.holds:
            return f"not certified over all classes together at {share}: the thresholds in force are too low for that"
        lost = "persons (copies count as one) lose a right answer" if self.witness.persons else "right answers are lost"
        kind = "about (scores are cross-fitted)" if self.approximate else "with"
        return f"certified {kind} {surety} confidence: at most {share} of {lost} ({counted} to calibrate on)"

    @property
    def targets(self) -> tuple[str, ...]:
        """The classes won back, in the order of the correctors; "any" where a corrector suggests all, or none."""
        return tuple("any" if one.target in (None, -1) else self.classes[one.target or 0] for one in self.correctors)

    def propose(self, outputs: Outputs) -> Proposal:
        """What the correctors suggest, as one."""
        return combine_proposals([corrector.propose(outputs) for corrector in self.correctors], outputs.predicted)

    def decide(self, outputs: Outputs) -> Decision:
        """The corrected system's answers; `outputs` in the classes of the patch."""
        base = outputs.predicted
        if not len(outputs):
            return Decision(outputs.ids, base, base, np.zeros(0, bool), self.policy.action)
        return decide(self.propose(outputs), base, self.certified.thresholds, self.policy.action)

    def merged_with(self, other: Patch) -> Patch:
        """Both as one, with one certificate; the order does not matter. UsageError where they cannot be."""
        mine, theirs = self.witness, other.witness
        reasons = {
            "are for different classifiers": self.base != other.base,
            "have different classes": self.classes != other.classes,
            "have different policies": self.policy != other.policy,
            "were calibrated on different pictures": not np.array_equal(mine.ids, theirs.ids),
            "were calibrated on different labels": not all(
                np.array_equal(getattr(mine, name), getattr(theirs, name)) for name in ("truth", "base", "group")
            ),
            "correct the same class": bool(set(self.targets) & set(other.targets)),
        }
        for cause, holds in reasons.items():
            if holds:
                remedy = "make one patch for both: mien correct BASE DATA --class A --class B"
                raise UsageError(f"the patches {cause}", place=f"{self.targets} and {other.targets}", remedy=remedy)
        score, suggested = (
            np.concatenate([getattr(mine, name), getattr(theirs, name)]) for name in ("score", "suggested")
        )
        return replace(
            self,
            names=self.names + other.names,
            correctors=self.correctors + other.correctors,
            witness=replace(mine, score=score, suggested=suggested),
            approximate=self.approximate or other.approximate,
            provenance=self.provenance.with_other(other.provenance),
        )

    def save(self, folder: Path) -> None:
        """Write the folder, in place of a patch that is there already.

        A killed process leaves the one or the other whole, at worst the older as .NAME.old: the next call puts it back.
        """
        with storage_errors(folder), appearing(folder, stale=0) as new:
            for number, corrector in enumerate(self.correctors):
                write_arrays(new / f"corrector-{number}.npz", **corrector.state())
            write_arrays(new / "calibration.npz", **vars(self.witness))
            PATCH.write(new, self.summary())

    @property
    def id(self) -> str:
        """A digest of what it corrects, how, and by which pictures it is certified."""
        return identity(
            base=self.base, classes=self.classes, targets=self.targets, correctors=self.names, policy=self.policy,
            score=self.witness.score, ids=self.witness.ids,
        )  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """What patch.json says."""
        return {
            **PATCH.header(self.id),
            "classes": self.classes,
            "known": self.known,
            "correctors": self.names,
            "targets": self.targets,
            "policy": asdict(self.policy),
            "base": self.base,
            "data": self.data,
            "approximate": self.approximate,
            "thresholds": self.certified.thresholds,
            "certificate": [vars(guarantee) for guarantee in self.certified.guarantees],
            "provenance": self.provenance.record(),
            "about": self.about,
        }

    @classmethod
    def load(cls, folder: Path, make: Callable[[str, int | None], Corrector]) -> Self:
        """Read a patch back.

        Parameters
        ----------
        make : (name, target) → a corrector as it was before it was fitted, for `restore`.

        Raises
        ------
        RunError : it is no patch, is damaged, or was written by a newer version.
        """
        stored = read_summary(folder)
        with as_storage_error(folder / "patch.json", REMEDY):
            classes, known = tuple(stored["classes"]), np.array(stored["known"])
            pairs = list(zip(stored["correctors"], stored["targets"], strict=True))
            policy, provenance = stored.part("policy").record(Policy), Provenance.of_patch(stored)
            if known.shape != (len(classes),) or known.dtype != bool or not known.any() or not pairs:
                raise ValueError("known and classes do not fit")
        with as_storage_error(folder / "calibration.npz", REMEDY):
            arrays = read_arrays(folder / "calibration.npz")
            witness = Witness(**{one.name: arrays[one.name] for one in fields(Witness)})
            witness.check(len(pairs), len(classes))
        correctors = []
        for number, (name, target) in enumerate(pairs):
            index = classes.index(target) if target in classes else None
            correctors.append(load_corrector(make(name, index), folder / f"corrector-{number}.npz"))
        return cls(
            classes, known, tuple(stored["correctors"]), tuple(correctors), policy, witness, stored["base"],
            stored["data"], bool(stored["approximate"]), stored["about"], provenance,
        )  # fmt: skip


def read_summary(folder: Path) -> Record:
    """What patch.json says; RunError where it is no patch that this version can read."""
    return PATCH.read(folder, REMEDY)


def now() -> str:
    """The time, as `about` has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")
