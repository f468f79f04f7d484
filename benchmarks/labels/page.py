"""Write docs/label-figures.md from benchmarks/results/labels.json, so that no figure is copied by hand.

python -m benchmarks.labels.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.bases.page import machine, table
from benchmarks.common import RESULTS
from benchmarks.correction.page import rows
from benchmarks.labels import drawings as label_drawings

PAGE = Path(__file__).parents[2] / "docs" / "label-figures.md"
IMAGES = PAGE.parent / "images"
TEXT = """# How well wrong labels are found

This page is written by `python -m benchmarks.labels.page` from `benchmarks/results/labels.json`. Data: `{name}`,
{pictures} pictures with FER2013's labels. The truth are FER+'s ten votes: a label is wrong where their plurality is
another of the seven emotions. {scored} pictures are scored, of which {wrong:.0%} are labelled wrong.

## Finding them

*blind* knows the given labels alone. *seeded* knows the votes of {reviews} pictures besides, drawn at random and not
scored: a simulated reviewer. *votes* learns from the votes on other pictures (`mien audit` with `--votes`), *votes,
tuned* tunes the classifier on them besides (`--tune`); below it, the answers of those networks alone. The modes answer
different questions and do not compete. *Clusters* are the unsupervised idea: k-means, and each cluster agrees on a
class. *cleanlab* is its usual recipe: five folds of the same network, ranked by the normalised margin.

A ranking by nothing but how often each class is wrong already looks good, so the AUROC *within* the given classes,
averaged over them, stands beside the others. Intervals are of 95 %, by bootstrap over pictures, from the lowest to the
highest end over the seeds. *spearman* is the rank correlation of the entropy of the belief with that of the votes.
*seconds* are of one core.

{modes}

Which labels are called wrong by it, without any review; 30 % are:

{called}

The same of `--base residual`, a better network that takes two to three times as long on a laptop:

{residual}

![Confidence in the answer beside what was found](images/reliability.svg)

Confidence of `mien audit` with `--votes`, on one half of the scored pictures, after a temperature fitted on the other.
The two calibrations are not one: who reproduces the votes exactly is right about the plurality more often than sure.

## What reviews buy

Labels that are right after relabelling by what was learnt, among all scored pictures; the rest as above, on what was
not reviewed. What is only
reviewed where it is open teaches wrong things of the rest, until there are thousands; *both in turn*, the order of
`mien review`, does as well as random pictures while there are few, and better later. First seed.

{curve}

## What repaired labels are worth

Trained on FER2013's training part, tested on pictures of PublicTest that have no copy in it. *Repaired* takes the
suggested class where it is more likely than not; *beliefs* are the chances of all classes as soft targets. *Seeded*
learnt from {reviews} reviews. The largest loss of a class is in mean recall, beside labels as given.

{repairs}

Losses that withstand wrong labels (`--loss`, `--vote-sampling`; one seed):

{losses}

## What is told apart

Drawn faces, of which the truth is known. *Aleatoric* should follow how much a face blends emotions, and rise with blur;
*epistemic* should tell an emotion that was never seen (AUROC), and rise with fewer pictures to learn from. The rank
correlation of the two says how far they are one number under two names. A tenth of the pictures teach so little in the
same epochs that all draws agree: that column depends more on the training than on the ways.

{drawn}

`python -m benchmarks.labels.run --data PATH` makes these tables ({commits}; {machine}).
[labels.md](labels.md) says what is done.
"""


def told_apart(found: dict[str, Any]) -> str:
    """Picture and table of the part `drawn`, if it was measured."""
    if not any(title.startswith("Drawn") for title in found["tables"]):
        return "Not measured yet: `--only drawn` does it."
    label_drawings.told_apart(rows(found, "Drawn"), IMAGES / "told-apart.svg")
    return f"![How far each way keeps the two apart](images/told-apart.svg)\n\n{table(found, 'Drawn')}"


def main() -> None:
    """Write the page."""
    file = RESULTS / "labels.json"
    if not file.exists():
        raise SystemExit("benchmarks/results/ lacks labels: run `make bench` with a FER+ folder first")
    found = json.loads(file.read_text())
    data = found["data"]
    label_drawings.reliability(rows(found, "Reliability"), IMAGES / "reliability.svg")
    PAGE.write_text(
        TEXT.format(
            name=data["name"],
            pictures=sum(data["classes"].values()),
            scored=data["scored"],
            wrong=data["wrong"],
            reviews=found["settings"]["reviews"],
            modes=table(found, "Wrong labels"),
            called=table(found, "Labels that are called"),
            residual=table(found, "The same with the residual"),
            repairs=table(found, "Trained"),
            losses=table(found, "The same, with other losses"),
            curve=table(found, "Reviews"),
            drawn=told_apart(found),
            commits=", ".join(f"{name} at {part['commit']}" for name, part in sorted(found["parts"].items())),
            machine=machine(found),
        )
    )
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
