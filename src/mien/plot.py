"""Figures of a corrected classifier, with matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.certify.combine import NO_OVERRIDE
from mien.deploy.corrected import CorrectedClassifier
from mien.deploy.labelled_rows import class_names
from mien.errors import UsageError
from mien.metrics.ranking import gain_curve as gain_at

HARMS = np.linspace(0, 0.1, 101)


def gain_curve(corrected: CorrectedClassifier, X: Any, y: Any, ax: Any = None) -> Any:
    """Draw how many missed rows are recovered, against the right answers that it costs.

    Parameters
    ----------
    corrected : fitted. X, y : rows with labels that it was not fitted on.
    ax : matplotlib axes to draw on; new ones by default.

    Returns
    -------
    The axes.

    Raises
    ------
    UsageError : it has no corrector.
    """
    import matplotlib.pyplot as plt  # here: takes long to load

    if corrected.patch_ is None:
        raise UsageError("has no corrector", place="gain_curve", remedy="fit one, or open it with a patch")
    patch, (outputs, decision) = corrected.patch_, corrected.predictor_.all(X)
    names, proposal = class_names(corrected.classes_), corrected.patch_.propose(outputs)
    truth = np.array([names.index(name) for name in class_names(y)])
    missed = np.isin(truth, [names.index(name) for name in patch.targets if name in names]) & (decision.base != truth)
    vain = (proposal.suggested == decision.base) | (missed & (proposal.suggested != truth))
    right = (decision.base == truth) & patch.known[truth]
    gain = gain_at(np.where(vain, NO_OVERRIDE, proposal.score), missed, right, HARMS)
    if ax is None:
        ax = plt.figure().add_subplot()
    ax.plot(100 * HARMS, 100 * gain, label=", ".join(patch.targets))
    ax.axvline(100 * patch.policy.budget, color="grey", linestyle=":", label="budget")
    ax.set_xlabel("Harm: right answers lost (%)")
    ax.set_ylabel("Gain: missed rows recovered (%)")
    ax.legend()
    return ax
