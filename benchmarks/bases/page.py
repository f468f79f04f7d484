"""Write docs/bases.md from benchmarks/results/base.json and speed.json, so that no figure is copied by hand.

python -m benchmarks.bases.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.common import PROFILE, RESULTS
from mien.nets.settings import BASE_HELP

PROFILES = {"raf": "RAF-DB's class profile", "affectnet": "AffectNet's shares of the classes"}
PAGE = Path(__file__).parents[2] / "docs" / "bases.md"
TEXT = """# Base classifiers: recipe, accuracy, speed

This page is written by `python -m benchmarks.bases.page` from the files in `benchmarks/results/`. Figures are means
over seeds, with the lowest and the highest value in brackets. {data}

## Accuracy of the base classifiers

`attention` combines convolutions, an LSTM and self-attention; `residual` is a small residual network with attention
pooling. Both are trained from scratch on the *train* part only, on all classes, each with its default recipe
({own}). Their output is the mean over a picture and its mirror image (`--no-flip-tta` turns this off; the section on
speed has its cost).

{final}

## Effect of each part of the recipe

The first row is the default recipe of `attention`; each other row changes one part of it. Rows with synthetic faces
also have more training steps, so they are upper bounds of the effect. To save time, all rows have {short} epochs
instead of {epochs}. A model is trained without one class (a different class for each seed) and evaluated on the
*correct* part, which it was not trained on: accuracy and macro recall on the other classes, and how well a logistic
probe on its activations detects the left-out class, which limits what a corrector can achieve.

{recipes}

Some effects need a long training. The next models are trained on all classes and evaluated on *correct* too; the
recipes were chosen there, never on the test part.

{long}

"Drawn faces first" (`--synthetic 8000`) means that the network is trained on 8,000 synthetic faces for half as many
epochs, then on the pictures. No faces of left-out classes are drawn.

`python -m benchmarks.bases.run --data PATH` makes these tables ({base_commit}, {base_machine}).

## Speed

The plain loop is `benchmarks/speed/reference_loop.py`: Dataset, DataLoader with two workers, PIL decoding, a transform
per picture, float32, the same network. It runs as it is, and also with one process on each core, which is faster. Both
loops train on single labels here; mien's time includes decoding all pictures into the cache. Macro recall is measured
on *correct*, for all classes, after {speed_epochs} epochs.

{training}

{inference}

mien is faster for these reasons: pictures are decoded once, into a memory-mapped cache; augmentation works on whole
batches; bfloat16 is used where the processor supports it; freed memory is kept (glibc); maps are in channels-last
layout; batch norm is folded into the first convolution, with statistics from the 9×9 covariance of the patches; plain
matrix products replace torch's fused attention, which is slow for short sequences; and the first half of training uses
pictures at two thirds of their size. A study trains a model on each core, faster than a model on all cores.

{agreement}

The results of a study do not depend on its engine. Each training uses one thread unless `--threads` sets more; more
threads change the last digits of sums, and so, after many steps, some answers.

{floor}

{shares}

{elsewhere}

{memory}

`python -m benchmarks.speed.run --data PATH` makes these tables ({speed_commit}, {speed_machine}).

## On a GPU

Pictures are augmented on the device, layers compute in bfloat16, and a training step is recorded as a CUDA graph for
each batch shape and replayed, since a step of this small network consists of many short kernels, and launching them one
by one takes longer than running them. The plain loop also uses the device, with pinned memory and a worker process for
each of the {gpu_cores} cores. The same seed gives the same weights, bit for bit, also if the training is killed and
resumed.

{gpu}

{gpu_residual}

{gpu_same}

`python -m benchmarks.speed.gpu --data PATH` makes these tables ({gpu_commit}, one {gpu_device}, torch {gpu_torch}).
Only training and feature extraction in a study use the GPU; correctors of arrays, `mien correct` and `mien predict`
use the processor.
"""


def markdown(rows: list[dict[str, Any]]) -> str:
    """A table."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns), *([_text(row.get(name)) for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:,.3f}" if abs(cell) < 100 else f"{cell:,.0f}"
    return "–" if cell is None else str(cell)


def machine(result: dict[str, Any]) -> str:
    """What made a result."""
    found = result["machine"]
    return f"{found['cores']} cores of {found['processor']}, torch {found['versions']['torch']}"


def described(result: dict[str, Any]) -> str:
    """The data of a result in a sentence."""
    data = result["data"]
    counts = ", ".join(f"{name} {count}" for name, count in data["classes"].items())
    parts = ", ".join(f"{part} {count}" for part, count in data["parts"].items() if part != "fit")
    profile = PROFILES.get(result["settings"].get("class profile", PROFILE).partition(":")[0], "classes of its own")
    return f"Data: `{data['name']}` in {profile} ({counts}; parts: {parts})."


def table(result: dict[str, Any], start: str) -> str:
    """The table whose title begins so, with its title."""
    title, rows = next((title, rows) for title, rows in result["tables"].items() if title.startswith(start))
    return f"**{title}**\n\n{markdown(rows)}"


def main() -> None:
    """Write the page."""
    missing = [name for name in ("base", "speed", "gpu") if not (RESULTS / f"{name}.json").exists()]
    if missing:
        raise SystemExit(f"benchmarks/results/ lacks {', '.join(missing)}: run `make bench` first")
    base, speed, gpu = (json.loads((RESULTS / f"{name}.json").read_text()) for name in ("base", "speed", "gpu"))
    PAGE.write_text(
        TEXT.format(
            data=described(base),
            final=table(base, "Default recipes"),
            own=BASE_HELP.partition("; ")[2] or "the same",
            recipes=table(base, "Recipes"),
            long=table(base, "At full length"),
            gpu_cores=gpu["machine"]["cores"],
            gpu=table(gpu, "Training attention"),
            gpu_residual=table(gpu, "Training residual"),
            gpu_same=table(gpu, "The same"),
            gpu_commit=gpu["commit"],
            gpu_device=gpu["settings"]["device"],
            gpu_torch=gpu["machine"]["versions"]["torch"],
            short=base["settings"]["short"],
            epochs=base["settings"]["recipes"]["attention"]["train"]["epochs"],
            base_commit=base["commit"],
            base_machine=machine(base),
            speed_epochs=speed["settings"]["epochs"],
            training=table(speed, "Training"),
            inference=table(speed, "Inference"),
            agreement=table(speed, "Agreement"),
            floor=table(speed, "How far"),
            shares=table(speed, "Where the time"),
            elsewhere=table(speed, "Elsewhere"),
            memory=table(speed, "Memory"),
            speed_commit=speed["commit"],
            speed_machine=machine(speed),
        )
    )
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
