"""When to override: the policy of a corrected classifier, and what it does to the answers.

An answer of f is overridden where the score exceeds the threshold τ. Harm is the share of images that f had right and
the corrected classifier has wrong. With too few calibration images the threshold is +inf and nothing is overridden.
"""

from __future__ import annotations

from dataclasses import dataclass

from mien.certify.thresholds import POOLED
from mien.errors import AlignmentError, choice_error
from mien.settings import setting, validate
from mien.types import ACTIONS, NO_LABEL, Decision, Floats, Ints, Proposal, as_labels, as_numbers, without_nan

SCOPES = ("pooled", "strict", "predicted")
RULES = ("certified", "probability", "balanced_accuracy", "cost")


@dataclass(frozen=True)
class Policy:
    """The largest allowed Harm, its confidence and scope, the rule of the threshold, and the action of an override.

    Parameters
    ----------
    budget : α, the largest allowed Harm.
    delta : δ, the chance that the certificate is wrong.
    scope : "pooled", Harm over all known classes together; "strict", the largest of the classes' thresholds, so Harm of
        each class; "predicted", a threshold for each answer of f, so Harm of each class, all of them at once.
    action : one of ACTIONS: give the suggested class, abstain, or only flag the picture.
    pool_rare : whether "strict" and "predicted" certify the classes with too few pictures together, as one group.
    rule : "certified", or a plain rule without a guarantee: the new class is more probable than `probability`; the best
        balanced accuracy; the least cost, a false override counting as `cost` missed pictures.
    """

    budget: float = setting(
        0.02, "largest allowed Harm: share of right answers that may be lost", within=(1e-6, 1), exclusive=True
    )
    delta: float = setting(0.05, "chance that the certificate is wrong", within=(0, 1), exclusive=True)
    scope: str = setting(POOLED, "whose Harm is certified", choices=SCOPES)
    action: str = setting("relabel", "what an override does", choices=ACTIONS)
    pool_rare: bool = setting(False, "certify classes with too few pictures together")
    rule: str = setting("certified", "how the threshold is chosen; only the first gives a certificate", choices=RULES)
    probability: float = setting(0.5, "with --rule probability: override above it", within=(0, 1), exclusive=True)
    cost: float = setting(
        1.0, "with --rule cost: missed pictures that a false override is worth", within=(0, 1e9), exclusive=True
    )

    def __post_init__(self) -> None:
        validate(self)


def decide(proposal: Proposal, base: Ints, thresholds: Floats | float, action: str = "relabel") -> Decision:
    """Answers of the corrected system: f's answer, or an override where score > threshold for another class.

    Parameters
    ----------
    proposal : scores and suggestions for N pictures. base : (N,) f's answers.
    thresholds : one threshold, or (K,) by f's answer.
    action : one of ACTIONS: "relabel" answers the suggestion, "abstain" −1, "flag" f's answer.
    """
    if action not in ACTIONS:
        raise choice_error("action", action, ACTIONS, place="decide")
    threshold = without_nan(as_numbers(thresholds, "decide: thresholds", ndim=None, finite=False), "decide: thresholds")
    threshold = threshold.astype(float)
    if threshold.ndim > 1:
        cause = f"is of shape {threshold.shape}"
        raise AlignmentError(cause, place="decide: thresholds", remedy="give one threshold, or one for each class")
    base = as_labels(base, "decide: base", len(threshold) if threshold.ndim else None, rows=len(proposal.ids))
    overridden = (proposal.score > (threshold[base] if threshold.ndim else threshold)) & (proposal.suggested != base)
    final = base.copy()
    if action != "flag":
        final[overridden] = proposal.suggested[overridden] if action == "relabel" else NO_LABEL
    return Decision(proposal.ids, base, final, overridden, action)
