"""The external correctors of Gorban and Tyukin: whiten the common, cut off each cluster of the rare by one plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from mien.correctors.contract import Labels, State, check_fitted, check_has_positives, target_class
from mien.errors import choice_error
from mien.features import Embedding, patterns
from mien.features.vectors import check_layers
from mien.types import FeatureRequest, Floats, Outputs, Proposal

RULES = ("kaiser", "broken_stick", "conditioning")
CONDITION = 100.0
PER_CLUSTER = 100


class Fisher:
    """Fisher discriminants of clusters in whitened space, with a dispatcher to the nearest one.

    Grechuk, Gorban & Tyukin, *General stochastic separation theorems with optimal bounds* (2021), and *High-dimensional
    separability for one- and few-shot learning* (Entropy 2021, algorithm 1): centre, reduce and whiten on the other
    pictures; cluster those of the class; one discriminant a cluster, w = (Cov_X + Cov_Y)⁻¹ c. One picture is enough:
    its covariance is zero.

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    layers : patterns of the features to learn on.
    components : principal axes at most; `rule` says how many of them are kept.
    rule : "kaiser" keeps axes with more than the mean variance; "broken_stick" those longer than a randomly broken
        stick's; "conditioning" those with at least a hundredth of the largest.
    clusters : of the class, at most; each has 100 pictures or more. More than one did not help on real faces.
    """

    name = "fisher"

    def __init__(
        self,
        target: int | None = None,
        layers: Sequence[str] = ("*",),
        components: int = 256,
        rule: str = "kaiser",
        clusters: int = 1,
    ) -> None:
        if rule not in RULES:
            raise choice_error("rule", rule, RULES, place="fisher")
        self.target, self.layers, self.components = target, patterns(layers), components
        self.rule, self.clusters = rule, clusters
        self._embedding: Embedding | None = None
        self._planes: dict[str, Floats] | None = None

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(vectors=self.layers)

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Learn from true labels; one picture of the class is enough, none is a DataError."""
        self.target = target_class(outputs, self.target)
        wanted = check_has_positives(outputs, labels, self.target)
        check_layers(outputs, self.layers)  # here, where the rows still have their numbers
        embedding = Embedding.fit(outputs.take(~wanted), self.layers, self.components)
        self._embedding = embedding.truncate(kept(embedding.variances, len(embedding.whitening.mean), self.rule))
        new = self._embedding.apply(outputs.take(wanted))
        count = max(1, min(self.clusters, len(new) // PER_CLUSTER))
        found = KMeans(count, n_init=4, random_state=0).fit(new)
        centres = np.stack([new[found.labels_ == number].mean(0) for number in range(count)])
        planes = np.stack([_plane(new[found.labels_ == number]) for number in range(count)])
        share = np.bincount(found.labels_, minlength=count) / (~wanted).sum()
        offsets = (planes * centres).sum(1) / 2 - np.log(share)
        self._planes = {"centres": centres, "planes": planes, "offsets": offsets}
        return self

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: the discriminant of the nearest cluster, above its threshold half-way between the two means."""
        planes, embedding = check_fitted(self._planes, self.name), check_fitted(self._embedding, self.name)
        vectors = embedding.apply(outputs)
        distances = ((planes["centres"] ** 2).sum(1) - 2 * vectors @ planes["centres"].T).argmin(1)
        score = (vectors * planes["planes"][distances]).sum(1) - planes["offsets"][distances]
        target = target_class(outputs, self.target)
        return Proposal(outputs.ids, score.astype(np.float64), np.full(len(outputs), target))

    def state(self) -> dict[str, NDArray[Any]]:
        planes, embedding = check_fitted(self._planes, self.name), check_fitted(self._embedding, self.name)
        return {**embedding.state(), **planes, "target": np.array(self.target)}

    def restore(self, state: State) -> Self:
        self._embedding = Embedding.from_state(state)
        self._planes = {name: state[name] for name in ("centres", "planes", "offsets")}
        self.layers, self.target = self._embedding.layers, int(state["target"])
        return self


def kept(variances: Floats, features: int, rule: str) -> int:
    """How many principal axes of standardised features a rule keeps, at least 1.

    Parameters
    ----------
    variances : (M,) along the axes, descending. features : D, so that the mean variance is 1.

    Examples
    --------
    >>> [kept(np.array([5.0, 2.0, 0.9, 0.04]), 10, rule) for rule in RULES]
    [2, 2, 3]
    """
    if rule == "kaiser":
        long = variances > 1
    elif rule == "conditioning":
        long = variances > variances[0] / CONDITION
    else:
        pieces = np.cumsum((1 / np.arange(1, features + 1))[::-1])[::-1][: len(variances)] / features
        long = np.logical_and.accumulate(variances / features > pieces)
    return max(1, int(long.sum()))


def _plane(cluster: Floats) -> Floats:
    """w = (I + Cov_Y)⁻¹ c: the others are white."""
    centre = cluster.mean(0)
    around = cluster - centre
    covariance = around.T @ around / len(cluster)
    return np.asarray(np.linalg.solve(np.eye(len(centre)) + covariance, centre))
