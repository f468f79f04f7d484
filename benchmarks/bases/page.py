"""Write docs/bases.md from benchmarks/results/base.json and speed.json, so that no figure is copied by hand.

python -m benchmarks.bases.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS
from mien.nets.settings import BASE_HELP

PAGE = Path(__file__).parents[2] / "docs" / "bases.md"
TEXT = """# Base classifiers: recipe, accuracy, speed

This page is written by `python -m benchmarks.bases.page` from the files in `benchmarks/results/`. Means over seeds are
given with the lowest and the highest. {data}

## What the two bases reach

`attention` is the paper's network (CNN → LSTM → attention); `residual` is a small residual network with attention
pooling. Both are trained from scratch on *train* alone, on all seven classes, each with its own default recipe
({own}). They answer by the mean over a picture and its mirror image (`--no-flip-tta` turns that off; what it
costs in time stands below).

{final}

## What each part of the recipe is worth

The first line is `attention`'s default recipe. Each other line changes one thing of it (drawn faces also add steps, so
their lines say at most what they are worth). To be comparable in bearable time, all lines here have {short} epochs,
not {epochs}. A model is trained without one class (another for each seed), and judged on *correct*,
which it never saw: accuracy and macro recall on the six classes that it knows, and how well a logistic probe on its
activations tells the class that it does not know: what a corrector has to work with.

{recipes}

Some things only show in a long training. These are models of all classes, judged on *correct* as well; that is where
the recipes were chosen, never on the test part.

{long}

Drawn faces first (`--synthetic 8000`) means: the network learns from 8,000 drawn faces for half as many epochs, then
from the pictures. No face is drawn of a class that it may not know.

`python -m benchmarks.bases.run --data PATH` makes these tables ({base_commit}, {base_machine}).

## Speed

The plain loop is `benchmarks/speed/reference_loop.py`: Dataset, DataLoader with two workers, PIL decoding, one
transform a picture, float32, the same network. It runs as it is, and also once on each core, which is faster. Both
learn from one label a picture here; decoding once into the cache is on mien's clock. Macro recall is that of
*correct*, all classes, after {speed_epochs} epochs.

{training}

{inference}

What makes the difference: pictures are decoded once, into a memory-mapped cache; augmentation works on whole
batches; bfloat16 where the processor has it; freed memory is kept (glibc); channels-last maps; batch norm folded
into the first convolution, whose statistics follow from the 9×9 covariance of the patches; plain matrix products
instead of torch's fused attention, which is slow for short sequences; and the first half of training sees the
pictures at two thirds of their size. A study trains one model on each core, which beats all cores on one model.

{agreement}

A study's numbers do not depend on its engine. Each training has one thread unless `--threads` says otherwise; more
change the last digits of every sum, and so, after many steps, some answers.

{floor}

{shares}

{elsewhere}

{memory}

`python -m benchmarks.speed.run --data PATH` makes these tables ({speed_commit}, {speed_machine}).

## On a GPU

Pictures are augmented on the device, layers compute in bfloat16, and each shape of step is recorded once as a CUDA
graph and replayed: a step of this small network is made of many short kernels, and starting them one by one takes
longer than running them. The plain loop has the device too, pinned memory, and a worker process for each of the
{gpu_cores} cores. The same seed gives the same weights, bit for bit, also when the training was killed half-way.

{gpu}

{gpu_residual}

{gpu_same}

`python -m benchmarks.speed.gpu --data PATH` makes these tables ({gpu_commit}, one {gpu_device}, torch {gpu_torch}).
Only training uses the GPU, and reading out in a study; correctors of arrays, `mien correct` and `mien predict` compute
on the processor.
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
    return f"Data: `{data['name']}` in RAF-DB's class profile ({counts}; parts: {parts})."


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
