"""Warnings without labels: figures of new pictures that no longer look as they did. A warning is no certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.certify.policy import decide
from mien.deploy.patch_record import PatchRecord
from mien.types import Floats
from mien.watch.counted import Counted, Moment, Units
from mien.watch.shift import LEAST, Shift

REFERENCE = 500
"""First pictures that later ones are compared with, for figures that calibration did not keep."""


@dataclass(frozen=True)
class Warned:
    """A figure that no longer looks as it did.

    Attributes
    ----------
    figure : in words. since : when it began to differ. higher : whether it rose.
    reference : the pictures that it is compared with, in words.
    """

    figure: str
    since: Moment
    higher: bool
    reference: str

    def __str__(self) -> str:
        return f"{self.figure}: {'higher' if self.higher else 'lower'} than {self.reference} since {self.since}"


def compare_figures(
    record: PatchRecord, counted: Counted, units: Units, *, silenced: bool = False
) -> tuple[tuple[Warned, ...], tuple[str, ...]]:
    """The figures of a patch's pictures that shifted, and the names of all that were compared.

    They are compared with the calibration pictures; figures that calibration did not keep, with the first pictures of
    the log. Of a person or track, the first picture counts.

    Parameters
    ----------
    silenced : whether an alarm silenced the patch, so that fewer overrides are no surprise.
    """
    calibration = record.calibration
    decision = decide(calibration.joint, calibration.base, record.certified.thresholds)
    columns: list[tuple[str, str, Floats | None]] = [
        ("score of the corrector", "score", calibration.joint.score),
        ("confidence of the classifier", "confidence", calibration.confidence),
        ("distance in its embedding", "distance", None),
    ]
    if not silenced:
        columns.append(("share of overrides", "overridden", decision.overridden.astype(float)))
    warnings, compared = [], []
    for figure, column, reference in columns:
        values = counted.decisions[column][units.rows].astype(float)
        rows, name = np.flatnonzero(~np.isnan(values)), "in calibration"
        if reference is None:
            reference, rows = values[rows[:REFERENCE]], rows[REFERENCE:]
            name = f"in the first {REFERENCE} {record.unit}"
        if len(reference) < LEAST or not len(rows):
            continue
        compared.append(figure)
        shift = Shift.of(reference).updated(values[rows])
        if shift.warned:
            first = rows[max(shift.since, 1) - 1 :]
            higher = _is_higher(values[first], reference)
            warnings.append(Warned(figure, units.moment(int(first[0]) + 1), higher, name))
    return tuple(warnings), tuple(compared)


def _is_higher(values: Floats, reference: Floats) -> bool:
    """Whether most pairs of a value and a reference value have the higher value first."""
    ordered = np.sort(reference)
    ranks = [np.searchsorted(ordered, values, side).mean() for side in ("left", "right")]
    return bool(sum(ranks) > len(ordered))
