"""The HTTP application of `mien serve`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from mien.data.views import png_uri
from mien.serve import inference, openapi, page, problems, proposals
from mien.serve.asking import Shortcut
from mien.serve.bodies import read_pictures
from mien.serve.guard import Guard, Limits
from mien.serve.metrics import Metrics
from mien.service.patches import NONE, ListedPatch
from mien.service.service import Service
from mien.storage.files import to_json
from mien.watch.fields import time_text

Text = Annotated[str, Field(max_length=200)]


class Verdict(BaseModel):
    """What a person decided on a prediction."""

    prediction: Text = Field(examples=["019ab2c4d5e60123456789abcdef0123"])
    label: Text = Field(description="the class that is right", examples=["fear"])
    who: Text = Field("", description="who decided", examples=["Ann"])


class Swap(BaseModel):
    """Which patch is to be in force."""

    patch: Text = Field(description="NAME@HASH, a hash, or none", examples=["fear@3f2a9c01d4e5", NONE])
    reason: Text = Field("", examples=["certified on this month's pictures"])
    who: Text = ""


class Reason(BaseModel):
    """Why something is done, and by whom."""

    reason: Text = ""
    who: Text = ""


UNSAID = Reason()


def application(make: Callable[[Callable[[Callable[[], object]], object]], Service], limits: Limits) -> ASGIApp:
    """The whole application: guarded, with all routes.

    Parameters
    ----------
    make : deliver → a service that is not started yet; `deliver` hands results to the thread of the event loop.
    limits : what requests must keep. Pages of its origins may send requests, and read the answers.
    """
    loops: list[asyncio.AbstractEventLoop] = []
    service = make(lambda tell: loops[0].call_soon_threadsafe(tell))
    metrics = Metrics(service)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        loops[:] = [asyncio.get_running_loop()]
        await asyncio.to_thread(service.start)
        yield
        await asyncio.to_thread(service.stop)

    app = FastAPI(title="mien", lifespan=life, docs_url=None, redoc_url=None)
    app.router.routes.extend(page.routes())
    for router in (_explanations(service), _patches(service), _feedback(service), _state(service, metrics)):
        app.include_router(router)
    for router in (proposals.routes(service), inference.routes(service)):
        app.include_router(router)
    problems.install(app)
    app.openapi = lambda: openapi.described(app, service)  # type: ignore[method-assign]
    guarded = Guard(Shortcut(service, app), limits, metrics.count)
    return _readable(guarded, limits.origins) if limits.origins else guarded


def _readable(app: ASGIApp, origins: Iterable[str]) -> ASGIApp:
    """Let pages of other sites read the answers, and send JSON and a token: their browsers ask for that first."""
    headers = ["Authorization", "Content-Type"]
    return CORSMiddleware(
        app, allow_origins=sorted(origins), allow_methods=["GET", "POST"], allow_headers=headers,
        expose_headers=["Retry-After"],
    )  # fmt: skip


def _explanations(service: Service) -> APIRouter:
    router = APIRouter(tags=["predictions"])

    @router.post("/explain", openapi_extra={"requestBody": openapi.pictures(service, 1)})
    async def explain(request: Request, face: Annotated[int, Query(ge=1, le=1000)] = 1) -> dict[str, Any]:
        """Why a picture has its answer: a heat map, and the labelled pictures most alike."""
        body, kind = await request.body(), request.headers.get("content-type", "")
        pictures = read_pictures(kind, request.url.query, body, 1)
        return await asyncio.to_thread(service.explain, pictures.images[0], pictures.patch, face)

    return router


def _feedback(service: Service) -> APIRouter:
    router = APIRouter(tags=["verdicts"])

    @router.post("/feedback")
    def feedback(verdict: Verdict) -> dict[str, Any]:
        """Keep a verdict on a prediction. The same verdict again changes nothing; of different ones the last counts."""
        outcome = service.verdict(verdict.prediction, verdict.label, verdict.who)
        return {"prediction": verdict.prediction, "label": verdict.label, "verdict": outcome}

    @router.get("/feedback/open")
    def open_decisions(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> dict[str, Any]:
        """The latest decisions that need a verdict and have none: overrides, and those drawn for an audit."""
        rows = service.store.open_decisions(service.in_force.now.id, limit)
        crops = service.store.crops(row.prediction for row in rows)
        return {"classes": service.classes, "keep": service.settings.keep, "open": [
            {"prediction": row.prediction, "label": row.base, "corrected": row.final, "overridden": row.overridden,
             "score": row.score, "threshold": row.threshold, "time": time_text(row.time),
             "audit": row.chance is not None,
             "picture": png_uri(crops[row.prediction]) if row.prediction in crops else None}
            for row in rows
        ]}  # fmt: skip

    return router


def force(service: Service) -> dict[str, Any]:
    """What is in force, with its certificate."""
    now = service.in_force.now
    patch = now.predictor.patch
    return {
        "in_force": now.reference, "patch": now.id, "version": now.version,
        "certificate": None if patch is None else vars(patch.certificate),
        "restraint": None if now.restraint is None else {**vars(now.restraint), "words": str(now.restraint)},
    }  # fmt: skip


def _patches(service: Service) -> APIRouter:
    router = APIRouter(prefix="/patches", tags=["patches"])

    @router.get("")
    def patches() -> dict[str, Any]:
        """The patch in force, and those that may be: all that lie in the server's folder."""
        return {**force(service), "patches": [_listed(each) for each in service.patches.listed()]}

    @router.get("/log")
    def patch_log() -> dict[str, Any]:
        """What was ever in force, with its certificate, who put it there, and why."""
        return {"log": [entry.shown for entry in service.store.patch_log()]}

    @router.post("/swap")
    def swap(wanted: Swap) -> dict[str, Any]:
        """Put a patch in force. It is loaded and tried first; requests in flight keep the earlier one."""
        service.in_force.swap(wanted.patch, reason=wanted.reason, who=wanted.who)
        return force(service)

    @router.post("/rollback")
    def roll_back(why: Reason = UNSAID) -> dict[str, Any]:
        """Put that in force which was before the last swap."""
        service.in_force.roll_back(reason=why.reason, who=why.who)
        return force(service)

    @router.post("/lift")
    def lift(why: Reason = UNSAID) -> dict[str, Any]:
        """End what an alarm put in force."""
        service.in_force.lift(reason=why.reason, who=why.who)
        return force(service)

    return router


def _state(service: Service, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/healthz")
    def health() -> dict[str, str]:
        """Whether the process runs."""
        return {"status": "ok"}

    @router.get("/readyz")
    def ready() -> dict[str, str]:
        """Whether it answers, and can keep decisions."""
        if service.problem:
            raise problems.ProblemError(503, service.problem)
        return {"status": "ready", "patch": service.in_force.now.reference}

    @router.get("/watch")
    def watch() -> Response:
        """Whether the patch in force keeps its promise: its bounds over time, and the answers before and after."""
        content = {**service.promise.shown(), "seconds": metrics.latency(), **force(service)}
        return Response(to_json(content, indent=None), media_type="application/json")

    @router.get("/metrics", response_class=Response)
    def prometheus() -> Response:
        """Figures for Prometheus."""
        content, media_type = metrics.shown()
        return Response(content, media_type=media_type)

    return router


def _listed(patch: ListedPatch) -> dict[str, Any]:
    return {
        "name": patch.name, "patch": patch.id, "reference": patch.reference, "targets": patch.targets,
        "made": str(patch.about.get("made", "")), "certificate": patch.certificate, "problem": patch.problem,
    }  # fmt: skip
