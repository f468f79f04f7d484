"""Which pictures to label next: pictures of a class among the first looked at, by the order of mien discover --for.

The pool is the *correct* part with its labels hidden. A few pictures of the class are drawn from it, and have labels;
pictures of the other classes with labels are those of *validation*. The test part plays no role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common import Figure, Result, do_all, keep
from benchmarks.correction.borrowed import vectors
from benchmarks.correction.trained import Task, trained
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.correctors.contract import Corrector
from mien.correctors.fisher import Fisher
from mien.correctors.linear import LDA
from mien.correctors.novelty import Novelty
from mien.correctors.projection import Nystroem
from mien.deploy.likeness import AXES, LEAST, WHITEN, likeness_of_vectors, similarity
from mien.features import Embedding
from mien.nets.settings import AugmentSettings
from mien.storage.files import read_json
from mien.storage.identity import identity
from mien.types import Bools, Floats, Ints, Outputs

if TYPE_CHECKING:
    from benchmarks.correction.cases import Study

KEPT = Path("runs/benchmark-discover")
HAVE = (1, 5, 20)
LOOKED_AT = (50, 100, 200)
DRAWS = 5
ROUNDS, A_ROUND = 5, 20
KINDS: dict[str, type[Corrector]] = {"fisher": Fisher, "lda": LDA, "kernel": Nystroem}
ORDER, ALONE, IN_ROUNDS = "mien", "mien, no other labels", f"mien, {ROUNDS} rounds of {A_ROUND}"
UNKNOWN, KNOWN = "left out", "trained on"
RANDOM = "random"


@dataclass(frozen=True)
class Job:
    """One class, and one classifier that was trained on it or not.

    Attributes
    ----------
    task : the classifier. name : of the class. model : ONNX file of an encoder whose features are borrowed, or "".
    """

    task: Task
    name: str
    model: str

    @property
    def file(self) -> Path:
        constants = (HAVE, LOOKED_AT, DRAWS, ROUNDS, A_ROUND, AXES, WHITEN, 2)
        key = identity(task=self.task.folder.name, name=self.name, model=Path(self.model).name, constants=constants)
        return KEPT / f"{key}.json"


@dataclass(frozen=True)
class Pool:
    """Embedded pictures without labels, and others with labels.

    Attributes
    ----------
    outputs : of the classifier for the P pictures of the pool. vectors : (P, D) embedded.
    truth : (P,) whether they are of the class: hidden. others : (M, D) vectors of labelled pictures of other classes.
    target : index of the class. of_others : outputs for these.
    """

    outputs: Outputs
    vectors: Floats
    truth: Bools
    others: Floats
    target: int
    of_others: Outputs

    @classmethod
    def of(cls, job: Job) -> Pool:
        parts, model = job.task.parts(), job.task.load()
        data, target = parts.data, parts.data.labelset.index(job.name)
        f = NetworkClassifier.of(model, data)
        rows = [parts.rows["correct"], parts.rows["validation"]]
        rows[1] = rows[1][data.labels[rows[1]] != target]
        both = []
        for part in rows:
            outputs = FeatureStore.of(f, data, AugmentSettings(), part, []).outputs
            both.append(outputs.with_features(vectors(job.model, data, part)) if job.model else outputs)
        whole = Outputs.concat(both)
        embedded, count = Embedding.fit(whole, ("*",), AXES, WHITEN).apply(whole), len(rows[0])
        return cls(both[0], embedded[:count], data.labels[rows[0]] == target, embedded[count:], target, both[1])

    @cached_property
    def log_odds(self) -> Floats | None:
        """(P + M,) those of the classifier, where it was trained on the class."""
        if not self.outputs.known[self.target]:
            return None
        share = np.concatenate([part.probs[:, self.target] for part in (self.outputs, self.of_others)])
        share = np.clip(share.astype(np.float64), LEAST, 1 - LEAST)
        return np.asarray(np.log(share) - np.log1p(-share))

    def order(self, labelled: Ints, *, with_others: bool = True) -> Floats:
        """(P,) scores of mien, with these pictures of the pool labelled, of the class or not; −∞ for themselves."""
        count = len(self.truth)
        rest = np.setdiff1d(np.arange(count), labelled)
        others = count + np.arange(len(self.others) if with_others else 0)
        rows, positive = np.concatenate([labelled, others]), np.zeros(len(labelled) + len(others), bool)
        positive[: len(labelled)] = self.truth[labelled]
        whole = np.concatenate([self.vectors, self.others])
        odds = None if self.log_odds is None else self.log_odds[np.concatenate([rest, rows])]
        score = np.full(count, -np.inf)
        score[rest] = likeness_of_vectors(whole[rest], whole[rows], positive, odds)
        return score

    def by(self, kind: Callable[..., Corrector], examples: Ints) -> Floats:
        """(P,) scores of a corrector of mien, on the same vectors."""
        stacked = np.concatenate([self.vectors[examples], self.others])
        labels = np.arange(len(stacked)) < len(examples)
        return kind(target=1).fit(_outputs(stacked), labels.astype(int)).propose(_outputs(self.vectors)).score

    def references(self) -> Iterator[tuple[str, Floats]]:
        """Orders that no example changes: the classifier's probability, or what it is unsure of."""
        if self.log_odds is not None:
            yield "probability of the class", self.log_odds[: len(self.truth)]
        yield "largest probability, lowest first", -self.outputs.probs.max(1)
        yield "novelty", Novelty(self.target).fit(self.outputs).propose(self.outputs).score


def _outputs(stacked: Floats) -> Outputs:
    return Outputs(None, np.tile([1.0, 0.0], (len(stacked), 1)), np.array([True, False]), {"axes": stacked})  # type: ignore[arg-type]


def do(job: Job) -> None:
    """Every order for one class beside one classifier."""
    keep(job.file, lambda: measured(job))


def measured(job: Job) -> list[dict[str, Any]]:
    """Pictures of the class among the first ones, for each number of examples, draw and order."""
    pool, lines = Pool.of(job), []
    new = np.flatnonzero(pool.truth)
    fixed = dict(pool.references())
    for have in [have for have in HAVE if have < len(new)]:
        for draw in range(1 if job.task.quick else DRAWS):
            examples = np.sort(np.random.default_rng(draw).permutation(new)[:have])
            scores = {
                **fixed,
                ORDER: pool.order(examples),
                ALONE: pool.order(examples, with_others=False),
                "similarity": similarity(pool.vectors, pool.vectors[examples]),
                **{name: pool.by(kind, examples) for name, kind in KINDS.items()},
            }
            rest = np.setdiff1d(np.arange(len(pool.truth)), examples)
            hits = {name: _hits(pool.truth[rest], score[rest]) for name, score in scores.items()}
            hits[RANDOM] = [float(pool.truth[rest].mean()) * most for most in LOOKED_AT]
            hits[IN_ROUNDS] = _in_rounds(pool, examples)
            lines += [{"have": have, "draw": draw, "order": name, "hits": counts} for name, counts in hits.items()]
    return lines


def _hits(truth: Bools, score: Floats) -> list[float]:
    """Pictures of the class among the first ones, for each of LOOKED_AT."""
    ranked = truth[np.argsort(-score, kind="stable")]
    return [float(ranked[:most].sum()) for most in LOOKED_AT]


def _in_rounds(pool: Pool, examples: Ints) -> list[float]:
    """Pictures of the class among the first ones, where each round is labelled before the next one is ranked."""
    labelled, hits = examples, []
    for _ in range(ROUNDS):
        first = np.argsort(-pool.order(labelled), kind="stable")[:A_ROUND]
        hits.append(pool.truth[first])
        labelled = np.concatenate([labelled, first])
    looked_at = np.concatenate(hits)
    return [float(looked_at[:most].sum()) if most <= len(looked_at) else float("nan") for most in LOOKED_AT]


def table(study: Study, result: Result, model: str = "") -> None:
    """Both kinds of classifier, of the first seed, without and with borrowed features."""
    seed = study.seeds[0]
    tasks = {UNKNOWN: {name: study.jobs[seed, name].task for name in study.classes},
             KNOWN: dict.fromkeys(study.classes, study.r1[seed])}  # fmt: skip
    trained([*tasks[UNKNOWN].values(), study.r1[seed]])
    for encoder in ("", model) if model else ("",):
        jobs = {kind: {name: Job(task, name, encoder) for name, task in of.items()} for kind, of in tasks.items()}
        do_all(do, [job for of in jobs.values() for job in of.values()])
        for kind, of in jobs.items():
            _table(study, result, kind, of, encoder)


def _table(study: Study, result: Result, kind: str, jobs: dict[str, Job], encoder: str) -> None:
    """Class by class, and means over classes of the times of random, for one kind of classifier."""
    rows = [{**row, "class": name} for name, job in jobs.items() for row in read_json(job.file)]
    beside = ", features of an encoder beside f's" if encoder else ""
    names = list(dict.fromkeys(row["order"] for row in rows))
    lines = []
    for name in study.classes:
        for order in names:
            line: dict[str, Any] = {"class": name, "order": order}
            for have in HAVE:
                hits = _of(rows, name, order, have)
                if len(hits):
                    line[f"with {have}"] = " / ".join("–" if np.isnan(each) else f"{each:.1f}" for each in hits.mean(0))
            lines.append(line)
    counts = " / ".join(map(str, LOOKED_AT))
    result.table(f"Class {kind}{beside}: pictures of it among the first {counts}, mean over {DRAWS} draws", lines)
    times = []
    for order in [order for order in names if order != RANDOM]:
        line = {"order": order}
        for have in HAVE:
            ratios = {name: _times_random(rows, name, order, have) for name in study.classes}
            defined = [ratio for ratio in ratios.values() if np.isfinite(ratio)]
            if defined:
                line[f"with {have}"] = Figure.over(defined, len(defined), study.seeds[:1])
            if order in (ORDER, IN_ROUNDS):
                _record(result, partial(_key, kind, order, have, encoder), ratios, study)
        times.append(line)
    result.table(f"Class {kind}{beside}: times as many as at random among the first 100, mean over the classes", times)


def _record(result: Result, key: Callable[[str], str], ratios: dict[str, float], study: Study) -> None:
    for name in ("fear", "disgust"):
        if np.isfinite(ratios.get(name, np.nan)):
            result.figures[key(name)] = Figure.over([ratios[name]], DRAWS, study.seeds[:1])


def _key(kind: str, order: str, have: int, encoder: str, name: str) -> str:
    parts = ("discover", "borrowed" if encoder else "", kind.replace(" ", "_"), "rounds" if order == IN_ROUNDS else "")
    return "_".join([*filter(None, parts), name, str(have)])


def _of(rows: Sequence[dict[str, Any]], name: str, order: str, have: int) -> Floats:
    """(D, len(LOOKED_AT)) pictures of the class in each draw."""
    hits = [row["hits"] for row in rows if (row["class"], row["order"], row["have"]) == (name, order, have)]
    return np.array(hits, np.float64).reshape(-1, len(LOOKED_AT))


def _times_random(rows: Sequence[dict[str, Any]], name: str, order: str, have: int) -> float:
    """Pictures of the class among the first 100, beside the number expected at random."""
    column = LOOKED_AT.index(100)
    hits, at_random = (_of(rows, name, each, have)[:, column] for each in (order, RANDOM))
    return float(hits.mean() / at_random.mean()) if len(hits) else float("nan")
