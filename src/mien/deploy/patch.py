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

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from mien.certify.calibration_set import CalibrationSet
from mien.certify.combine import combine_proposals
from mien.certify.guarantees import Certified
from mien.certify.policy import Policy, decide
from mien.correctors.contract import Corrector, fitted_target
from mien.data.provenance import Provenance
from mien.deploy.saved_corrector import load_corrector
from mien.errors import RunError, UsageError
from mien.storage.files import (
    Record,
    as_storage_error,
    read_arrays,
    read_json,
    storage_errors,
    write_arrays,
    write_json,
)
from mien.types import Bools, Decision, Outputs, Proposal, check_unique

FORMAT = 1
REMEDY = "make the patch again with mien correct"


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

    @cached_property
    def certified(self) -> Certified:
        """The thresholds in force, and what they guarantee."""
        return self.calibration.certify(self.policy, self.classes, self.known)

    @property
    def silent(self) -> bool:
        """Whether no threshold is in force, so that f's answers stay as they are."""
        return bool(np.isinf(self.certified.thresholds[self.known]).all())

    def assurance(self) -> str:
        """What is certified, and how it is known that no picture was trained on, in a sentence."""
        return f"{self._promise()}; {self.provenance.description}"

    def _promise(self) -> str:
        """What is certified."""
        pooled = self.certified.guarantees[0]
        share, surety = f"{100 * pooled.budget:g} %", f"{100 * pooled.confidence:g} %"
        counted = f"{pooled.n} {'persons or sets of copies' if self.calibration.grouped else 'pictures'}"
        if self.silent and not pooled.feasible:
            return f"silent: {counted} with right answers cannot certify {share}; {pooled.needed} can"
        if self.silent:
            return "silent: no threshold is safe for every class"
        if self.policy.rule != "certified" and not pooled.holds:
            return f"no certificate: the threshold was chosen by --rule {self.policy.rule}"
        if not pooled.holds:
            return f"not certified over all classes together at {share}: the thresholds in force are too low for that"
        lost = (
            "persons (copies count as one) lose a right answer"
            if self.calibration.grouped
            else "right answers are lost"
        )
        kind = "about (scores are cross-fitted)" if self.approximate else "with"
        return f"certified {kind} {surety} confidence: at most {share} of {lost} ({counted} to calibrate on)"

    @property
    def targets(self) -> tuple[str, ...]:
        """The classes won back, in the order of the correctors; "any" where a corrector suggests all, or none."""
        targets = map(fitted_target, self.correctors)
        return tuple("any" if target is None else self.classes[target] for target in targets)

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
        mine, theirs = self.calibration, other.calibration
        reasons = {
            "are for different classifiers": self.base != other.base,
            "have different classes": self.classes != other.classes,
            "have different policies": self.policy != other.policy,
            "were calibrated on different pictures": not np.array_equal(mine.row_keys, theirs.row_keys),
            "were calibrated on different labels": not mine.same_images(theirs),
            "correct the same class": bool(set(self.targets) & set(other.targets)),
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

    def save(self, folder: Path) -> None:
        """Write the folder, in place of a patch that is there already.

        A killed process leaves the one or the other whole, at worst the older as .NAME.old: the next call puts it back.
        """
        new, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
        with storage_errors(folder):
            if old.exists() and not folder.exists():
                old.rename(folder)
            for left in (new, old):
                remove(left)
            for number, corrector in enumerate(self.correctors):
                write_arrays(new / f"corrector-{number}.npz", **corrector.state())
            write_arrays(new / "calibration.npz", **self.calibration.arrays())
            write_json(new / "patch.json", self.summary())
            if folder.exists() or folder.is_symlink():
                folder.rename(old)
            new.rename(folder)
            remove(old)

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
            policy, provenance = stored["policy"].record(Policy), Provenance.from_patch(stored)
            if known.shape != (len(classes),) or known.dtype != bool or not known.any() or not pairs:
                raise ValueError("known and classes do not fit")
        with as_storage_error(folder / "calibration.npz", REMEDY):
            arrays = read_arrays(folder / "calibration.npz")
            calibration = CalibrationSet.of_arrays(arrays)
            check_unique(calibration.row_keys, "ids")
            if calibration.score.shape[0] != len(pairs) or not len(calibration):
                raise ValueError(f"score has {calibration.score.shape[0]} rows, and there are {len(pairs)} correctors")
        correctors = []
        for number, (name, target) in enumerate(pairs):
            index = classes.index(target) if target in classes else None
            correctors.append(load_corrector(make(name, index), folder / f"corrector-{number}.npz"))
        found = cls(
            classes, known, tuple(stored["correctors"]), tuple(correctors), policy, calibration, stored["base"],
            stored["data"], bool(stored["approximate"]), stored["about"], provenance,
        )  # fmt: skip
        with as_storage_error(folder / "calibration.npz", REMEDY):
            _ = found.certified
        return found


def remove(folder: Path) -> None:
    """Take a folder away, if it is there; of a link, the link."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def read_summary(folder: Path) -> Record:
    """What patch.json says; RunError where it is no patch that this version can read."""
    if not (folder / "patch.json").exists():
        raise RunError("is no patch", place=str(folder), remedy="give the folder that mien correct wrote")
    stored = read_json(folder / "patch.json")
    if not isinstance(stored, Record) or type(stored["format"]) is not int or stored["format"] < 1:
        raise RunError("is no summary of a patch", place=str(folder / "patch.json"), remedy=REMEDY)
    if stored["format"] > FORMAT:
        raise RunError("was written by a newer mien", place=str(folder), remedy="pip install --upgrade mien")
    return stored


def now() -> str:
    """The time, as `about` has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")
