"""The page of `mien serve`: its files as they are, each with its type, an ETag, and a strict policy of content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mien.report.common.layout import TEMPLATES

PAGE, STYLE = "page.html", "report.css"
"""The page itself, and the style of the reports, on which that of the page stands."""
TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}  # fmt: skip
"""End of a file's name → its media type; files with other ends are not served."""
POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    "trusted-types 'none'",
))  # fmt: skip
"""What the page may load: its own files, and pictures that it holds itself. No text becomes HTML."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()", "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}  # fmt: skip


@dataclass(frozen=True)
class Asset:
    """A file of the page: its content, its media type, and a digest of the content."""

    content: bytes
    media_type: str

    @property
    def etag(self) -> str:
        """The ETag, which changes with the content alone.

        >>> Asset(b"a", "text/css").etag == Asset(b"a", "text/html").etag != Asset(b"b", "text/css").etag
        True
        """
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    def answer(self, known: str) -> Response:
        """The file, or status 304 where the client has it.

        Parameters
        ----------
        known : the header If-None-Match, "" for none.
        """
        headers = {**HEADERS, "ETag": self.etag}
        if self.etag in known:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


@cache
def assets() -> Mapping[str, Asset]:
    """Name → file, of all files of the page."""
    places = [place for place in files("mien.serve").joinpath("assets").iterdir() if _end(place.name) in TYPES]
    read = {place.name: Asset(place.read_bytes(), TYPES[_end(place.name)]) for place in places}
    style = TEMPLATES.get_template("style.css").render().encode()
    return {**read, STYLE: Asset(style, TYPES[".css"])}


def routes() -> list[Route]:
    """The routes of the page: / and /assets/NAME."""
    return [Route("/", _page), Route("/assets/{name}", _asset)]


async def _page(request: Request) -> Response:
    return _shown(request, PAGE)


async def _asset(request: Request) -> Response:
    return _shown(request, request.path_params["name"])


def _shown(request: Request, name: str) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, "the page has no such file")
    return asset.answer(request.headers.get("if-none-match", ""))


def _end(name: str) -> str:
    return name[name.rfind(".") :]
