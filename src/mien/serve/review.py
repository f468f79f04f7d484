"""HTTP server of the review page: local by default, with JSON requests and answers and pictures as PNG or JPEG."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from PIL import Image
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mien.data.views import encoded, view
from mien.errors import MienError
from mien.labels.review_queue import ORDERS, ReviewQueue
from mien.labels.verdicts import KINDS
from mien.report.common.layout import TEMPLATES
from mien.types import digest

MAX_BYTES = 4096
"""Largest size of a request with a review."""
MAX_PICTURES = 200
"""Most pictures listed per request."""
SIDES = {"small": 200, "large": 640, "whole": 0}
"""Longer side in pixels of served pictures: in the grid, for review, and in full size (0)."""
CACHED = {"small": 4096, "large": 256, "whole": 1}
"""Number of encoded pictures in memory: about 40 MB of small and 30 MB of large ones."""
DECODERS = 2
"""Pictures decoded at the same time; decoding a large picture takes about 200 MB."""
HEADER = "x-mien"
"""Required header of reviews; pages of other sites cannot send it without a preflight request."""
POLICY = "; ".join(
    ("default-src 'none'", "img-src 'self' data:", "style-src 'unsafe-inline'", "script-src 'unsafe-inline'",
     "connect-src 'self'")
)  # fmt: skip


class PlainJSON(JSONResponse):
    """JSON response in ASCII, since file names may contain bytes that cannot be encoded in UTF-8."""

    def render(self, content: Any) -> bytes:
        """Encode the content as ASCII JSON."""
        return json.dumps(content, allow_nan=False).encode()


def app(queue: ReviewQueue, who: str, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")) -> FastAPI:
    """Build the web application of the review page.

    Parameters
    ----------
    queue : audited pictures and their reviews.
    who : name of the reviewer, stored with each review.
    hosts : accepted host names; requests to others are refused, which prevents DNS rebinding.
    """
    server = FastAPI(
        title="mien review", docs_url=None, redoc_url=None, openapi_url=None, default_response_class=PlainJSON
    )
    server.add_middleware(TrustedHostMiddleware, allowed_hosts=[*hosts])
    version = digest(queue.data.fingerprint())  # part of picture URLs, so that browsers do not mix up audits

    @server.exception_handler(MienError)
    def refused(request: Request, error: MienError) -> JSONResponse:
        return PlainJSON({"error": str(error)}, status_code=400)

    pictures_of_size = _cached_pictures(queue)

    @server.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(
            _page(queue, version).encode(errors="backslashreplace"),
            headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
        )

    @server.get("/pictures")
    def pictures(
        kind: str = "", given: str = "", order: str = ORDERS[0], todo: bool = True, start: int = 0, count: int = 60
    ) -> dict[str, Any]:
        if (kind and kind not in KINDS) or order not in ORDERS:
            raise HTTPException(400, "there is no such verdict or order")
        rows = queue.rows(kind, given, order, todo)
        chosen = rows[max(0, start) :][: min(max(0, count), MAX_PICTURES)]
        return {"total": len(rows), "pictures": [queue.entry(row, who) for row in chosen], **queue.progress()}

    @server.get("/picture/{row}")
    def picture(row: int, size: str = "large") -> Response:
        if not 0 <= row < len(queue.data) or size not in SIDES:
            raise HTTPException(404)
        body, media_type = pictures_of_size[size](row, SIDES[size])
        return Response(body, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})

    @server.post("/reviews")
    async def review(request: Request) -> dict[str, Any]:
        if HEADER not in request.headers:
            raise HTTPException(403, "reviews are only accepted from the review page")
        row, label = _parse_review(await _read_body(request))
        queue.review(row, label, who)
        return {**queue.entry(row, who), **queue.progress()}

    return server


def _page(queue: ReviewQueue, version: str) -> str:
    template = TEMPLATES.from_string(files("mien.serve").joinpath("templates/review.html").read_text(encoding="utf-8"))
    names = queue.data.labelset.names
    given = [name for c, name in enumerate(names) if (queue.suspects.labels == c).any()]
    return template.render(
        classes=list(names), given=given, kinds=KINDS, header=HEADER, version=version, notes=queue.notes()
    )


def _cached_pictures(queue: ReviewQueue) -> dict[str, Callable[[int, int], tuple[bytes, str]]]:
    """For each size of SIDES a cached function (row, side) → encoded picture and its media type."""
    Image.init()  # not thread-safe, so it must not run in the request threads
    decoders = threading.Semaphore(DECODERS)

    def content(row: int, side: int) -> tuple[bytes, str]:
        with decoders:
            return encoded(view(queue.data, row, side))

    return {name: lru_cache(maxsize=count)(content) for name, count in CACHED.items()}


async def _read_body(request: Request) -> bytes:
    """Read the body of a request; status 413 as soon as it exceeds the size of a review."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise HTTPException(413, "request is too long for a review")
    return body


def _parse_review(body: bytes) -> tuple[int, str | None]:
    """Row and label of `{"row": …, "label": …}`; status 400 for anything else."""
    problem = HTTPException(400, 'a review must be JSON such as {"row": 0, "label": "fear"}')
    try:
        content = json.loads(body)
        row, label = content["row"], content["label"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise problem from None
    if type(row) is not int or not (label is None or isinstance(label, str)):
        raise problem
    return row, label
