"""What patches, store and verdicts cost a request while no patch is in force."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.common import Figure, Result
from benchmarks.serving.client import alone, form
from benchmarks.serving.material import Material
from benchmarks.serving.servers import bare_server, mien_server


def machinery(result: Result, material: Material, folder: Path) -> None:
    """The figure `added_share`: by which share p50 at one connection is longer than without all that."""
    seconds, rounds = (0.5, 2) if result.options.quick else (1.0, 100)  # short: what else the machine does varies
    with ExitStack() as stack:
        servers = [
            stack.enter_context(bare_server(material.base)),
            stack.enter_context(mien_server(material.base, folder / "none.db")),
        ]
        requests = [[form(each, server.port) for each in material.jpegs] for server in servers]
        medians: list[list[float]] = [[], []]
        for turn in range(rounds + 1):
            for place in (0, 1) if turn % 2 else (1, 0):
                one = alone(servers[place].port, requests[place], seconds)
                if turn:
                    medians[place].append(1e3 * one.quantile(0.5))
    added = [after / before - 1 for before, after in zip(*medians, strict=True)]
    result.figures["added_share"] = Figure(float(np.median(added)), min(added), max(added), rounds, ())
    bare, whole = (float(np.median(each)) for each in medians)
    result.table(
        "Milliseconds at one connection, median", [{"bare": bare, "mien, no patch in force": whole, "rounds": rounds}]
    )
