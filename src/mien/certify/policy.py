"""When to override: the policy of a corrected classifier, and what it does to the answers.

An answer of f is overridden where the score exceeds the threshold τ. Harm is the share of images that f had right and
the corrected classifier has wrong. With too few calibration images the threshold is +inf and nothing is overridden.
The budget is a limit, not an aim: of all thresholds that keep it, the one that serves the aim best is in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from mien.certify.aims import AIMS, SPENDS_ALL, Cost, as_number, parse_costs
from mien.certify.thresholds import CONFIDENT, GUARANTEES, POOLED
from mien.errors import AlignmentError, UsageError, choice_error
from mien.settings import setting, validate
from mien.storage.files import Record
from mien.types import ACTIONS, NO_LABEL, Decision, Floats, Ints, LabelSet, Proposal, as_labels, as_numbers, without_nan

SCOPES = ("pooled", "strict", "predicted")
RULES = ("certified", "probability", "balanced_accuracy", "cost")


@dataclass(frozen=True)
class Policy:
    """The largest allowed Harm, what guarantees it, what the threshold is chosen for, and what an override does.

    Parameters
    ----------
    budget : α, the largest allowed Harm.
    delta : δ, the chance that the certificate is wrong.
    scope : "pooled", Harm over all known classes together; "strict", the largest of the classes' thresholds, so Harm of
        each class; "predicted", a threshold for each answer of f, so Harm of each class, all of them at once.
    action : one of ACTIONS: give the suggested class, abstain, or only flag the picture.
    pool_rare : whether "strict" and "predicted" certify the classes with too few pictures together, as one group.
    guarantee : one of GUARANTEES, the kind that is in force: "confident", Harm keeps the budget with confidence 1 − δ;
        "expected", the mean of Harm over calibration sets keeps it.
    aim : one of AIMS, what the threshold is chosen for among those that keep the budget.
    costs : with aim "cost", such as "fear>neutral=5": what the answer neutral costs where fear is right.
    class_budget : such as "surprise=0.05": largest allowed Harm of single classes. The answers of a class with too few
        calibration images for its budget are never overridden.
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

    guarantee: str = setting(
        CONFIDENT, "whether Harm keeps the budget with confidence, or in the mean over calibration sets",
        choices=GUARANTEES, later=True,
    )  # fmt: skip
    aim: str = setting(
        AIMS[0], "what the threshold serves, within the budget; gain spends all of it on the class", choices=AIMS
    )
    costs: tuple[str, ...] = setting(
        (), "with --aim cost: what wrong answers cost, TRUTH>ANSWER=COST; 1 where it is not said", later=True
    )
    class_budget: tuple[str, ...] = setting((), "largest allowed harm of single classes, NAME=SHARE", later=True)

    def __post_init__(self) -> None:
        validate(self)
        for name in ("costs", "class_budget"):  # JSON has lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.costs and self.aim != "cost":
            raise UsageError(f"the aim is {self.aim}", place="--costs", remedy="give --aim cost as well")
        parse_costs(self.costs)
        _ = self.class_budgets

    @classmethod
    def of_stored(cls, stored: Record) -> Self:
        """The policy in a file. Those of earlier versions have no aim: they spend the whole budget."""
        return Record({"aim": SPENDS_ALL, **stored}, stored.path).record(cls)

    @property
    def cost_matrix(self) -> tuple[Cost, ...]:
        """The costs as (label, answer, cost)."""
        return parse_costs(self.costs)

    @property
    def class_budgets(self) -> Mapping[str, float]:
        """Class → its own budget; UsageError where one is no share."""
        budgets = {}
        for text in self.class_budget:
            name, _, share = text.rpartition("=")
            if not name.strip() or not 0 < as_number(share) < 1:
                remedy = "write NAME=SHARE, such as surprise=0.05"
                raise UsageError(f"{text!r} is no budget of a class", place="--class-budget", remedy=remedy)
            budgets[name.strip()] = float(share)
        return budgets

    def check_classes(self, labelset: LabelSet) -> None:
        """Refuse a budget or a cost of an unknown class by a UsageError, before anything is fitted."""
        for name in self.class_budgets:
            labelset.index(name, place="--class-budget")
        for truth, answer, _ in self.cost_matrix:
            for name in (truth, answer):
                labelset.index(name, place="--costs")


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
