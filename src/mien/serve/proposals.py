"""The endpoints of what is learnt from verdicts: new patches, proposed and declined."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mien.service.service import Service
from mien.storage.files import to_json

Text = Annotated[str, Field(max_length=200)]


class Declined(BaseModel):
    """Which proposal is declined, and why."""

    patch: Text = Field(description="NAME@HASH, or a hash", examples=["fear-2026-11-28@3f2a9c01d4e5"])
    reason: Text = Field("", examples=["it loses too much surprise"])
    who: Text = ""


def routes(service: Service) -> APIRouter:
    """The endpoints of proposals, for a service."""
    router = APIRouter(prefix="/patches", tags=["learning"])

    @router.get("/proposals")
    def proposals() -> Response:
        """New patches that wait for a decision, each with its comparison on held-out verdicts, and the last refit."""
        return _shown(service)

    @router.post("/refit", status_code=202)
    def refit() -> Response:
        """Begin to make a new patch from the verdicts. It is proposed, or the reason why there is none is logged."""
        service.learning.start()
        return _shown(service, 202)

    @router.post("/decline")
    def decline(declined: Declined) -> Response:
        """Decline a proposal; the patch stays in the folder."""
        service.learning.decline(declined.patch, reason=declined.reason, who=declined.who)
        return _shown(service)

    return router


def _shown(service: Service, status: int = 200) -> Response:
    return Response(to_json(service.learning.shown(), indent=None), status, media_type="application/json")
