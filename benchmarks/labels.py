"""How well wrong labels are found, with FER+'s ten votes as the truth about FER2013's labels.

    python benchmarks/labels.py --data PATH/TO/ferplus

Three modes, never mixed: *blind* knows the given labels alone; *seeded* knows 1,000 reviewed pictures besides, drawn at
random and left out of the scoring (a simulated reviewer answers with the plurality); *votes* learns from the votes of
other folds. Scored are pictures of which the votes name one of the seven emotions. The rival is cleanlab's usual
recipe: five folds of the same network, ranked by its normalised margin. Trainings are kept in runs/benchmark-labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import repair
from common import Figure, Result, commit, main, parser, seeds_of
from fer_labels import Truth, data_of
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from mien.audit.dynamics import Dynamics
from mien.audit.reviewed import after_reviews
from mien.audit.suspects import Suspects, suspects
from mien.cli.audit import EPOCHS
from mien.data.split import linked
from mien.errors import choice_error
from mien.metrics.calibration import plurality_reliability, temperature, tempered, vote_reliability
from mien.models import saved
from mien.models.device import keep_freed_memory, one_thread, seed_everything
from mien.models.examples import Examples
from mien.models.latents import extract, probabilities
from mien.models.settings import TrainSettings
from mien.models.training import fit
from mien.runs import read_arrays, write_arrays, write_json
from mien.study.engines import processes
from mien.types import NO_LABEL, Bools, Dataset, Floats, Ints, digest
from mien.uncertainty import entropy

KEPT = Path("runs/benchmark-labels")
REVIEWS = 1000
FOLDS = {"cleanlab": 5, "votes": 2}
DRAWS = 200
"""Of the bootstrap."""


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
        return KEPT / f"{digest(asdict(self), asdict(self.train), FOLDS)}.npz"

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
        outputs = extract(model, data.pictures, data.ids, grids=())
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


def judged(score: Floats, labels: Ints, truth: Truth, scored: Bools, seed: int) -> dict[str, Figure]:
    """AUROC, average precision and mean AUROC within given classes, each with a bootstrap interval of 95 %."""
    wrong, rows = truth.label != labels, np.flatnonzero(scored)

    def measures(of: Ints) -> tuple[float, float, float]:
        y, s, given = wrong[of], score[of], labels[of]
        within = [roc_auc_score(y[given == c], s[given == c]) for c in np.unique(given) if 0 < y[given == c].mean() < 1]
        return roc_auc_score(y, s), average_precision_score(y, s), float(np.mean(within))

    rng = np.random.default_rng(seed)
    drawn = np.array([measures(rng.choice(rows, len(rows))) for _ in range(DRAWS)])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return {
        key: Figure(value, float(low[place]), float(high[place]), len(rows), (seed,))
        for place, (key, value) in enumerate(zip(("auroc", "ap", "within_auroc"), measures(rows), strict=True))
    }


def score_of(probs: Floats, labels: Ints) -> Floats:
    """Largest other probability less that of the given label."""
    return Suspects(labels, probs, np.empty((0, 0), int)).score


def run() -> None:
    """Train what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False)
    flags.add_argument("--only", default=",".join([*PARTS, *OWN_TABLE]), help="some parts (default: %(default)s)")
    options = flags.parse_args()
    wanted = options.only.split(",")
    for part in wanted:
        if part not in PARTS and part not in OWN_TABLE:
            raise choice_error("part", part, [*PARTS, *OWN_TABLE], place="--only")
    result = Result("labels", options, {"epochs": EPOCHS, "reviews": REVIEWS, "folds": FOLDS})
    make, seeds = partial(Task, options.data, options.quick), seeds_of(options)
    modes = [part for part in wanted if part in PARTS]
    tasks = [make(seed, "audit") for seed in seeds if modes]
    tasks += [
        make(seed, kind, fold) for kind in FOLDS if kind in wanted for seed in seeds for fold in range(FOLDS[kind])
    ]
    processes(do, tasks, lambda: None)
    data = data_of(options.data, options.quick)
    truth = Truth.of(data)
    lines: list[dict[str, object]] = []
    for part in modes:
        lines += [PARTS[part](result, make, seed, data, truth) for seed in seeds]
    if modes:
        result.table("Wrong labels of FER2013, against the plurality of FER+", lines)
    for part in wanted:
        if part in OWN_TABLE:
            OWN_TABLE[part](result, options.data, options.quick, seeds)
    counts = dict(zip(data.labelset.names, data.counts().tolist(), strict=True))
    wrong = float((truth.label != data.labels)[truth.scored].mean())
    about = {"name": Path(data.name).name, "classes": counts, "scored": int(truth.scored.sum()), "wrong": wrong}
    result.write({**about, "fingerprint": data.fingerprint()})


def kept(make: Callable[..., Task], seed: int, data: Dataset) -> tuple[Suspects, dict[str, np.ndarray], float]:
    """The suspects of the one training run, its arrays, and the seconds of both."""
    found = read_arrays(make(seed, "audit").file)
    start = time.perf_counter()
    one = suspects(data.labels, found["probs"], found["vectors"], linked(data).astype(str))
    return one, found, float(found["seconds"]) + time.perf_counter() - start


def line(result: Result, mode: str, seed: int, figures: dict[str, Figure], **more: object) -> dict[str, object]:
    """A row of the table; the figures of the first seed are those of the result."""
    for key, figure in figures.items():
        result.figures.setdefault(f"{mode}_{key}", figure)
    return {"mode": mode, "seed": seed, **figures, **more}


def blind(result: Result, make: Callable[..., Task], seed: int, data: Dataset, truth: Truth) -> dict[str, object]:
    """One watched training run and neighbours."""
    one, _, seconds = kept(make, seed, data)
    figures = judged(one.score, data.labels, truth, truth.scored, seed)
    unsure = spearmanr(entropy(one.belief)[truth.scored], entropy(truth.shares)[truth.scored])[0]
    result.figures.setdefault("spearman_blind", Figure.over([unsure], int(truth.scored.sum()), (seed,)))
    return line(result, "blind", seed, figures, spearman=float(unsure), seconds=seconds)


def seeded(result: Result, make: Callable[..., Task], seed: int, data: Dataset, truth: Truth) -> dict[str, object]:
    """The same, taught by 1,000 reviews, which are not scored."""
    one, found, _ = kept(make, seed, data)
    count = min(REVIEWS, int(truth.scored.sum()) // 4)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(truth.scored))[:count]
    reviewed = np.full(len(data), NO_LABEL)
    reviewed[rows] = truth.label[rows]
    taught = after_reviews(one, found["vectors"], reviewed)
    rest = truth.scored & (reviewed == NO_LABEL)
    unsure = spearmanr(entropy(taught.belief)[rest], entropy(truth.shares)[rest])[0]
    return line(result, "seeded", seed, judged(taught.score, data.labels, truth, rest, seed), spearman=float(unsure))


def votes(result: Result, make: Callable[..., Task], seed: int, data: Dataset, truth: Truth) -> dict[str, object]:
    """Trained on the votes of other folds; calibrated against votes and against the plurality on the other half."""
    probs, _ = out_of_fold((make(seed, "votes", fold) for fold in range(FOLDS["votes"])), data)
    figures = judged(score_of(probs, data.labels), data.labels, truth, truth.scored, seed)
    half = np.random.default_rng(seed).random(len(data)) < 0.5
    fitting, rest = truth.scored & half, truth.scored & ~half
    onehot = np.eye(len(data.labelset))[truth.label]
    for_votes = tempered(probs, temperature(probs[fitting], truth.shares[fitting]))
    for_label = tempered(probs, temperature(probs[fitting], onehot[fitting]))
    unsure = spearmanr(entropy(for_votes)[truth.scored], entropy(truth.shares)[truth.scored])[0]
    errors = {
        "spearman_votes": unsure,
        "ece_votes": vote_reliability(for_votes[rest], truth.shares[rest]).error,
        "ece_plurality": plurality_reliability(for_label[rest], truth.label[rest]).error,
    }
    for key, value in errors.items():
        result.figures.setdefault(key, Figure.over([value], int(rest.sum()), (seed,)))
    return line(
        result, "votes", seed, figures, spearman=float(unsure), **{k: v for k, v in errors.items() if "ece" in k}
    )


def cleanlab(result: Result, make: Callable[..., Task], seed: int, data: Dataset, truth: Truth) -> dict[str, object]:
    """The usual recipe: five folds, cleanlab's normalised margin."""
    from cleanlab.rank import get_label_quality_scores

    probs, seconds = out_of_fold((make(seed, "cleanlab", fold) for fold in range(FOLDS["cleanlab"])), data)
    present = np.unique(data.labels)
    named = np.searchsorted(present, data.labels)
    shares = probs[:, present] / probs[:, present].sum(1, keepdims=True)
    score = 1 - get_label_quality_scores(named, shares, method="normalized_margin")
    figures = judged(score, data.labels, truth, truth.scored, seed)
    own = kept(make, seed, data)[2]
    result.figures.setdefault("speedup_over_cleanlab", Figure.over([seconds / own], len(data), (seed,)))
    return line(result, "cleanlab", seed, figures, seconds=seconds)


PARTS: dict[str, Callable[..., dict[str, object]]] = {
    "blind": blind,
    "seeded": seeded,
    "votes": votes,
    "cleanlab": cleanlab,
}
OWN_TABLE = {"repair": repair.table}
"""Parts that answer another question."""


if __name__ == "__main__":
    main(run)
