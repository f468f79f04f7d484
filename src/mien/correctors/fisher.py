"""The external correctors of Gorban and Tyukin: a plane in whitened space for each cluster of the target class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from mien.correctors.base import BaseCorrector
from mien.correctors.contract import State, check_fitted, check_has_positives, target_class
from mien.errors import choice_error
from mien.features import Embedding, patterns
from mien.features.vectors import check_layers
from mien.types import FeatureRequest, Floats, Outputs, Proposal, SoftLabels

RULES = ("kaiser", "broken_stick", "conditioning")
CONDITION = 100.0
PER_CLUSTER = 100


class Fisher(BaseCorrector):
    """Fisher discriminants of clusters in whitened space, with a dispatcher to the nearest one.

    Grechuk, Gorban & Tyukin, *General stochastic separation theorems with optimal bounds* (2021), and *High-dimensional
    separability for one- and few-shot learning* (Entropy 2021, algorithm 1): centre, reduce and whiten on the other
    pictures; cluster those of the class; one discriminant a cluster, w = (Cov_X + Cov_Y)⁻¹ c. One picture is enough:
    its covariance is zero.

    Parameters
    ----------
    target : the target class; by default the one that the classifier was not trained on.
    layers : patterns of the features to learn on.
    components : largest number of principal axes.
    rule : how many of them are kept. "kaiser": those with more than the mean variance; "broken_stick": those with more
        than a piece of a randomly broken stick; "conditioning": those with a hundredth of the largest variance or more.
    clusters : largest number of clusters, of 100 pictures or more. More than one did not help on real faces.
    """

    name = "fisher"
    embedding_: Embedding | None = None
    planes_: dict[str, Floats] | None = None

    def __init__(
        self,
        target: int | None = None,
        layers: Sequence[str] = ("*",),
        components: int = 256,
        rule: str = "kaiser",
        clusters: int = 1,
        random_state: int = 0,
    ) -> None:
        self.target, self.layers, self.components = target, layers, components
        self.rule, self.clusters, self.random_state = rule, clusters, random_state

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(vectors=self.embedding_.layers if self.embedding_ else patterns(self.layers))

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        if self.rule not in RULES:
            raise choice_error("rule", self.rule, RULES, place="fisher")
        self.target_, layers = target_class(outputs, self.target), patterns(self.layers)
        positive = check_has_positives(check_fitted(labels, self.name), self.target_)
        check_layers(outputs, layers)  # before rows are selected, so that the error has their numbers
        whole = Embedding.fit(outputs.take(~positive), layers, self.components)
        axes = count_axes(whole.variances, len(whole.whitening.mean), self.rule)
        self.embedding_ = whole.truncate(axes)
        new = self.embedding_.apply(outputs.take(positive))
        count = max(1, min(self.clusters, len(new) // PER_CLUSTER))
        assigned = KMeans(count, n_init=4, random_state=self.random_state).fit(new).labels_
        centres = np.stack([new[assigned == number].mean(0) for number in range(count)])
        planes = np.stack([_plane(new[assigned == number]) for number in range(count)])
        share = np.bincount(assigned, minlength=count) / (~positive).sum()
        offsets = (planes * centres).sum(1) / 2 - np.log(share)
        self.planes_ = {"centres": centres, "planes": planes, "offsets": offsets}
        return self

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score by the discriminant of the nearest cluster, above its threshold half-way between the two means."""
        planes, embedding = check_fitted(self.planes_, self.name), check_fitted(self.embedding_, self.name)
        vectors = embedding.apply(outputs)
        nearest = ((planes["centres"] ** 2).sum(1) - 2 * vectors @ planes["centres"].T).argmin(1)
        score = (vectors * planes["planes"][nearest]).sum(1) - planes["offsets"][nearest]
        target = target_class(outputs, self.target_)
        return Proposal(outputs.ids, score.astype(np.float64), np.full(len(outputs), target))

    def state(self) -> dict[str, NDArray[Any]]:
        planes, embedding = check_fitted(self.planes_, self.name), check_fitted(self.embedding_, self.name)
        return {**embedding.state(), **planes, "target": np.array(self.target_)}

    def restore(self, state: State) -> Self:
        self.embedding_, self.target_ = Embedding.from_state(state), int(state["target"])
        self.planes_ = {name: state[name] for name in ("centres", "planes", "offsets")}
        clusters = len(self.planes_["offsets"])
        if any(self.planes_[name].shape != (clusters, self.embedding_.axes) for name in ("centres", "planes")):
            raise ValueError("its planes do not fit its embedding")
        return self


def count_axes(variances: Floats, features: int, rule: str) -> int:
    """Number of principal axes of standardised features that a rule keeps, at least 1.

    Parameters
    ----------
    variances : (M,) along the axes, descending. features : D, so that the mean variance is 1.

    Examples
    --------
    >>> [count_axes(np.array([5.0, 2.0, 0.9, 0.04]), 10, rule) for rule in RULES]
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
