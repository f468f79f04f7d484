"""What every request passes first: host, origin, token, size and time are checked, and it is counted."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.serve.problems import RETRY_AFTER, ProblemError, problem_of

LOCAL = ("127.0.0.1", "localhost", "[::1]")
"""Host names of this machine."""
OPEN = frozenset({"/", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/favicon.ico"})
"""Paths that need no token: the page, which asks for it, and what orchestrators look at."""
OPEN_FOLDER = "/assets/"
BODIES = 16
"""Bodies of the largest size that are in memory together at most; small ones may be many more."""


@dataclass(frozen=True)
class Limits:
    """What a request must keep.

    Attributes
    ----------
    hosts : names under which the server is reached. origins : of other sites whose pages may send requests.
    token : that requests must carry, "" for none. max_bytes : of a body. seconds : until the body must be there.
    """

    hosts: frozenset[str] = frozenset(LOCAL)
    origins: frozenset[str] = frozenset()
    token: str = ""
    max_bytes: int = 16_000_000
    seconds: float = 30.0


@dataclass(slots=True)
class _Body:
    """How much of a request's body is there, and whether that is all of it."""

    size: int = 0
    is_whole: bool = False


class Guard:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app : what answers. limits : what requests must keep.
    on_request : called after each with its path, its status and its seconds.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, on_request: Callable[[str, int, float], object] = lambda *_: None
    ) -> None:
        self.app, self.limits, self.on_request = app, limits, on_request
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def answered(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        problem, body = self._problem(scope), _Body()
        if problem is None:
            try:
                await self.app(scope, self._limited(receive, body), answered)
            except Exception as error:  # starlette raises what it has answered already once more
                problem = None if status else problem_of(error)
            finally:
                self._held -= body.size
        if problem is not None:
            await problem.response()(scope, receive, answered)
        self.on_request(scope["path"], status, time.perf_counter() - began)

    def _problem(self, scope: Scope) -> ProblemError | None:
        headers = dict(scope["headers"])
        limits = self.limits
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        if name not in limits.hosts:
            remedy = "reach it under its own name, or start it with --allow NAME"
            return ProblemError(421, "the host is not one of this server", remedy)
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin and origin not in limits.origins and origin.partition("://")[2] != host:
            return ProblemError(403, "pages of this origin may not send requests", "start it with --origins ORIGIN")
        size = headers.get(b"content-length", b"0")
        if size.isdigit() and int(size) > limits.max_bytes:
            return self._too_large()
        return self._unauthorised(scope["path"], headers.get(b"authorization", b""))

    def _unauthorised(self, path: str, given: bytes) -> ProblemError | None:
        if not self.limits.token or path in OPEN or path.startswith(OPEN_FOLDER):
            return None
        kind, _, token = given.partition(b" ")
        if kind.lower() == b"bearer" and hmac.compare_digest(token.strip(), self.limits.token.encode()):
            return None
        remedy = "send the header Authorization: Bearer TOKEN"
        return ProblemError(401, "the request has no valid token", remedy, {"WWW-Authenticate": "Bearer"})

    def _limited(self, receive: Receive, body: _Body) -> Receive:
        """Receive the body within its limits of size and time; afterwards without any."""
        deadline = asyncio.get_running_loop().time() + self.limits.seconds

        async def limited() -> Message:
            if body.is_whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                cause = f"the request took more than {self.limits.seconds:g} s to arrive"
                raise ProblemError(408, cause, "send it again, or in smaller parts") from None
            size = len(message.get("body", b""))
            body.size += size
            self._held += size
            body.is_whole = not message.get("more_body", False)
            if body.size > self.limits.max_bytes:
                raise self._too_large()
            if self._held > BODIES * self.limits.max_bytes:
                raise ProblemError(503, "too many large requests at once", "try again", {"Retry-After": RETRY_AFTER})
            return message

        return limited

    def _too_large(self) -> ProblemError:
        return ProblemError(413, f"the request has more than {self.limits.max_bytes / 1e6:g} MB", "send less at once")
