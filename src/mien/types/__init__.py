"""What travels between the stages: frozen, checked on construction, NumPy only.

Every integer label is an index into a :class:`LabelSet`, also when a class was left out of training (`known` says so);
-1 is "no usable label". Arrays align by id.
"""

from mien.types.arrays import Bools, Floats, Ints, Texts, check_same_ids, check_unique, digest, texts
from mien.types.containers import as_array
from mien.types.dataset import NO_LABEL, PARTS, Dataset, LabelSet, Problem, Split, fold, plain, row_name, spelling
from mien.types.inputs import (
    as_classes,
    as_counts,
    as_groups,
    as_ids,
    as_known,
    as_labels,
    as_mask,
    as_numbers,
    as_shares,
    without_nan,
)
from mien.types.outputs import ACTIONS, LOG_PROBS, Decision, FeatureRequest, Outputs, Proposal
from mien.types.rates import Rates, Scores
from mien.types.soft_labels import SoftLabels

__all__ = [
    "ACTIONS",
    "LOG_PROBS",
    "NO_LABEL",
    "PARTS",
    "Bools",
    "Dataset",
    "Decision",
    "FeatureRequest",
    "Floats",
    "Ints",
    "LabelSet",
    "Outputs",
    "Problem",
    "Proposal",
    "Rates",
    "Scores",
    "SoftLabels",
    "Split",
    "Texts",
    "as_array",
    "as_classes",
    "as_counts",
    "as_groups",
    "as_ids",
    "as_known",
    "as_labels",
    "as_mask",
    "as_numbers",
    "as_shares",
    "check_same_ids",
    "check_unique",
    "digest",
    "fold",
    "plain",
    "row_name",
    "spelling",
    "texts",
    "without_nan",
]  # fmt: skip
