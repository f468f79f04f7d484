"""Several correctors beside one classifier, as one: the strongest evidence speaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.errors import AlignmentError
from mien.types import Ints, Proposal, as_labels, check_same_ids

SILENT = -1e6
"""Score where nobody suggests another answer than f's."""


def combine_proposals(proposals: Sequence[Proposal], base: Ints) -> Proposal:
    """The suggestion with the highest score of those that differ from f's answer.

    Scores are log-odds, so those of different correctors can be compared. The order of the correctors does not matter:
    of equal scores the suggestion with the lower class index is taken.

    Parameters
    ----------
    proposals : of the same N pictures; at least one.
    base : (N,) f's answers.

    Examples
    --------
    >>> ids = np.array(["a", "b"])
    >>> fear = Proposal(ids, np.array([1.0, 2.0]), np.array([3, 3]))
    >>> anger = Proposal(ids, np.array([2.0, 9.0]), np.array([0, 0]))
    >>> both = combine_proposals([fear, anger], base=np.array([1, 0]))
    >>> both.score.tolist(), both.suggested.tolist()
    ([2.0, 2.0], [0, 3])
    """
    if not proposals:
        raise AlignmentError("there is no corrector", place="together", remedy="give one proposal or more")
    base = as_labels(base, "together: base", rows=len(proposals[0].ids))
    for proposal in proposals[1:]:
        check_same_ids(proposal.ids, proposals[0].ids, "together")
    suggested = np.stack([proposal.suggested for proposal in proposals])  # (M, N)
    score = np.where(suggested != base, [proposal.score for proposal in proposals], -np.inf)
    order = np.lexsort((suggested, -score), axis=0)[0]
    rows = np.arange(len(base))
    chosen = score[order, rows]
    return Proposal(proposals[0].ids, np.maximum(chosen, SILENT), suggested[order, rows])
