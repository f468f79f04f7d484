"""The server of the review page: loopback only unless told otherwise, JSON in and out, pictures as PNG or JPEG."""

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

LONGEST = 4096
"""Bytes of a review."""
MOST = 200
"""Pictures a request."""
SIDES = {"small": 200, "large": 640, "whole": 0}
"""Longer side of the pictures that are served: in the grid, for review, and in their own size."""
KEPT = {"small": 4096, "large": 256, "whole": 1}
"""Encoded pictures that are kept: some 40 MB of small ones, some 30 MB of large ones."""
AT_ONCE = 2
"""Pictures that are decoded at the same time: a large one takes some 200 MB meanwhile."""
HEADER = "x-mien"
"""A page from elsewhere cannot send it without asking first, so it cannot write reviews."""
POLICY = "; ".join(
    ("default-src 'none'", "img-src 'self' data:", "style-src 'unsafe-inline'", "script-src 'unsafe-inline'",
     "connect-src 'self'")
)  # fmt: skip


class PlainJSON(JSONResponse):
    """JSON in ASCII: names of files may hold bytes that are no text, and UTF-8 has no form for them."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False).encode()


def app(desk: ReviewQueue, who: str, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")) -> FastAPI:
    """The page and what it asks for.

    Parameters
    ----------
    desk : the audit. who : written beside each review.
    hosts : names by which the server may be called: others are refused, so that no name can be bent to this machine.
    """
    made = FastAPI(
        title="mien review", docs_url=None, redoc_url=None, openapi_url=None, default_response_class=PlainJSON
    )
    made.add_middleware(TrustedHostMiddleware, allowed_hosts=[*hosts])
    version = digest(desk.data.fingerprint())  # in the address of each picture: another audit has other pictures

    @made.exception_handler(MienError)
    def refused(request: Request, error: MienError) -> JSONResponse:
        return PlainJSON({"error": str(error)}, status_code=400)

    kept = _pictures(desk)

    @made.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(
            _page(desk, version).encode(errors="backslashreplace"),
            headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
        )

    @made.get("/pictures")
    def pictures(
        kind: str = "", given: str = "", order: str = ORDERS[0], todo: bool = True, start: int = 0, count: int = 60
    ) -> dict[str, Any]:
        if (kind and kind not in KINDS) or order not in ORDERS:
            raise HTTPException(400, "no such verdict or order")
        rows = desk.rows(kind, given, order, todo)
        chosen = rows[max(0, start) :][: min(max(0, count), MOST)]
        return {"total": len(rows), "pictures": [desk.entry(row, who) for row in chosen], **desk.progress()}

    @made.get("/picture/{row}")
    def picture(row: int, size: str = "large") -> Response:
        if not 0 <= row < len(desk.data) or size not in SIDES:
            raise HTTPException(404)
        body, kind = kept[size](row, SIDES[size])
        return Response(body, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})

    @made.post("/reviews")
    async def review(request: Request) -> dict[str, Any]:
        if HEADER not in request.headers:
            raise HTTPException(403, "only the review page may write reviews")
        row, label = _word(await _body(request))
        desk.review(row, label, who)
        return {**desk.entry(row, who), **desk.progress()}

    return made


def _page(desk: ReviewQueue, version: str) -> str:
    template = TEMPLATES.from_string(files("mien.serve").joinpath("templates/review.html").read_text(encoding="utf-8"))
    names = desk.data.labelset.names
    given = [name for c, name in enumerate(names) if (desk.suspects.labels == c).any()]
    return template.render(
        classes=list(names), given=given, kinds=KINDS, header=HEADER, version=version, notes=desk.notes()
    )


def _pictures(desk: ReviewQueue) -> dict[str, Callable[[int, int], tuple[bytes, str]]]:
    """For each size of SIDES a function of row and side: a picture's content and media type, kept for a while."""
    Image.init()  # not safe to leave to the threads
    turn = threading.Semaphore(AT_ONCE)

    def content(row: int, side: int) -> tuple[bytes, str]:
        with turn:
            return encoded(view(desk.data, row, side))

    return {name: lru_cache(maxsize=count)(content) for name, count in KEPT.items()}


async def _body(request: Request) -> bytes:
    """The body, or 413 as soon as it is longer than any review."""
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > LONGEST:
            raise HTTPException(413, "is too long for a review")
    return found


def _word(body: bytes) -> tuple[int, str | None]:
    """Row and label of `{"row": …, "label": …}`, or 400."""
    try:
        said = json.loads(body)
        row, label = said["row"], said["label"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise HTTPException(400, "is no review") from None
    if type(row) is not int or not (label is None or isinstance(label, str)):
        raise HTTPException(400, "is no review")
    return row, label
