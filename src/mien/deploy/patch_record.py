"""What the files of a patch hold beside the fitted correctors: enough to certify it and to watch it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from mien.certify.calibration_set import CalibrationSet
from mien.certify.guarantees import Certified
from mien.certify.policy import Policy
from mien.data.answer_layout import AnswerColumns
from mien.deploy.patch_io import CALIBRATION, PATCH, PICTURES, REMEDY, UNITS
from mien.storage.files import Record, as_storage_error, read_arrays
from mien.storage.identity import identity
from mien.types import Bools, check_unique

Targets = str | tuple[str, ...]
"""What a corrector suggests: a class, one of several, or "any"."""


@dataclass(frozen=True)
class PatchRecord:
    """A patch without its correctors.

    Attributes
    ----------
    classes : the K class names. known : (K,) those that f was trained on.
    names, targets : M names of correctors, and what each suggests.
    policy, calibration : what the thresholds follow from. stored : the content of patch.json.
    unit, columns : as a `Patch` has them.
    """

    classes: tuple[str, ...]
    known: Bools
    names: tuple[str, ...]
    targets: tuple[Targets, ...]
    policy: Policy
    calibration: CalibrationSet
    stored: Record
    unit: str = PICTURES
    columns: AnswerColumns | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record of a patch; RunError where it is none, is damaged, or was written by a newer version."""
        stored = PATCH.read(folder, REMEDY)
        with as_storage_error(folder / PATCH.file, REMEDY):
            classes, known = tuple(stored["classes"]), np.array(stored["known"])
            targets = tuple(_targets(each, classes) for each in stored["targets"])
            pairs = list(zip(stored["correctors"], targets, strict=True))
            policy = Policy.of_stored(stored.part("policy"))
            if known.shape != (len(classes),) or known.dtype != bool or not known.any() or not pairs:
                raise ValueError("known and classes do not fit")
            unit = stored.get("unit", PICTURES)  # earlier versions corrected pictures alone
            if unit not in UNITS:
                raise ValueError(f"unit is {unit!r}")
            columns = stored.part("columns").record(AnswerColumns) if stored.get("columns") is not None else None
        with as_storage_error(folder / CALIBRATION, REMEDY):
            calibration = CalibrationSet.of_arrays(read_arrays(folder / CALIBRATION))
            check_unique(calibration.row_keys, "ids")
            calibration.check_classes(len(classes))
            weights = stored.get("weights")  # earlier versions had none
            if not np.array_equal(np.asarray(weights), np.asarray(calibration.weights)):
                raise ValueError("its weights are not those of patch.json")
            if calibration.score.shape[0] != len(pairs) or not len(calibration):
                raise ValueError(f"score has {calibration.score.shape[0]} rows, and there are {len(pairs)} correctors")
        return cls(
            classes, known, tuple(stored["correctors"]), targets, policy, calibration, stored, unit, columns,
        )  # fmt: skip

    @cached_property
    def certified(self) -> Certified:
        """The thresholds in force, and what they guarantee."""
        return self.calibration.certify(self.policy, self.classes, self.known)

    @property
    def approximate(self) -> bool:
        """Whether scores were cross-fitted."""
        return bool(self.stored["approximate"])

    @property
    def silent(self) -> bool:
        """Whether no threshold is in force."""
        return bool(np.isinf(self.certified.thresholds[self.known]).all())

    @cached_property
    def id(self) -> str:
        """The id of the patch, as its decisions have it."""
        return patch_id(self.classes, self.targets, self.names, self.policy, self.calibration)


def target_names(targets: Sequence[Targets]) -> tuple[str, ...]:
    """The target classes of all correctors, each once.

    >>> target_names(["fear", ("anger", "fear")])
    ('fear', 'anger')
    """
    names = (each if isinstance(each, tuple) else (each,) for each in targets)
    return tuple(dict.fromkeys(name for group in names for name in group))


def _targets(stored: object, classes: Sequence[str]) -> Targets:
    """What a corrector suggests, as patch.json has it; ValueError where it is no class."""
    if isinstance(stored, str):
        return stored
    if not isinstance(stored, list) or not stored or any(name not in classes for name in stored):
        raise ValueError("targets are no classes")
    return tuple(stored)


def patch_id(
    classes: Sequence[str],
    targets: Sequence[Targets],
    names: Sequence[str],
    policy: Policy,
    calibration: CalibrationSet,
) -> str:
    """A digest of what a patch corrects, how, and on which images it is certified.

    The classifier is known by the scores that its images have. Its identity is written otherwise by each version.
    """
    return identity(
        classes=classes, targets=targets, correctors=names, policy=policy,
        score=calibration.score, ids=calibration.row_keys,
    )  # fmt: skip
