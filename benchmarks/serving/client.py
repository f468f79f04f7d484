"""A client of HTTP with connections that stay open, as light as Python allows: it shares the machine with the server.

It runs in a process of its own (`load`), and gives the seconds of each request.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httptools
import numpy as np
import uvloop

from mien.types import Floats

BOUNDARY = "mien-benchmark"


@dataclass
class Load:
    """What a load came to.

    Attributes
    ----------
    seconds : of each answered request. statuses : status → number of answers. wall : seconds of all.
    """

    seconds: Floats
    statuses: dict[int, int]
    wall: float

    @property
    def per_second(self) -> float:
        """Answers with status 200 a second."""
        return self.statuses.get(200, 0) / self.wall

    def quantile(self, share: float) -> float:
        """Seconds that this share of the requests stays below."""
        return float(np.quantile(self.seconds, share))


def form(image: bytes, port: int, path: str = "/predict") -> bytes:
    """A request with one file in a form, as bytes on the wire."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()
    return request(port, "POST", path, f"multipart/form-data; boundary={BOUNDARY}", body)


def request(port: int, method: str, path: str, kind: str, body: bytes) -> bytes:
    """A request as bytes on the wire."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One connection that sends a request as soon as the answer to the last one is there."""

    def __init__(self) -> None:
        self.status, self.body = 0, bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError("the server closed the connection"))

    async def ask(self, content: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a request."""
        self.body = bytearray()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        await self._waiting
        return self.status, bytes(self.body)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


async def connected(port: int) -> Connection:
    """A connection to a server on this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


@dataclass
class _Run:
    seconds: deque[float] = field(default_factory=deque)
    statuses: dict[int, int] = field(default_factory=dict)

    def count(self, status: int, seconds: float) -> None:
        self.seconds.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1


async def _closed(port: int, requests: Sequence[bytes], connections: int, seconds: float, run: _Run) -> float:
    """So many connections ask one request after the other."""
    end = time.perf_counter() + seconds

    async def work(number: int) -> None:
        connection, turn = await connected(port), number
        while (begin := time.perf_counter()) < end:
            status, _ = await connection.ask(requests[turn % len(requests)])
            run.count(status, time.perf_counter() - begin)
            turn += connections
        connection.close()

    begin = time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(connections)))
    return time.perf_counter() - begin


async def _paced(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, run: _Run, rate: float
) -> float:
    """Requests come at random times with a mean rate; the time of each counts from when it should have been sent."""
    rng = np.random.default_rng(0)
    begin = time.perf_counter()
    due = deque((begin + np.cumsum(rng.exponential(1 / rate, int(rate * seconds)))).tolist())

    async def work() -> None:
        connection = await connected(port)
        while due:
            moment = due.popleft()
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            status, _ = await connection.ask(requests[len(due) % len(requests)])
            run.count(status, time.perf_counter() - moment)
        connection.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    return time.perf_counter() - begin


def _process(pipe: Any, port: int, requests: Sequence[bytes], connections: int, seconds: float, rate: float) -> None:
    run = _Run()
    work = (
        _paced(port, requests, connections, seconds, run, rate)
        if rate
        else _closed(port, requests, connections, seconds, run)
    )
    wall = uvloop.run(work)
    pipe.send(Load(np.array(run.seconds), run.statuses, wall))


def alone(port: int, requests: Sequence[bytes], seconds: float) -> Load:
    """One connection, from this process: a client that waits for each answer needs no process of its own."""
    run = _Run()
    wall = uvloop.run(_closed(port, requests, 1, seconds, run))
    return Load(np.array(run.seconds), run.statuses, wall)


def load(port: int, requests: Sequence[bytes], connections: int, seconds: float, rate: float = 0.0) -> Load:
    """Ask a server for some seconds.

    Parameters
    ----------
    rate : requests a second, at random times; 0: each connection asks as soon as it has an answer.
    """
    here, there = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_process, args=(there, port, requests, connections, seconds, rate))
    process.start()
    there.close()
    result: Load = here.recv()
    process.join()
    return result
