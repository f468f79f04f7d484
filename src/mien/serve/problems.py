"""Errors for clients in one form: problem details in JSON (RFC 9457)."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from mien.errors import DataError, MienError, OverloadError, RunError, StorageError, UsageError

log = logging.getLogger("mien.serve")
MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request", 401: "No valid token", 403: "Not allowed", 404: "Not there", 405: "Method not allowed",
    408: "Too slow", 409: "Not possible now", 413: "Too large", 415: "Format not read", 421: "Wrong host",
    422: "Not usable",
    500: "Fault of the server", 503: "Try again later",
}  # fmt: skip
"""Status → title."""
FORMS = "GET /openapi.json lists all paths and what they take"
AS_JSON = "send JSON, with the header Content-Type: application/json"
REMEDIES = {400: f"send valid JSON; {FORMS}", 404: FORMS, 405: FORMS}
"""Status of an error that the framework found → remedy."""
ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
RETRY_AFTER = "1"
"""Seconds after which a client may try again."""


class ProblemError(HTTPException):
    """What is wrong with a request. FastAPI hands on an HTTPException that it meets while it reads a body, as it is.

    Attributes
    ----------
    status : of HTTP. detail : the cause, in a sentence. remedy : what the client may do.
    headers : of the answer, beside the usual ones. more : further members of the JSON.
    """

    def __init__(
        self, status: int, detail: str, remedy: str = "", headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, headers or {})
        self.status, self.remedy, self.more = status, remedy, more

    @property
    def content(self) -> dict[str, Any]:
        """The members of the JSON."""
        title = TITLES.get(self.status, "Error")
        about = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}
        return {**about, **({"remedy": self.remedy} if self.remedy else {}), **self.more}

    def response(self) -> Response:
        """The answer to the client."""
        return Response(as_json(self.content), self.status, dict(self.headers or {}), MEDIA_TYPE)


def as_json(content: Any) -> bytes:
    """JSON in ASCII: file names may have bytes that cannot be encoded in UTF-8."""
    return ENCODER.encode(content).encode()


def problem_of(error: Exception) -> ProblemError:
    """An error as what a client is told. Nothing of a fault in mien is told, but logged."""
    match error:
        case ProblemError():
            return error
        case HTTPException():
            headers = dict(error.headers or {})
            return ProblemError(error.status_code, str(error.detail), REMEDIES.get(error.status_code, ""), headers)
        case OverloadError():
            return ProblemError(503, error.cause, error.remedy, {"Retry-After": RETRY_AFTER})
        case StorageError():
            log.error("%s", error)
            cause = "the store of decisions cannot be reached"
            return ProblemError(503, cause, "try again in a moment", {"Retry-After": RETRY_AFTER})
        case UsageError():
            return ProblemError(400, _cause(error), error.remedy)
        case RunError():
            return ProblemError(409, _cause(error), error.remedy)
        case DataError() | MienError():
            return ProblemError(422, _cause(error), error.remedy)
    log.error("a request failed", exc_info=error)
    return ProblemError(500, "the server could not answer", "look at its log")


def install(app: FastAPI) -> None:
    """Give all errors of an application this form."""

    async def handle(request: Request, error: Exception) -> Response:
        return problem_of(error).response()

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = [{"place": ".".join(map(str, each["loc"])), "detail": str(each["msg"])} for each in error.errors()]
        cause = "; ".join(f"{each['place']}: {each['detail']}" for each in places)[:1000]
        is_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        return ProblemError(
            422, cause, FORMS if is_json or request.method == "GET" else AS_JSON, errors=places
        ).response()

    app.add_exception_handler(RequestValidationError, refused)
    for kind in (MienError, ProblemError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)


def _cause(error: MienError) -> str:
    return f"{error.place}: {error.cause}" if error.place else error.cause
