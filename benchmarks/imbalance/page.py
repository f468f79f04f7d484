"""Write docs/imbalance-figures.md and its picture from benchmarks/results/imbalance.json: no figure is copied by hand.

python -m benchmarks.imbalance.page
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bases.page import machine, markdown, table
from benchmarks.common import RESULTS
from mien.data.faces import FaceSettings, draw
from mien.data.views import as_png

DOCS = Path(__file__).parents[2] / "docs"
TEXT = """# Unbalanced classes: figures

This page is written by `python -m benchmarks.imbalance.page` from `benchmarks/results/imbalance.json`. Two sets, on
{seeds} seeds of split and model{other_seeds}, {epochs} epochs of training or as many steps:

{sets}

{glance}

[What the treatments are, and how the comparison is kept fair](imbalance.md). Rows are ordered by macro recall on
*calibrate*, which chose the best, unless *chosen by* says macro F1; all figures are of test. *Against none* is the
change of macro recall, with a 95 % interval over seeds and persons; p is after Holm's correction for all rows of the
table. *corrector* and *with-fit* have the pictures of the fit part besides, a third more, and are no rivals of the
others. No weights of a pretrained backbone could be had where this was made.

{by_set}
## The k of nearest neighbours

{neighbours}

## What went wrong in the report that this began with

A student report on the Emotion Detection set ended at accuracy .49 and macro F1 .15. What it did, one thing at a time:

**Scores of rows that were added.** It augmented before it divided, so copies of training pictures were tested on.

{added}

**Weights of 0.3 to 250.** The loss of a batch with one picture of fear is a hundred times that of others; the report
blamed it for a training that jumped from class to class. In a plain loop with Adam, whose steps do not grow with the
loss, the most frequent answer changes no more often than with the mends, as the first column shows: so this much could
not be repeated. What it costs is macro recall. The mends: weights that average 1 over each batch, which alone change
little; a warm-up, clipped steps and averaged weights; √(N/n).

{jumping}

**Augmentation that ends in "all neutral".** Only rare classes were distorted. So a distorted picture meant a rare
class, and a picture as it is, such as all test pictures are, a common one. The mends: change every class alike; and no
more than cameras do.

{distorted}

**SMOTE between pixels blurs.** Left and right of each group two drawn faces, between them what SMOTE would add.

![Two faces and their mean, three times](images/pixel-smote.png)

{pixels}

`python -m benchmarks.imbalance.run --data PATH --legend PATH` makes all of this ({commit}, {machine}).
"""
OF_SET = """## {title}

Best on *calibrate*: **{best}**.

{treatments}

{classes}{sources}

{models}

{combined}{longer}{rare}

"""
TITLES = {"ferplus": "FER+ in RAF-DB's class profile", "emotion_detection": "Emotion Detection, grouped by person"}


def main() -> None:
    """Write the page and its picture."""
    file = RESULTS / "imbalance.json"
    if not file.exists():
        raise SystemExit("benchmarks/results/ lacks imbalance: run `make bench` first")
    found = json.loads(file.read_text())
    found["tables"] = {
        title: [{name: _readable(name, cell) for name, cell in row.items()} for row in rows]
        for title, rows in found["tables"].items()
    }
    sets = [name for name in TITLES if name in found["data"]["classes"]]
    (DOCS / "images" / "pixel-smote.png").write_bytes(as_png(between()))
    page = DOCS / "imbalance-figures.md"
    page.write_text(
        TEXT.format(
            seeds=len(found["parts"]["treatments"]["seeds"]),
            other_seeds=_other_seeds(found),
            epochs=found["settings"]["epochs"],
            sets="\n".join(f"- **{TITLES[name]}**: {_counts(found['data']['classes'][name])}" for name in sets),
            glance=markdown([{"data": TITLES[name], **row} for name in sets for row in _best(found, name)]),
            by_set="".join(_of_set(found, name) for name in sets),
            neighbours=table(found, "Nearest neighbours"),
            added=table(found, f"{sets[-1]}: scored on"),
            jumping=table(found, f"{sets[-1]}: weights of"),
            distorted=table(found, f"{sets[-1]}: only rare"),
            pixels=table(found, f"{sets[-1]}: SMOTE between"),
            commit=found["commit"],
            machine=machine(found),
        )
    )
    print(f"written: {page}")


def _readable(name: str, cell: Any) -> Any:
    """A cell as people read it."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return "< 0.001" if name.startswith("p ") and isinstance(cell, float) and cell < 0.001 else cell


def _other_seeds(found: dict[str, Any]) -> str:
    """The parts with fewer seeds than the treatments, in parentheses."""
    seeds = {name: len(part["seeds"]) for name, part in found["parts"].items()}
    fewer = [f"*{name}* on {n}" for name, n in seeds.items() if n < seeds["treatments"]]
    return f" (of the parts, {', '.join(fewer)})" if fewer else ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _best(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """No treatment, and the best on *calibrate*: of the network by macro recall, by macro F1; then of all models."""
    of_network, of_all = (found["tables"][f"{name}: {title} on calibrate"] for title in ("best", "best of all models"))
    return [*of_network, *(row for row in of_all if row not in of_network)]


def _of_set(found: dict[str, Any], name: str) -> str:

    def some(start: str) -> str:
        there = any(title.startswith(start) for title in found["tables"])
        return f"\n\n{table(found, start)}" if there else ""

    return OF_SET.format(
        title=TITLES[name],
        best=_best(found, name)[1]["treatment"],
        treatments=table(found, f"{name}: treatments"),
        classes=table(found, f"{name}: class by class"),
        sources=some(f"{name}: within each source"),
        longer=some(f"{name}: trained for"),
        models=table(found, f"{name}: other models"),
        combined=table(found, f"{name}: the same number"),
        rare=some(f"{name}: too rare"),
    )


def between() -> np.ndarray:
    """Two drawn faces with their mean between them, three times; (96, W) grey."""
    faces = draw(FaceSettings(n=60, size=96, seed=1)).dataset
    blocks = []
    for label in (1, 3, 5):
        one, other = faces.pictures[faces.labels == label][:2].astype(int)
        gap = np.full((96, 16), 255)
        blocks += [one, (one + other) // 2, other, gap]
    return np.hstack(blocks[:-1]).astype(np.uint8)


if __name__ == "__main__":
    main()
