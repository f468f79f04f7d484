"""Prototypes: a mean for every class and one shrunken covariance, for a class with few pictures or none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.correctors.contract import Target, check_fitted, check_has_positives, target_classes
from mien.correctors.linear import LDA
from mien.correctors.log_odds import Encoding
from mien.types import Floats, Ints, Outputs, SoftLabels

RIDGE = 2.0
"""Share of the mean variance that is added to each axis. Between 1 and 3 the figures hardly differ (calibrate)."""
Examples = tuple[Outputs, Ints]
"""Outputs of pictures, and their (N,) class indices."""


class Prototypes(LDA):
    """The distance to the mean of each class, in a space where the spread within the classes is round.

    All known classes have a mean of their own, so few pictures of the new class are only compared with means that are
    certain. The covariance is shrunk strongly, which costs little with many pictures and wins much with few.

    Faces that are drawn (mien.data.faces) may stand for pictures of the class. Drawn faces look different, so they are
    first moved by what lies between drawn and real means of the other classes. Their mean then counts as much as
    `worth` pictures: it is the mean of a normal prior (Bishop, *Pattern Recognition and Machine Learning*, 2006,
    eq. 2.141).

    Parameters
    ----------
    target : the target class, or several; by default the one that the classifier was not trained on.
    layers, components, error_weight, random_state : see `mien.correctors.on_vectors.OnVectors`.
    drawn : outputs of drawn faces of all classes, and their class indices. With them a class needs no pictures.
    worth : the number of pictures that the drawn faces of a class count for.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat([0, 1, 2], [30, 30, 2])
    >>> features = {"hidden": rng.normal(size=(62, 8)) + 4 * np.eye(8)[labels]}
    >>> outputs = Outputs(None, np.full((62, 3), 0.5) * [1, 1, 0], [True, True, False], features)
    >>> Prototypes().fit(outputs, labels).score(outputs, labels) > 0.9
    True
    """

    name = "prototypes"
    weight_power = 1.0
    whiten = 0.0
    axes = 384

    def __init__(
        self,
        target: Target = None,
        layers: Sequence[str] = ("*",),
        components: int | None = None,
        error_weight: float = 1.0,
        random_state: int = 0,
        drawn: Examples | None = None,
        worth: int = 10,
    ) -> None:
        super().__init__(target, layers, components, "classes", error_weight, random_state)
        self.drawn, self.worth = drawn, worth

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Prototypes:
        labels = check_fitted(labels, self.name)
        self.target_ = target_classes(outputs, self.target)
        targets = np.atleast_1d(self.target_)
        drawn = np.empty(0, int) if self.drawn is None else self.drawn[1]
        # without them, nothing tells how drawn faces differ from real ones
        others = np.setdiff1d(np.intersect1d(labels.indices, drawn), targets)
        if not len(others) or not np.isin(targets, drawn).all():
            check_has_positives(labels, self.target_)
        self._fit_codes(outputs, labels.indices, Encoding("classes", self.error_weight))
        if self.drawn is not None and len(others):
            self._take_in(*self.drawn, np.intersect1d(targets, drawn), others)
        return self

    def _take_in(self, drawn: Outputs, labels: Ints, targets: Ints, others: Ints) -> None:
        """Let the drawn faces of the target classes count as so many pictures.

        Parameters
        ----------
        targets, others : the target classes, and the other classes of which there are pictures and drawn faces.
        """
        learnt, codes = check_fitted(self.learnt_, self.name), self._codes()
        vectors = check_fitted(self.embedding_, self.name).apply(drawn).astype(np.float64)
        means = {code: vectors[labels == code].mean(0) for code in np.union1d(others, targets).tolist()}
        real = learnt["means"][np.searchsorted(codes, others)]
        shift = (real - np.stack([means[code] for code in others.tolist()])).mean(0)
        for code in targets.tolist():
            self._count_as(code, means[code] + shift)
        around = np.concatenate([vectors[labels == code] - mean for code, mean in means.items()])
        learnt = check_fitted(self.learnt_, self.name)
        scatter = learnt["scatter"] + around.T @ around * (learnt["counts"].sum() / len(around))
        self.learnt_ = {**learnt, "scatter": scatter}

    def _count_as(self, code: int, mean: Floats) -> None:
        """Let a mean count as `worth` more pictures of a class."""
        learnt = self._with_code(code)
        place = int(np.searchsorted(self._codes(), code))
        means, counts = learnt["means"].copy(), learnt["counts"].copy()
        means[place] = (counts[place] * means[place] + self.worth * mean) / (counts[place] + self.worth)
        counts[place] += self.worth
        self.learnt_ = {**learnt, "means": means, "counts": counts}

    def _codes(self) -> Ints:
        return np.asarray(self._encoding().codes)

    def _log_shares(self, counts: Ints) -> Floats:
        return np.zeros(len(counts))  # as frequent as each other: few pictures do not tell how rare a class is

    def _covariance(self, scatter: Floats, count: int) -> Floats:
        within = scatter / count
        return np.asarray(within + RIDGE * max(np.trace(within) / len(within), 1e-12) * np.eye(len(within)))
