"""The server of the review page: loopback only unless told otherwise, JSON in and out, pictures as PNG."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any

import numpy as np
from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mien.audit.verdicts import KINDS
from mien.data.samples import as_png
from mien.errors import MienError
from mien.report.layout import TEMPLATES
from mien.web.desk import ORDERS, Desk

MOST = 200
"""Pictures a request."""
HEADER = "x-mien"
"""A page from elsewhere cannot send it without asking first, so it cannot write reviews."""
POLICY = "; ".join(
    ("default-src 'none'", "img-src 'self' data:", "style-src 'unsafe-inline'", "script-src 'unsafe-inline'",
     "connect-src 'self'")
)  # fmt: skip


def app(desk: Desk, who: str, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")) -> FastAPI:
    """The page and what it asks for.

    Parameters
    ----------
    desk : the audit. who : written beside each review.
    hosts : names by which the server may be called: others are refused, so that no name can be bent to this machine.
    """
    made = FastAPI(title="mien review", docs_url=None, redoc_url=None, openapi_url=None)
    made.add_middleware(TrustedHostMiddleware, allowed_hosts=[*hosts])
    names = desk.data.labelset.names

    @made.exception_handler(MienError)
    def refused(request: Request, error: MienError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=400)

    @made.get("/")
    def page() -> HTMLResponse:
        template = TEMPLATES.from_string(
            files("mien.web").joinpath("templates/review.html").read_text(encoding="utf-8")
        )
        given = [name for c, name in enumerate(names) if (desk.suspects.labels == c).any()]
        text = template.render(classes=list(names), given=given, kinds=KINDS, header=HEADER)
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})

    @made.get("/pictures")
    def pictures(
        kind: str = "", given: str = "", order: str = "worth", todo: bool = True, start: int = 0, count: int = 60
    ) -> dict[str, Any]:
        if (kind and kind not in KINDS) or order not in ORDERS:
            raise HTTPException(400, "no such verdict or order")
        rows = desk.rows(kind, given, order, todo)
        chosen = rows[max(0, start) :][: min(max(0, count), MOST)]
        return {"total": len(rows), "pictures": [desk.entry(row) for row in chosen], **desk.progress()}

    @made.get("/picture/{row}")
    def picture(row: int) -> Response:
        if not 0 <= row < len(desk.data):
            raise HTTPException(404)
        return Response(_png(desk, row), media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})

    @made.post("/reviews")
    def review(
        request: Request, row: Annotated[int, Body()], label: Annotated[str | None, Body(max_length=200)]
    ) -> dict[str, Any]:
        if HEADER not in request.headers:
            raise HTTPException(403, "only the review page may write reviews")
        desk.review(row, label, who)
        return {**desk.entry(row), **desk.progress()}

    return made


@lru_cache(maxsize=4096)
def _encoded(pixels: bytes, shape: tuple[int, ...]) -> bytes:
    return as_png(np.frombuffer(pixels, np.uint8).reshape(shape))


def _png(desk: Desk, row: int) -> bytes:
    one = desk.data.pictures[row]
    return _encoded(one.tobytes(), one.shape)
