"""A patch: what corrects one classifier, as a small folder beside it. f stays as it is; taking the folder away is all
that it takes to have f back.

    NAME.patch/
      patch.json        classes, correctors, policy, fingerprints, and for people the certificate (made anew on loading)
      calibration.npz   what each corrector said of the calibration pictures
      corrector-I.npz   what each of them learnt

Nothing in it can run code. A patch is certified as a whole: the correctors speak as one (`together`), and one set of
thresholds is chosen on the calibration pictures for the answers of the system that comes out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from mien.correctors.calibration import Calibration
from mien.correctors.contract import Corrector, restored
from mien.correctors.policy import Certified, Policy, decide
from mien.correctors.together import together
from mien.errors import RunError, UsageError
from mien.runs import Stored, read_arrays, read_json, write_arrays, write_json
from mien.types import Bools, Decision, Floats, Ints, LabelSet, Outputs, Proposal, Texts

FORMAT = 1
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

    def calibration(self) -> Calibration:
        """Of all correctors as one."""
        joint = together(self.proposals, self.base)
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

    @cached_property
    def certified(self) -> Certified:
        """The thresholds in force, and what they guarantee."""
        return self.witness.calibration().certified(LabelSet(self.classes), self.policy, self.known)

    @property
    def targets(self) -> tuple[str, ...]:
        """The classes won back, in the order of the correctors; "any" where a corrector suggests all, or none."""
        return tuple("any" if one.target in (None, -1) else self.classes[one.target or 0] for one in self.correctors)

    def propose(self, outputs: Outputs) -> Proposal:
        """What the correctors suggest, as one."""
        return together([corrector.propose(outputs) for corrector in self.correctors], outputs.predicted)

    def decide(self, outputs: Outputs) -> Decision:
        """The corrected system's answers; `outputs` in the classes of the patch."""
        base = outputs.predicted
        if not len(outputs):
            return Decision(outputs.ids, base, base, np.zeros(0, bool), self.policy.action)
        return decide(self.propose(outputs), base, self.certified.thresholds, self.policy.action)

    def require(self, base: str, place: str) -> None:
        """RunError unless this patch was made for the classifier with this fingerprint."""
        if base != self.base:
            raise RunError(
                "was made for another classifier", place=place,
                remedy="name the classifier that it was made for, or make one for this with mien correct",
            )  # fmt: skip

    def joined(self, other: Patch) -> Patch:
        """Both as one, with one certificate; the order does not matter. UsageError where they cannot be."""
        mine, theirs = self.witness, other.witness
        reasons = {
            "are for different classifiers": self.base != other.base,
            "have different classes": self.classes != other.classes,
            "have different policies": self.policy != other.policy,
            "were calibrated on different pictures": not np.array_equal(mine.ids, theirs.ids),
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
        )

    def save(self, folder: Path) -> None:
        """Write the folder; patch.json comes last."""
        for number, corrector in enumerate(self.correctors):
            write_arrays(folder / f"corrector-{number}.npz", **corrector.state())
        write_arrays(folder / "calibration.npz", **vars(self.witness))
        write_json(folder / "patch.json", self.summary())

    def summary(self) -> dict[str, Any]:
        """What patch.json says."""
        return {
            "format": FORMAT,
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
        classes = tuple(stored["classes"])
        try:
            witness = Witness(**read_arrays(folder / "calibration.npz"))
        except TypeError:
            raise RunError(
                "does not hold what it should", place=str(folder / "calibration.npz"), remedy=REMEDY
            ) from None
        correctors = []
        for number, (name, target) in enumerate(zip(stored["correctors"], stored["targets"], strict=True)):
            index = classes.index(target) if target in classes else None
            correctors.append(restored(make(name, index), folder / f"corrector-{number}.npz"))
        return cls(
            classes, np.array(stored["known"], bool), tuple(stored["correctors"]), tuple(correctors),
            stored["policy"].record(Policy), witness, stored["base"], stored["data"], bool(stored["approximate"]),
            stored["about"],
        )  # fmt: skip


def read_summary(folder: Path) -> Stored:
    """What patch.json says; RunError where it is no patch that this version can read."""
    if not (folder / "patch.json").exists():
        raise RunError("is no patch", place=str(folder), remedy="give the folder that mien correct wrote")
    stored = read_json(folder / "patch.json")
    if not isinstance(stored, Stored) or not isinstance(stored["format"], int):
        raise RunError("is no summary of a patch", place=str(folder / "patch.json"), remedy=REMEDY)
    if stored["format"] > FORMAT:
        raise RunError("was written by a newer mien", place=str(folder), remedy="pip install --upgrade mien")
    return stored


def now() -> str:
    """The time, as `about` has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")
