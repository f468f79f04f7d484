"""The endpoint that answers for pictures. It is an ASGI application of its own, since every request passes here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from mien.serve.bodies import Pictures, read_pictures
from mien.serve.problems import MEDIA_TYPE, ProblemError, as_json, problem_of
from mien.service.answers import Label
from mien.service.service import Rows, Service

PATH = "/predict"


class Waiter:
    """The rows of one request, until all of them are there."""

    __slots__ = ("_missing", "future", "rows")

    def __init__(self, count: int) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows: list[Rows] = [[] for _ in range(count)]
        self._missing = count

    def tell(self, place: int, rows: Rows) -> None:
        """Take the rows of one picture; in the thread of the event loop."""
        self.rows[place] = rows
        self._missing -= 1
        if not self._missing and not self.future.done():
            self.future.set_result(None)


async def rows_of(service: Service, pictures: Pictures) -> list[Rows]:
    """The rows of each picture of a request, in order."""
    waiter = Waiter(len(pictures.images))
    asked = pictures.images, pictures.labels, waiter.tell, pictures.patch
    if pictures.patch:  # one that is not in memory is read from the disk
        await asyncio.to_thread(service.ask, *asked)
    else:
        service.ask(*asked)
    await waiter.future
    return waiter.rows


class Shortcut:
    """The endpoint for pictures before the application for everything else, which takes a way through many layers."""

    def __init__(self, service: Service, app: ASGIApp) -> None:
        self.endpoint, self.app = PredictEndpoint(service), app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for pictures, or hand a request on."""
        is_asked = scope["type"] == "http" and scope["path"] == PATH
        await (self.endpoint if is_asked else self.app)(scope, receive, send)


class PredictEndpoint:
    """POST /predict: rows for the pictures in the body, with the names that `mien predict` uses."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: Mapping[str, str] = {}
        try:
            status, content, media_type = 200, await self._answer(scope, receive), "application/json"
        except Exception as error:
            problem = problem_of(error)
            status, content, media_type, headers = problem.status, problem.content, MEDIA_TYPE, problem.headers or {}
        body = as_json(content)
        raw = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
        raw += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        if scope["method"] != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        body = await read_body(receive)
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        query = scope["query_string"].decode("latin-1")
        pictures = read_pictures(content_type.decode("latin-1"), query, body, self.service.settings.max_images)
        results = await rows_of(self.service, pictures)
        if len(results) == 1 and isinstance(results[0], Exception):
            raise results[0]
        pairs = zip(results, pictures.labels, strict=True)
        return {"predictions": [row for rows, label in pairs for row in _shown(rows, label)]}


def _shown(rows: Rows, label: Label) -> list[dict[str, Any]]:
    """The rows of a picture, also of one that cannot be read."""
    return [unreadable(rows, label.file)] if isinstance(rows, Exception) else rows


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
