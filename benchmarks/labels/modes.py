"""The ways to find wrong labels, each scored against FER+'s votes; see labels.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score
from sklearn.mixture import GaussianMixture

from benchmarks.common import Figure
from benchmarks.labels.clusters import cluster_beliefs
from benchmarks.labels.fer_labels import Truth
from benchmarks.labels.repair import relabelled
from benchmarks.labels.tasks import FOLDS, Task, out_of_fold, voted_shares
from mien.data.split import group_ids
from mien.labels.review_queue import acquisition_score, interleave_random
from mien.labels.reviewed import learn_from_reviews, learn_from_votes
from mien.labels.suspects import Suspects, suspects
from mien.metrics.calibration import Reliability, plurality_reliability, temperature, tempered, vote_reliability
from mien.storage.files import read_arrays, read_json
from mien.types import NO_LABEL, Bools, Dataset, Floats, Ints, Texts
from mien.uncertainty import entropy

REVIEWS = 1000
DRAWS, QUICK_DRAWS = 200, 10
"""Of the bootstrap."""
CURVE = (50, 100, 250, 500, 1000, 2000, 4000)
"""Numbers of reviews."""
AXES = 64
"""Principal axes of pixels."""
Line = dict[str, object]


KEYS = ("auroc", "ap", "within_auroc")


def measures(score: Floats, labels: Ints, truth: Truth, rows: Ints) -> tuple[float, ...]:
    """KEYS of some rows: AUROC, average precision and mean AUROC within given classes."""
    y, s, given = (truth.label != labels)[rows], score[rows], labels[rows]
    within = [roc_auc_score(y[given == c], s[given == c]) for c in np.unique(given) if 0 < y[given == c].mean() < 1]
    return roc_auc_score(y, s), average_precision_score(y, s), float(np.mean(within))


def score_of(probs: Floats, labels: Ints) -> Floats:
    """Largest other probability less that of the given label."""
    return Suspects(labels, probs, np.empty((0, 0), int)).score


@dataclass(frozen=True)
class Bench:
    """One seed: its trainings, the pictures with FER2013's labels, and what the votes say of them."""

    make: Callable[..., Task]
    seed: int
    data: Dataset
    truth: Truth
    base: str = "attention"

    def task(self, kind: str, fold: int = 0) -> Task:
        """One of its trainings."""
        return self.make(self.seed, kind, fold, self.base)

    @property
    def device(self) -> str:
        """What it was trained on."""
        return str(read_json(self.task("audit").file.with_suffix(".json"))["device"])

    @cached_property
    def groups(self) -> Texts:
        return group_ids(self.data).astype(str)

    @cached_property
    def found(self) -> dict[str, np.ndarray]:
        """Arrays of the one watched training."""
        return read_arrays(self.task("audit").file)

    @cached_property
    def blind(self) -> tuple[Suspects, float]:
        """The suspects of the one training run, and the seconds of both."""
        start = time.perf_counter()
        one = suspects(self.data.labels, self.found["probs"], self.found["vectors"], self.groups)
        return one, float(self.found["seconds"]) + time.perf_counter() - start

    def reviewed(self, count: int, order: Ints | None = None) -> Ints:
        """(N,) what a simulated reviewer says of the first pictures of an order, by default a random one; −1 else."""
        able = np.flatnonzero(self.truth.scored)
        order = np.random.default_rng(self.seed).permutation(able) if order is None else order
        rows = order[: min(count, len(able) // 4)]
        said = np.full(len(self.data), NO_LABEL)
        said[rows] = self.truth.label[rows]
        return said

    def judged(self, score: Floats, scored: Bools) -> dict[str, Figure]:
        """KEYS of the scored pictures, each with a bootstrap interval of 95 %."""
        rows, rng = np.flatnonzero(scored), np.random.default_rng(self.seed)
        of_rows = partial(measures, score, self.data.labels, self.truth)
        draws = QUICK_DRAWS if self.task("audit").quick else DRAWS
        drawn = np.array([of_rows(rng.choice(rows, len(rows))) for _ in range(draws)])
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        return {
            key: Figure(value, float(low[place]), float(high[place]), len(rows), (self.seed,))
            for place, (key, value) in enumerate(zip(KEYS, of_rows(rows), strict=True))
        }

    def line(self, mode: str, belief: Floats, scored: Bools | None = None, **more: object) -> Line:
        """A row of the table: how well a belief (N, K) finds wrong labels, and is unsure where people are."""
        scored = self.truth.scored if scored is None else scored
        figures = self.judged(score_of(belief, self.data.labels), scored)
        unsure = spearmanr(entropy(belief)[scored], entropy(self.truth.shares)[scored])[0]
        return {"mode": mode, "base": self.base, "seed": self.seed, **figures, "spearman": float(unsure), **more}


def blind(bench: Bench) -> list[Line]:
    """One watched training run and neighbours."""
    found, seconds = bench.blind
    return [bench.line("blind", found.belief, seconds=seconds)]


def seeded(bench: Bench) -> list[Line]:
    """The same, taught by 1,000 reviews, which are not scored."""
    said = bench.reviewed(REVIEWS)
    taught = learn_from_reviews(bench.blind[0], bench.found["vectors"], said)
    return [bench.line("seeded", taught.belief, bench.truth.scored & (said == NO_LABEL))]


def votes(bench: Bench) -> list[Line]:
    """Taught by the votes on other pictures."""
    belief = voted(bench)
    return [bench.line("votes", belief, **calibrated(bench, belief))]


def votes_tuned(bench: Bench) -> list[Line]:
    """The same, with a classifier that was tuned on them; beside it, what that one says alone."""
    tasks = [bench.task("tuned", fold) for fold in range(FOLDS["tuned"])]
    alone, seconds = out_of_fold(tasks, bench.data)
    belief = voted(bench, alone)
    return [
        bench.line("votes, tuned", belief, seconds=bench.blind[1] + seconds, **calibrated(bench, belief)),
        bench.line("votes: tuned networks alone", alone, **calibrated(bench, alone)),
    ]


def reliabilities(bench: Bench, belief: Floats) -> dict[str, Reliability]:
    """Against votes and against the plurality, on one half of the scored pictures, the temperature from the other."""
    truth, half = bench.truth, np.random.default_rng(bench.seed).random(len(bench.data)) < 0.5
    fitting, rest = truth.scored & half, truth.scored & ~half
    onehot = np.eye(len(bench.data.labelset))[truth.label]
    for_votes = tempered(belief, temperature(belief[fitting], truth.shares[fitting]))
    for_label = tempered(belief, temperature(belief[fitting], onehot[fitting]))
    return {
        "votes": vote_reliability(for_votes[rest], truth.shares[rest]),
        "plurality": plurality_reliability(for_label[rest], truth.label[rest]),
    }


def calibrated(bench: Bench, belief: Floats) -> dict[str, object]:
    """Their calibration errors."""
    return {f"ece_{against}": found.error for against, found in reliabilities(bench, belief).items()}


def diagram(bench: Bench) -> list[Line]:
    """The bins of `mien audit --votes`."""
    found = reliabilities(bench, voted(bench))
    return [
        {"against": against, "confidence": float(one.confidence[bin]), "truth": float(one.truth[bin]),
         "pictures": int(one.count[bin])}
        for against, one in found.items() for bin in range(len(one.count))
    ]  # fmt: skip


def voted(bench: Bench, told: Floats | None = None) -> Floats:
    """(N, K) what `mien audit --votes` believes, with what tuned classifiers told of it where there are any."""
    shares = voted_shares(bench.truth)
    return learn_from_votes(bench.blind[0], bench.found["vectors"], shares, bench.groups, told).belief


def clusters(bench: Bench) -> list[Line]:
    """The unsupervised idea: clusters that agree on a class, of activations and of plain pixels."""
    pixels = bench.data.pictures[np.arange(len(bench.data))].reshape(len(bench.data), -1) / 255.0
    axes = PCA(AXES, whiten=True, random_state=0).fit_transform(pixels)
    named = {"clusters of activations": bench.found["vectors"], "clusters of pixels": axes}
    lines = []
    for name, vectors in named.items():
        belief = cluster_beliefs(bench.data.labels, vectors, len(bench.data.labelset), bench.groups, bench.seed)
        lines.append(bench.line(name, belief))
    return lines


def cleanlab(bench: Bench) -> list[Line]:
    """The usual recipe: five folds, cleanlab's normalised margin."""
    from cleanlab.rank import get_label_quality_scores

    labels, shares, seconds = named(bench)
    score = 1 - get_label_quality_scores(labels, shares, method="normalized_margin")
    figures = bench.judged(score, bench.truth.scored)
    return [{"mode": "cleanlab", "base": bench.base, "seed": bench.seed, **figures, "seconds": seconds}]


def named(bench: Bench) -> tuple[Ints, Floats, float]:
    """For cleanlab, which takes no class without pictures: labels, out-of-fold probabilities, and their seconds."""
    probs, seconds = out_of_fold([bench.task("cleanlab", fold) for fold in range(FOLDS["cleanlab"])], bench.data)
    present = np.unique(bench.data.labels)
    shares = probs[:, present] / probs[:, present].sum(1, keepdims=True)
    return np.searchsorted(present, bench.data.labels), shares, seconds


def thresholds(bench: Bench) -> list[Line]:
    """Which labels are called wrong, blind: by mien's score, by a mixture within each class, by confident learning.

    The mixture is that of IntraClass-divide (2025): two Gaussians of the score in each given class, of which the upper
    one is what is wrong.
    """
    from cleanlab.filter import find_label_issues

    score, labels = bench.blind[0].score, bench.data.labels
    mixture = np.zeros(len(labels), bool)
    for own in (np.flatnonzero(labels == c) for c in np.unique(labels)):
        both = GaussianMixture(2, random_state=bench.seed).fit(score[own, None])
        mixture[own] = both.predict(score[own, None]) == both.means_[:, 0].argmax()
    flagged = {"score above 0 (mien)": score > 0, "mixture within each class": mixture}
    flagged["confident learning (cleanlab)"] = find_label_issues(*named(bench)[:2])
    rows, wrong = bench.truth.scored, (bench.truth.label != labels)[bench.truth.scored]
    return [
        {
            "called wrong by": name, "seed": bench.seed, "share of labels": float(of[rows].mean()),
            "precision": precision_score(wrong, of[rows]), "recall": recall_score(wrong, of[rows]),
            "F1": f1_score(wrong, of[rows]),
        }
        for name, of in flagged.items()
    ]  # fmt: skip


def review_curve(bench: Bench, counts: Sequence[int] = CURVE) -> list[Line]:
    """What reviews buy: wrong labels found among the rest, and labels that are right after relabelling."""
    one, lines = bench.blind[0], []
    scored = bench.truth.scored
    by_worth = np.flatnonzero(scored)[np.argsort(-acquisition_score(one)[scored])]
    orders = {
        "at random": None,
        "most worth it first": by_worth,
        "both in turn": interleave_random(by_worth, bench.seed),
    }
    for chosen, order in orders.items():
        for count in counts:
            said = bench.reviewed(count, order)
            taught = learn_from_reviews(one, bench.found["vectors"], said)
            rest = scored & (said == NO_LABEL)
            labels = np.where(said >= 0, said, relabelled(taught))
            figures = dict(
                zip(KEYS, measures(taught.score, bench.data.labels, bench.truth, np.flatnonzero(rest)), strict=True)
            )
            right = float((labels == bench.truth.label)[scored].mean())
            lines.append({"reviews": count, "chosen": chosen, "seed": bench.seed, **figures, "labels right": right})
    return lines


MODES: dict[str, Callable[[Bench], list[Line]]] = {
    "blind": blind, "seeded": seeded, "votes": votes, "tuned": votes_tuned, "clusters": clusters, "cleanlab": cleanlab,
}  # fmt: skip
RESIDUAL = ("blind", "seeded", "votes", "tuned")
"""Modes that are measured with the residual network as well, the quickest first."""
