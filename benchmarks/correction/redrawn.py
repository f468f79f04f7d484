"""Certificates on real pictures: calibration and test part redrawn together, f and g fixed.

If the promise fails more often than its δ here, real pictures break an assumption that drawn ones keep. Three reasons
are looked at: near copies that stand in two parts, labels on which the annotators disagree, and the fixed division.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Figure, Parts, Result, seeds_of
from benchmarks.correction.known import Job, jobs_of
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.certify.promise import compare
from mien.certify.thresholds import GUARANTEES
from mien.data.near import near_copies
from mien.storage.files import read_arrays
from mien.types import Bools, Floats, Ints, LabelSet, Proposal, Texts

REDRAWS = 200
BUDGET = 0.02
AGREED = 0.8
"""Share of the votes from which on annotators count as agreed."""


@dataclass(frozen=True)
class Pool:
    """Calibration and test pictures of one corrector, together.

    Attributes
    ----------
    score, base, truth, groups : (N,) of the pictures. is_test : (N,) those of the real test part.
    agreed : (N,) whether most annotators gave the label. copied : (N,) whether a near copy stands in another part.
    """

    target: int
    labelset: LabelSet
    score: Floats
    base: Ints
    truth: Ints
    groups: Texts
    is_test: Bools
    agreed: Bools
    copied: Bools

    @classmethod
    def of(cls, job: Job, parts: Parts, copied: Bools) -> Pool:
        stored = read_arrays(job.file)
        held = np.setdiff1d(parts.rows["correct"], parts.rows["fit"])
        rows = np.concatenate([held, parts.test])
        names = ("score", "base", "truth")
        arrays = (np.concatenate([stored[f"calibrate_{name}"], stored[name]]) for name in names)
        groups = np.concatenate([stored["calibrate_group"], stored["groups"]])
        targets = parts.data.targets
        agreed = np.ones(len(rows), bool) if targets is None else targets[rows].max(1) >= AGREED
        is_test = np.arange(len(rows)) >= len(held)
        return cls(job.target, parts.data.labelset, *arrays, groups, is_test, agreed, copied[rows])

    @property
    def right(self) -> Bools:
        """Answers that can be lost."""
        return np.asarray(self.base == self.truth)

    def only(self, kept: Bools) -> Pool:
        fields = ("score", "base", "truth", "groups", "is_test", "agreed", "copied")
        return Pool(self.target, self.labelset, *(getattr(self, name)[kept] for name in fields))

    def harm(self, is_test: Bools, kind: str) -> tuple[float, str, Bools]:
        """Harm of the persons in a test part, certified on the rest; its standing; and the pictures harmed."""
        suggested: Ints = np.full(len(self.base), self.target)
        learn = ~is_test
        policy = Policy(BUDGET, guarantee=kind, aim="gain")
        calibration = CalibrationSet(
            self.truth[learn], self.base[learn], self.score[learn], suggested[learn], self.groups[learn]
        )
        certified = calibration.certify(policy, self.labelset)
        proposal = Proposal(None, self.score, suggested)  # type: ignore[arg-type]  # None: row numbers
        harmed = decide(proposal, self.base, certified.thresholds).overridden & self.right
        tested = self.right & is_test
        promise = compare(certified.guarantees[0], harmed & tested, tested, self.groups)
        return promise.rate, promise.standing, harmed & tested


def table(result: Result) -> None:
    """How often the promise fails on FER+ or other real pictures, and what the failures have in common."""
    options = result.options
    jobs, redraws = jobs_of(options), 5 if options.quick else REDRAWS
    copies = {seed: between_parts(jobs, seed) for seed in seeds_of(options)}
    pools = {job: Pool.of(job, job.task.parts(), copies[job.task.seed]) for job in jobs}
    variants = {
        "all pictures": lambda pool: np.ones(len(pool.base), bool),
        "without near copies between parts": lambda pool: ~pool.copied,
        "annotators agree on the label": lambda pool: pool.agreed,
    }
    lines = []
    for kind in GUARANTEES:
        for name, kept in variants.items():
            lines.append({"guarantee": kind, "pictures": name, **failures(pools, kept, kind, redraws)})
            if kind == GUARANTEES[0] and name == "all pictures":
                share = float(str(lines[-1]["harm over the budget"]))
                result.figures["redrawn_over_budget"] = Figure.over([share], redraws * len(jobs))
                result.figures["redrawn_broken"] = Figure.over([float(str(lines[-1]["broken"]))], redraws * len(jobs))
    title = f"Real pictures: calibrate and test redrawn {redraws} times, {len(jobs)} correctors, budget 2 %, δ = 5 %"
    result.table(title, lines)
    result.table("What is harmed, on the real test part", [about_harmed(pools)])


def failures(pools: dict[Job, Pool], kept: object, kind: str, redraws: int) -> dict[str, object]:
    """Shares over all correctors and redraws, and where the real division lies among them."""
    over, broken, means, places = [], [], [], []
    for number, pool in enumerate(pools.values()):
        pool = pool.only(kept(pool))  # type: ignore[operator]
        names, unit = np.unique(pool.groups, return_inverse=True)
        size = len(np.unique(unit[pool.is_test]))
        rng = np.random.default_rng(number)
        rates = []
        for _ in range(redraws):
            chosen = np.zeros(len(names), bool)
            chosen[rng.permutation(len(names))[:size]] = True
            rate, standing, _ = pool.harm(chosen[unit], kind)
            rates.append(rate)
            broken.append(standing == "broken")
        over += [rate > BUDGET for rate in rates]
        means.append(float(np.mean(rates)))
        places.append(float(np.mean(np.array(rates) < pool.harm(pool.is_test, kind)[0])))
    return {
        "harm over the budget": float(np.mean(over)), "broken": float(np.mean(broken)),
        "mean Harm": float(np.mean(means)),
        "real division: mean place among redraws": float(np.mean(places)),
        "real divisions in the highest 5 %": int(np.sum(np.array(places) >= 0.95)), "correctors": len(pools),
    }  # fmt: skip


def about_harmed(pools: dict[Job, Pool]) -> dict[str, object]:
    """How the pictures that are harmed differ from others that f had right."""
    harmed = {job: pool.harm(pool.is_test, GUARANTEES[0])[2] for job, pool in pools.items()}
    right = {job: pool.right & pool.is_test for job, pool in pools.items()}

    def share(of: dict[Job, Bools], name: str) -> float:
        return float(np.mean(np.concatenate([getattr(pool, name)[of[job]] for job, pool in pools.items()])))

    return {
        "harmed": int(sum(mask.sum() for mask in harmed.values())),
        "annotators agree: of the harmed": share(harmed, "agreed"),
        "annotators agree: of all right answers": share(right, "agreed"),
        "near copy in another part: of the harmed": share(harmed, "copied"),
        "near copy in another part: of all right answers": share(right, "copied"),
    }  # fmt: skip


def between_parts(jobs: list[Job], seed: int) -> Bools:
    """(N,) pictures of which a near copy stands in calibrate where they are in test, or the other way round."""
    parts = next(job.task.parts() for job in jobs if job.task.seed == seed)
    held = np.setdiff1d(parts.rows["correct"], parts.rows["fit"])
    part = np.zeros(len(parts.data), int)
    part[held], part[parts.test] = 1, 2
    rows = np.concatenate([held, parts.test])
    pairs = rows[near_copies(parts.data.pictures[rows])]
    apart = pairs[part[pairs[:, 0]] != part[pairs[:, 1]]]
    copied = np.zeros(len(parts.data), bool)
    copied[apart.ravel()] = True
    return copied
