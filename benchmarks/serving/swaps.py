"""Requests while patches are exchanged: none fails, none is answered half by one patch and half by another."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.common import Figure, Result
from benchmarks.serving.client import Connection, connected, form, request
from benchmarks.serving.material import Material
from benchmarks.serving.servers import Server, mien_server

CONNECTIONS = 16
SETTLED = 0.2
"""Share of the requests after which memory is looked at first: until then caches fill."""


@dataclass
class Seen:
    """What clients saw.

    Attributes
    ----------
    failed : requests without status 200. mixed : answers that are not those of the patch that they name.
    changed : answers of f that differ. swap_ms : from the request for a swap to the first answer by the new patch.
    memory : MiB of the server, now and then. answered : requests with an answer.
    """

    failed: int = 0
    mixed: int = 0
    changed: int = 0
    answered: int = 0
    swap_ms: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def swaps(result: Result, material: Material, folder: Path) -> None:
    """The figures `failed`, `mixed`, `f_changed`, `swap_ms` and `memory_growth`."""
    requests, exchanges = (1000, 10) if result.options.quick else (100_000, 1000)
    patches = material.patches[0].parent
    with mien_server(material.base, folder / "swaps.db", "--patches", str(patches), "--patch", "none") as server:
        seen = _in_process(server, material.jpegs, [path.name.removesuffix(".patch") for path in material.patches],
                           requests, exchanges)  # fmt: skip
    first, last = seen.memory[0], seen.memory[-1]
    slow = sorted(seen.swap_ms)
    counts = {"failed": seen.failed, "mixed": seen.mixed, "f_changed": seen.changed}
    for name, count in counts.items():
        result.figures[name] = Figure(count, count, count, seen.answered, ())
    result.figures["swap_ms"] = Figure(slow[len(slow) // 2], slow[0], slow[-1], len(slow), ())
    result.figures["memory_growth"] = Figure(last / first - 1, last / first - 1, last / first - 1, seen.answered, ())
    row = {"requests": seen.answered, "swaps": len(slow), **counts, "median swap, ms": slow[len(slow) // 2],
           "slowest swap, ms": slow[-1], "memory before, MiB": first, "memory after, MiB": last}  # fmt: skip
    result.table("Requests while patches are exchanged", [row])


def _in_process(server: Server, jpegs: tuple[bytes, ...], names: list[str], requests: int, exchanges: int) -> Seen:
    """Ask in a process of its own, and look at the server's memory meanwhile."""
    here, there = multiprocessing.Pipe(duplex=False)
    arguments = (there, server.port, jpegs, names, requests, exchanges)
    process = multiprocessing.get_context("spawn").Process(target=_work, args=arguments)
    process.start()
    there.close()
    memory: list[float] = []
    while not here.poll(0.2):
        pass
    while (message := here.recv()) == "memory":
        memory.append(server.memory)
    process.join()
    seen: Seen = message
    seen.memory = memory
    return seen


def _work(pipe: Any, port: int, jpegs: tuple[bytes, ...], names: list[str], requests: int, exchanges: int) -> None:
    pipe.send(uvloop.run(_ask_and_swap(pipe, port, jpegs, names, requests, exchanges)))


async def _ask_and_swap(
    pipe: Any, port: int, jpegs: tuple[bytes, ...], names: list[str], requests: int, exchanges: int
) -> Seen:
    seen, expected = Seen(), await _expected(port, jpegs, names)
    every = requests // exchanges
    swapping = asyncio.Event()
    done = 0

    async def ask(number: int) -> None:
        nonlocal done
        connection = await connected(port)
        for turn in range(number, requests, CONNECTIONS):
            row = turn % len(jpegs)
            status, body = await connection.ask(form(jpegs[row], port))
            _count(seen, status, body, expected[row])
            done += 1
            if done % every == 0:
                swapping.set()
            if done == int(SETTLED * requests):
                pipe.send("memory")
        connection.close()

    async def swap() -> None:
        control, probe = await connected(port), await connected(port)
        for turn in range(exchanges):
            await swapping.wait()
            swapping.clear()
            wanted = (*names, "none")[turn % (len(names) + 1)]
            seen.swap_ms.append(await _swap(control, probe, port, jpegs[0], wanted, expected[0]))

    asking = asyncio.gather(*(ask(number) for number in range(CONNECTIONS)))
    exchanging = asyncio.create_task(swap())
    await asking
    exchanging.cancel()
    pipe.send("memory")
    return seen


async def _expected(port: int, jpegs: tuple[bytes, ...], names: list[str]) -> list[dict[str, Any]]:
    """Row of a picture → id of each patch → what it answers alone."""
    connection = await connected(port)
    answers: list[dict[str, Any]] = [{} for _ in jpegs]
    for name in (*names, "none"):
        for row, jpeg in enumerate(jpegs):
            _, body = await connection.ask(form(jpeg, port, f"/predict?patch={name}"))
            [answer] = json.loads(body)["predictions"]
            answers[row][answer["patch"]] = answer
            answers[row][name] = answer["patch"]
    connection.close()
    return answers


def _count(seen: Seen, status: int, body: bytes, expected: dict[str, Any]) -> None:
    if status != 200:
        seen.failed += 1
        return
    seen.answered += 1
    [answer] = json.loads(body)["predictions"]
    alone = expected[answer["patch"]]
    classes = expected[""]["probabilities"]
    seen.changed += any(answer["probabilities"][name] != value for name, value in classes.items())
    kept = all(answer[name] == alone[name] for name in ("label", "corrected", "overridden", "threshold"))
    seen.mixed += not (kept and _near(answer["score"], alone["score"]))


def _near(first: float | None, second: float | None) -> bool:
    """Whether two scores are equal but for rounding, which depends on the size of the batch."""
    if first is None or second is None:
        return first is second
    return abs(first - second) <= 1e-4 * max(1.0, abs(first))


async def _swap(
    control: Connection, probe: Connection, port: int, jpeg: bytes, name: str, expected: dict[str, Any]
) -> float:
    """Milliseconds from the request for a swap to the end of the first answer that the new patch gave."""
    begin = time.perf_counter()
    body = json.dumps({"patch": name}).encode()
    asked = asyncio.create_task(control.ask(request(port, "POST", "/patches/swap", "application/json", body)))
    while True:
        _, content = await probe.ask(form(jpeg, port))
        if json.loads(content)["predictions"][0]["patch"] == expected[name]:
            break
    seconds = time.perf_counter() - begin
    status, content = await asked
    assert status == 200, content
    return 1e3 * seconds
