"""Win back a class that a classifier was never shown: draw faces, train, fit a corrector, certify, decide, score.

python examples/correct_a_class.py [number of faces] [epochs]
"""

from __future__ import annotations

import sys

import numpy as np

import mien
from mien.nets.examples import Examples
from mien.nets.training import fit
from mien.types import PARTS

LEFT_OUT = "happiness"


def main(faces: int = 2400, epochs: int = 16) -> None:
    data = mien.prepare(mien.DataSettings(f"synthetic:n={faces},size=32", size=32))
    left_out, labels = data.labelset.index(LEFT_OUT), data.labels
    known = np.arange(len(data.labelset)) != left_out
    parts = mien.split(data, seed=0)
    rows = {part: parts.rows(part) for part in PARTS}

    # the classifier f: trained without the class
    model = mien.Attention(len(data.labelset), colours=1, known=tuple(known.tolist()))
    seen, judged = (Examples.of(data, rows[part], left_out) for part in ("train", "validation"))
    fit(model, seen, judged, mien.TrainSettings(epochs=epochs))
    outputs = {p: mien.extract(model, data.pictures[rows[p]], data.ids[rows[p]]) for p in ("fit", "calibrate", "test")}

    # the corrector g: learns on fit, its threshold is certified on calibrate; f stays as it is
    corrector = mien.Logistic(target=left_out).fit(outputs["fit"], labels[rows["fit"]])
    proposal, at = corrector.propose(outputs["calibrate"]), rows["calibrate"]
    base, people = outputs["calibrate"].predicted, None if data.groups is None else data.groups[at]
    policy = mien.Policy(budget=0.1)
    certified = mien.CalibrationSet.of(proposal, labels[at], base, people).certify(policy, data.labelset, known)
    print(certified.guarantees[0])

    # the corrected system h, on pictures that neither f nor g has seen
    base = outputs["test"].predicted
    decision = mien.decide(corrector.propose(outputs["test"]), base, certified.thresholds)
    result = mien.scores(labels[rows["test"]], base, decision.final, len(data.labelset))
    print(f"{decision.overridden.sum()} of {len(base)} answers changed")
    for name, gain, harm in zip(data.labelset.names, result.gain.values, result.harm.values, strict=True):
        print(f"{name:10}  Gain {gain:.3f}  Harm {harm:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
