"""The ways to find wrong labels, each scored against FER+'s votes; see labels.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from common import Figure, commit
from fer_labels import Truth, data_of
from repair import relabelled
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from mien.audit.clusters import cluster_beliefs
from mien.audit.dynamics import Dynamics
from mien.audit.reviewed import after_reviews, after_votes
from mien.audit.suspects import Suspects, suspects
from mien.cli.audit import EPOCHS
from mien.data.split import linked
from mien.metrics.calibration import Reliability, plurality_reliability, temperature, tempered, vote_reliability
from mien.models import saved
from mien.models.device import keep_freed_memory, one_thread, seed_everything
from mien.models.examples import Examples
from mien.models.latents import extract, probabilities
from mien.models.settings import TrainSettings
from mien.models.training import fit
from mien.runs import read_arrays, write_arrays, write_json
from mien.types import NO_LABEL, Bools, Dataset, Floats, Ints, Texts, digest
from mien.uncertainty import entropy
from mien.web.desk import in_turn, worth

KEPT = Path("runs/benchmark-labels")
REVIEWS = 1000
FOLDS = {"cleanlab": 5, "votes": 2}
DRAWS = 200
"""Of the bootstrap."""
CURVE = (50, 100, 250, 500, 1000, 2000, 4000)
"""Numbers of reviews."""
AXES = 64
"""Principal axes of pixels."""
LEAST = 1e-3
Line = dict[str, object]


@dataclass(frozen=True)
class Task:
    """One training: on all pictures ("audit"), or one fold of a recipe of folds."""

    source: str
    quick: bool
    seed: int
    kind: str
    fold: int = 0

    @property
    def file(self) -> Path:
        return KEPT / f"{digest(asdict(self), self.train, FOLDS)}.npz"

    @property
    def train(self) -> TrainSettings:
        return replace(TrainSettings(), epochs=2 if self.quick else EPOCHS)


def do(task: Task) -> None:
    """Train, and keep what is needed of it."""
    if task.file.exists():
        return
    one_thread()
    keep_freed_memory()
    data = data_of(task.source, task.quick)
    learn, judge = rows_of(task, data)
    targets = Truth.of(data).shares if task.kind == "votes" else np.eye(len(data.labelset))[data.labels]
    examples = Examples(data.pictures[learn], targets[learn].astype(np.float32))
    seed_everything(task.seed, 0)
    model = saved.build("attention", examples.targets.sum(0) > 0, colour=False)
    seen = Dynamics(data.labels[learn], len(data.labelset))
    start = time.perf_counter()
    fit(model, examples, None, task.train, seed=task.seed, watch=seen if task.kind == "audit" else None)
    found: dict[str, np.ndarray] = {"rows": judge}
    if task.kind == "audit":
        outputs = extract(model, data.pictures, data.ids, vectors=("hidden",))
        found |= {"probs": seen.probs, "vectors": outputs.features["hidden"], "aleatoric": seen.uncertainty.aleatoric}
    else:
        found["probs"] = probabilities(model, data.pictures[judge])
    write_arrays(task.file, seconds=np.array(time.perf_counter() - start), **found)
    write_json(task.file.with_suffix(".json"), {"commit": commit()})


def rows_of(task: Task, data: Dataset) -> tuple[Ints, Ints]:
    """(rows to learn from, rows to judge); copies stay together."""
    if task.kind == "audit":
        return np.arange(len(data)), np.arange(len(data))
    folds = StratifiedGroupKFold(FOLDS[task.kind], shuffle=True, random_state=task.seed)
    return list(folds.split(data.labels, data.labels, linked(data)))[task.fold]


def out_of_fold(tasks: Iterable[Task], data: Dataset) -> tuple[Floats, float]:
    """(N, K) probabilities of classifiers that did not see the picture, and their seconds together."""
    probs, seconds = np.zeros((len(data), len(data.labelset))), 0.0
    for task in tasks:
        found = read_arrays(task.file)
        probs[found["rows"]] = found["probs"]
        seconds += float(found["seconds"])
    return probs, seconds


KEYS = ("auroc", "ap", "within_auroc")


def measures(score: Floats, labels: Ints, truth: Truth, rows: Ints) -> tuple[float, ...]:
    """KEYS of some rows: AUROC, average precision and mean AUROC within given classes."""
    y, s, given = (truth.label != labels)[rows], score[rows], labels[rows]
    within = [roc_auc_score(y[given == c], s[given == c]) for c in np.unique(given) if 0 < y[given == c].mean() < 1]
    return roc_auc_score(y, s), average_precision_score(y, s), float(np.mean(within))


def judged(score: Floats, labels: Ints, truth: Truth, scored: Bools, seed: int) -> dict[str, Figure]:
    """The same, each with a bootstrap interval of 95 %."""
    rows, rng = np.flatnonzero(scored), np.random.default_rng(seed)
    drawn = np.array([measures(score, labels, truth, rng.choice(rows, len(rows))) for _ in range(DRAWS)])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return {
        key: Figure(value, float(low[place]), float(high[place]), len(rows), (seed,))
        for place, (key, value) in enumerate(zip(KEYS, measures(score, labels, truth, rows), strict=True))
    }


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

    @cached_property
    def groups(self) -> Texts:
        return linked(self.data).astype(str)

    @cached_property
    def found(self) -> dict[str, np.ndarray]:
        """Arrays of the one watched training."""
        return read_arrays(self.make(self.seed, "audit").file)

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

    def line(self, mode: str, belief: Floats, scored: Bools | None = None, **more: object) -> Line:
        """A row of the table: how well a belief (N, K) finds wrong labels, and is unsure where people are."""
        scored = self.truth.scored if scored is None else scored
        figures = judged(score_of(belief, self.data.labels), self.data.labels, self.truth, scored, self.seed)
        unsure = spearmanr(entropy(belief)[scored], entropy(self.truth.shares)[scored])[0]
        return {"mode": mode, "seed": self.seed, **figures, "spearman": float(unsure), **more}


def blind(bench: Bench) -> list[Line]:
    """One watched training run and neighbours."""
    found, seconds = bench.blind
    return [bench.line("blind", found.belief, seconds=seconds)]


def seeded(bench: Bench) -> list[Line]:
    """The same, taught by 1,000 reviews, which are not scored."""
    said = bench.reviewed(REVIEWS)
    taught = after_reviews(bench.blind[0], bench.found["vectors"], said)
    return [bench.line("seeded", taught.belief, bench.truth.scored & (said == NO_LABEL))]


def votes(bench: Bench) -> list[Line]:
    """Taught by the votes on the other half; beside it networks trained on the other half's votes, and both."""
    taught = voted(bench)
    tasks = [bench.make(bench.seed, "votes", fold) for fold in range(FOLDS["votes"])]
    network = out_of_fold(tasks, bench.data)[0]
    together = np.exp((np.log(taught + LEAST) + np.log(network + LEAST)) / 2)
    together /= together.sum(1, keepdims=True)
    named = {"votes": taught, "votes: networks trained on them": network, "votes: both": together}
    return [bench.line(name, belief, **calibrated(bench, belief)) for name, belief in named.items()]


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


def voted(bench: Bench) -> Floats:
    """(N, K) what `mien audit --votes` believes."""
    shares = np.where(bench.truth.scored[:, None], bench.truth.shares, 0.0)
    return after_votes(bench.blind[0], bench.found["vectors"], shares, bench.groups).belief


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

    tasks = [bench.make(bench.seed, "cleanlab", fold) for fold in range(FOLDS["cleanlab"])]
    probs, seconds = out_of_fold(tasks, bench.data)
    present = np.unique(bench.data.labels)
    named = np.searchsorted(present, bench.data.labels)
    shares = probs[:, present] / probs[:, present].sum(1, keepdims=True)
    score = 1 - get_label_quality_scores(named, shares, method="normalized_margin")
    figures = judged(score, bench.data.labels, bench.truth, bench.truth.scored, bench.seed)
    return [{"mode": "cleanlab", "seed": bench.seed, **figures, "seconds": seconds}]


def review_curve(bench: Bench, counts: Sequence[int] = CURVE) -> list[Line]:
    """What reviews buy: wrong labels found among the rest, and labels that are right after relabelling."""
    one, lines = bench.blind[0], []
    scored = bench.truth.scored
    by_worth = np.flatnonzero(scored)[np.argsort(-worth(one)[scored])]
    orders = {"at random": None, "most worth it first": by_worth, "both in turn": in_turn(by_worth, bench.seed)}
    for chosen, order in orders.items():
        for count in counts:
            said = bench.reviewed(count, order)
            taught = after_reviews(one, bench.found["vectors"], said)
            rest = scored & (said == NO_LABEL)
            labels = np.where(said >= 0, said, relabelled(taught))
            figures = dict(
                zip(KEYS, measures(taught.score, bench.data.labels, bench.truth, np.flatnonzero(rest)), strict=True)
            )
            right = float((labels == bench.truth.label)[scored].mean())
            lines.append({"reviews": count, "chosen": chosen, "seed": bench.seed, **figures, "labels right": right})
    return lines


MODES: dict[str, Callable[[Bench], list[Line]]] = {
    "blind": blind, "seeded": seeded, "votes": votes, "clusters": clusters, "cleanlab": cleanlab,
}  # fmt: skip
"""Modes, as --only names them."""
