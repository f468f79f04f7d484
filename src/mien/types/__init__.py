"""What travels between the stages: frozen, checked on construction, NumPy only.

Every integer label is an index into a :class:`LabelSet`, also when a class was left out of training (`known` says so);
-1 is "no usable label". Arrays align by id.
"""

from mien.types.arrays import Bools, Floats, Ints, Texts, check_same_ids, digest, texts
from mien.types.dataset import NO_LABEL, PARTS, Dataset, LabelSet, Problem, Split, row_name, spelling
from mien.types.outputs import ACTIONS, Decision, Outputs, Proposal, Wanted
from mien.types.rates import Rates, Scores

__all__ = [
    "ACTIONS", "NO_LABEL", "PARTS", "Bools", "Dataset", "Decision", "Floats", "Ints", "LabelSet", "Outputs", "Problem",
    "Proposal", "Rates", "Scores", "Split", "Texts", "Wanted", "check_same_ids", "digest", "row_name", "spelling",
    "texts",
]  # fmt: skip
