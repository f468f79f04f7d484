"""Write docs/serving-figures.md from the results of the benchmarks of serving: no figure is copied by hand.

python -m benchmarks.serving.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.bases.page import machine, markdown, table
from benchmarks.common import RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "serving-figures.md"
GOALS = (
    ("throughput_ratio", "requests a second, over those of the plain endpoint, 32 connections", "≥ 2"),
    ("throughput_ratio_alone", "the same, one connection", ""),
    ("throughput_ratio_nystroem", "the same with a patch of kernel machines in force, 32 connections", ""),
    ("p99_over_p50", "slowest of a hundred requests over the usual one, at 70 % of the most requests", "≤ 5"),
    ("added_share", "by which patches, store and verdicts lengthen a request while no patch is in force", "≤ 0.05"),
    ("failed", "requests that failed while patches were exchanged", "0"),
    ("mixed", "answers that are not those of the patch that they name", "0"),
    ("f_changed", "answers of the classifier itself that changed", "0"),
    ("swap_ms", "ms from the request for a swap to the first answer by the new patch", "≤ 100"),
    ("memory_growth", "growth of memory over these requests", "≤ 0.05"),
    ("verdicts_lost", "acknowledged verdicts that are gone after kill -9", "0"),
    ("video_fps", "frames a second of a video of 640 × 480 with two faces", "≥ 25"),
    ("video_memory_growth", "growth of memory over a long video", "≤ 0.05"),
)  # fmt: skip
"""Key of a figure, what it is, and the goal."""
TEXT = """# How fast a server answers

`python -m benchmarks.serving.page` writes this page. Server and clients share one machine of 2 cores. The network is
`{network}`; the pictures are JPEGs of {side} × {side} pixels, of {pictures}. The plain endpoint is
`benchmarks/serving/plain.py`: 30 lines with FastAPI, Pillow and ONNX Runtime, by uvicorn. Contestants take turns;
figures are medians over rounds, with the lowest and the highest.

{goals}

## Requests

{requests}

{paced}

{machinery}

A thread takes the pictures that wait, and never waits for a batch to fill up. Pictures are decoded and answered by as
many threads as there are cores, each on one core; decisions are written by another, in batches.

## Swaps

Clients ask all the time. Meanwhile patches are exchanged, one after the other, and none. Each answer is compared with
what the patch that it names gives to that picture alone.

{swaps}

## Verdicts

Clients give verdicts until the server is killed (kill -9). Those that it acknowledged are looked up in its store.

{verdicts}

## Videos

From the file to corrected answers: decoding, detection, crops, tracks, the network, its patch.

{video}

{memory}

`MIEN_DATA=DATA python -m benchmarks.serving.run` and `… python -m benchmarks.serving.video` make these tables
({commits}; {machine}).
"""


def goals(figures: dict[str, Any]) -> str:
    """The table of figures with their goals."""
    return markdown(
        [
            {"figure": about, "goal": goal, "measured": _shown(figures[key]), "n": f"{figures[key]['n']:,}"}
            for key, about, goal in GOALS
            if key in figures
        ]
    )


def _shown(figure: dict[str, Any]) -> str:
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    digits = "{:,.0f}" if abs(value) >= 100 or float(value).is_integer() else "{:,.3g}"
    spread = "" if low == high else f" ({digits.format(low)}–{digits.format(high)})"
    return digits.format(value) + spread


def text(serving: dict[str, Any], video: dict[str, Any]) -> str:
    """The page, of both results."""
    data = serving["data"]
    return TEXT.format(
        **{name: data[name] for name in ("network", "side", "pictures")},
        goals=goals({**serving["figures"], **video["figures"]}),
        requests=table(serving, "Requests a second"),
        paced=table(serving, "At 70"),
        machinery=table(serving, "Milliseconds at one"),
        swaps=table(serving, "Requests while"),
        verdicts=table(serving, "Verdicts while"),
        video=table(video, "Frames"),
        memory=table(video, "Memory"),
        commits=", ".join(sorted({serving["commit"][:7], video["commit"][:7]})),
        machine=machine(serving),
    )


def results() -> tuple[dict[str, Any], dict[str, Any]]:
    """The results of requests and of videos."""
    serving, video = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("serving", "video")
    )
    return serving, video


def main() -> None:
    """Write the page."""
    PAGE.write_text(text(*results()), encoding="utf-8")


if __name__ == "__main__":
    main()
