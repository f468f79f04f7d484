"""Requests a second and their seconds: a plain endpoint against mien, without and with a patch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Figure, Result
from benchmarks.serving.client import Load, form, load
from benchmarks.serving.material import Material
from benchmarks.serving.servers import Server, mien_server, plain_server

MANY = 32
"""Connections at once."""
SHARE = 0.7
"""Of the most requests a second: the load at which the slowest requests are compared with the usual ones."""
PLAIN, NONE = "plain endpoint", "mien, no patch in force"


def throughput(result: Result, material: Material, folder: Path) -> None:
    """The tables of requests a second, and `throughput_ratio`, `p99_over_p50`, `patched_throughput_ratio`."""
    quick = result.options.quick
    seconds, rounds = (1.0, 2) if quick else (6.0, 5)
    contestants = _contestants(material, folder)
    loads: dict[tuple[str, int], list[Load]] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(make()) for name, make in contestants.items()}
        requests = {name: [form(each, server.port) for each in material.jpegs] for name, server in servers.items()}
        for name, server in servers.items():
            load(server.port, requests[name], MANY, seconds / 2)  # sessions, caches and threads are made
        for turn in range(rounds):
            for connections in (1, MANY):
                for name, server in servers.items() if turn % 2 else reversed(servers.items()):
                    one = load(server.port, requests[name], connections, seconds)
                    loads.setdefault((name, connections), []).append(one)
        peak = float(np.median([each.per_second for each in loads[NONE, MANY]]))
        paced = [load(servers[NONE].port, requests[NONE], 4 * MANY, 2 * seconds, SHARE * peak) for _ in range(rounds)]
    _figures(result, loads, paced)


def _contestants(material: Material, folder: Path) -> dict[str, Callable[[], AbstractContextManager[Server]]]:
    def mien(name: str, *flags: str) -> Callable[[], AbstractContextManager[Server]]:
        return lambda: mien_server(material.base, folder / f"{name}.db", *flags)

    patched = {
        f"mien, patch {path.name.removesuffix('.patch')}": mien(path.name, "--patch", str(path))
        for path in material.patches
    }
    return {PLAIN: lambda: plain_server(material.model), NONE: mien("none"), **patched}


def _figures(result: Result, loads: dict[tuple[str, int], list[Load]], paced: list[Load]) -> None:
    table: list[dict[str, Any]] = []
    for (name, connections), each in sorted(loads.items(), key=lambda item: item[0][1]):
        failed = sum(count for one in each for status, count in one.statuses.items() if status != 200)
        table.append(
            {"server": name, "connections": connections, "requests/s": _median(each, Load.per_second.fget),
             "p50, ms": 1e3 * _median(each, lambda one: one.quantile(0.5)),
             "p99, ms": 1e3 * _median(each, lambda one: one.quantile(0.99)), "failed": failed}
        )  # fmt: skip
    result.table("Requests a second, and their milliseconds", table)
    for (name, connections), each in loads.items():
        key = {NONE: ""}.get(name, f"_{name.rpartition(' ')[2]}")
        if name == PLAIN:
            continue
        suffix = "" if connections == MANY else "_alone"
        result.figures[f"throughput_ratio{key}{suffix}"] = _ratio(each, loads[PLAIN, connections])
    ratios = [one.quantile(0.99) / one.quantile(0.5) for one in paced]
    requests = sum(len(one.seconds) for one in paced)
    result.figures["p99_over_p50"] = Figure(float(np.median(ratios)), min(ratios), max(ratios), requests, ())
    row = {
        "requests/s": _median(paced, Load.per_second.fget),
        "p50, ms": 1e3 * _median(paced, lambda one: one.quantile(0.5)),
        "p99, ms": 1e3 * _median(paced, lambda one: one.quantile(0.99)),
        "requests": requests,
    }
    result.table(f"At {SHARE:.0%} of the most, at random times, no patch in force", [row])


def _median(loads: list[Load], of: Callable[[Load], float] | None) -> float:
    assert of is not None
    return float(np.median([of(each) for each in loads]))


def _ratio(ours: list[Load], plain: list[Load]) -> Figure:
    """How many times as many requests a second, round by round."""
    ratios = [mine.per_second / other.per_second for mine, other in zip(ours, plain, strict=True)]
    return Figure(float(np.median(ratios)), min(ratios), max(ratios), sum(len(one.seconds) for one in ours), ())
