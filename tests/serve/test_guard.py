"""What every request passes first."""

from __future__ import annotations

import asyncio
from typing import Any

from mien.serve import guard
from mien.serve.guard import Guard, Limits


async def reads_all(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def scope(**headers: str) -> dict[str, Any]:
    pairs = {"host": "localhost", **headers}
    return {
        "type": "http",
        "path": "/predict",
        "headers": [(name.encode(), each.encode()) for name, each in pairs.items()],
    }


async def status_of(app: Guard, *parts: bytes, wait: asyncio.Event | None = None) -> int:
    """Status of a request whose body comes in parts; the last comes after an event."""
    left, statuses = list(parts), []

    async def receive() -> dict[str, Any]:
        if len(left) == 1 and wait is not None:
            await wait.wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status"))

    await app(scope(), receive, send)
    return statuses[0]


def test_bodies_in_memory_have_a_common_limit_and_room_comes_back() -> None:
    app = Guard(reads_all, Limits(max_bytes=10))

    async def work() -> None:
        event = asyncio.Event()
        slow = [asyncio.create_task(status_of(app, b"x" * 10, b"", wait=event)) for _ in range(guard.BODIES)]
        await asyncio.sleep(0.01)
        assert await status_of(app, b"x" * 10) == 503
        event.set()
        assert await asyncio.gather(*slow) == [200] * guard.BODIES
        assert await status_of(app, b"x" * 10) == 200
        assert await status_of(app, b"x" * 6, b"x" * 5) == 413
        assert app._held == 0

    asyncio.run(work())


def test_a_body_that_never_ends_is_given_up() -> None:
    app = Guard(reads_all, Limits(seconds=0.05))

    async def work() -> int:
        return await status_of(app, b"x", b"y", wait=asyncio.Event())

    assert asyncio.run(work()) == 408
