"""Calibration images that were drawn at random and have no label: a certificate that holds whatever their labels are.

Who gives labels may leave out just those images that the corrector spoils. An image without a label is harmed only if
f's answer was right and is overridden. So each such image whose score exceeds a threshold in force is counted as a
right answer that is lost at any threshold; one below harms nothing, and is left out.

This is never less strict than the true labels. Let n images be known to be right, and r of the m counted ones be right
as well. The allowed number of harmed grows with n by at most one for each image, since Bin(n + 1, α) ≤ Bin(n, α) + 1.
So at most allowed(n + m) − m + r ≤ allowed(n + r) of the n + r right ones exceed the threshold: as many as with all
labels. For the expected guarantee, ⌊α(n + 1)⌋ − 1 grows as slowly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.types import Bools, LabelSet


def count_unanswered(
    calibration: CalibrationSet, unanswered: Bools, policy: Policy, labelset: LabelSet, known: Bools
) -> CalibrationSet | None:
    """The images with labels, and of the others those that count as lost; None where that leaves nothing certified.

    Parameters
    ----------
    calibration : N images drawn at random. unanswered : (N,) whether an image has no label; its `truth` plays no role.
    policy, labelset, known : as of `CalibrationSet.certify`.

    Examples
    --------
    >>> calibration = CalibrationSet([0] * 200, [0] * 200, np.linspace(-3, 3, 200), [1] * 200)
    >>> given = Policy(0.05, aim="gain"), LabelSet(("joy", "fear")), np.array([True, False])
    >>> float(calibration.certify(*given).thresholds[0].round(2))
    2.88
    >>> counted = count_unanswered(calibration, np.arange(200) == 198, *given)
    >>> len(counted), float(counted.certify(*given).thresholds[0].round(2))
    (200, 2.88)
    >>> count_unanswered(calibration, np.arange(200) > 190, *given) is None
    True
    """
    if unanswered.all():
        return None
    base, joint = calibration.base, calibration.joint
    exceeds = np.where(joint.suggested != base, joint.score, -np.inf)
    above_all = float(calibration.score.max()) + 1  # no threshold that such an image decides is accepted
    counted = np.zeros(len(calibration), bool)
    while True:
        rows = np.flatnonzero(~unanswered | counted)
        lost = counted[rows] & (calibration.suggested[:, rows] != base[rows])
        strict = replace(
            calibration.take(rows),
            truth=np.where(counted, base, calibration.truth)[rows],
            score=np.where(lost, above_all, calibration.score[:, rows]),
        )
        thresholds = strict.certify(policy, labelset, known).thresholds[known]
        more = unanswered & ~counted & (exceeds > thresholds.min())
        if not more.any():
            break
        counted |= more
    return strict if (thresholds[np.isfinite(thresholds)] < above_all).all() else None
