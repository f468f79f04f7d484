"""The endpoint that answers for pictures. It is an ASGI application of its own, since every request passes here."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send

from mien.serve.bodies import Pictures, read_pictures
from mien.serve.problems import MEDIA_TYPE, ProblemError, as_json, problem_of
from mien.service.answers import Label
from mien.service.service import Service


class Waiter:
    """The rows of one request, until all of them are there."""

    __slots__ = ("_missing", "future", "rows")

    def __init__(self, count: int) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows: list[Any] = [None] * count
        self._missing = count

    def tell(self, place: int, row: dict[str, Any] | Exception) -> None:
        """Take the row of one picture; in the thread of the event loop."""
        self.rows[place] = row
        self._missing -= 1
        if not self._missing and not self.future.done():
            self.future.set_result(None)


async def rows_of(service: Service, pictures: Pictures) -> list[dict[str, Any] | Exception]:
    """The rows of all pictures of a request, in order."""
    waiter = Waiter(len(pictures.images))
    if pictures.patch:  # a patch that is not in memory is read from the disk
        await asyncio.to_thread(service.patches.load, pictures.patch)
    service.ask(pictures.images, pictures.labels, waiter.tell, pictures.patch)
    await waiter.future
    return waiter.rows


class PredictEndpoint:
    """POST /predict: rows for the pictures in the body, with the names that `mien predict` uses."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            status, content, media_type, headers = 200, await self._answer(scope, receive), "application/json", {}
        except Exception as error:
            problem = problem_of(error)
            status, content, media_type, headers = problem.status, problem.content, MEDIA_TYPE, problem.headers
        body = as_json(content)
        raw = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
        raw += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        body = await read_body(receive)
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        query = scope["query_string"].decode("latin-1")
        pictures = read_pictures(content_type.decode("latin-1"), query, body, self.service.settings.max_images)
        rows = await rows_of(self.service, pictures)
        if len(rows) == 1 and isinstance(rows[0], Exception):
            raise rows[0]
        return {"predictions": list(map(_shown, rows, pictures.labels))}


def _shown(row: dict[str, Any] | Exception, label: Label) -> dict[str, Any]:
    """A row, also of a picture that cannot be read."""
    return row if isinstance(row, dict) else unreadable(row, label.file)


def unreadable(error: Exception, file: str) -> dict[str, Any]:
    """The row of a picture that has no answer."""
    problem = problem_of(error)
    return {"file": file, "status": "unreadable", "error": problem.detail, "remedy": problem.remedy}


async def read_body(receive: Receive) -> bytes:
    """The body of a request; its size and its time are limited by `mien.serve.guard`."""
    message = await receive()
    body = message.get("body", b"")
    if not message.get("more_body"):
        return body  # type: ignore[no-any-return]
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError(400, "the request was cut off")
        parts.append(message.get("body", b""))
    return b"".join(parts)
