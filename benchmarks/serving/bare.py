"""mien's server without patches, store and verdicts: HTTP and batches are the same. BARE_BASE is the classifier."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from mien.classifiers.cell import open_run
from mien.deploy.predictor import Predictor
from mien.serve.asking import Shortcut
from mien.serve.guard import Guard, Limits
from mien.service.answers import Label
from mien.service.engine import Engine, Question, Result
from mien.service.service import Asked
from mien.service.settings import EngineSettings, ServeSettings


class BareService:
    """An engine, and nothing beside it."""

    def __init__(self) -> None:
        self.settings = ServeSettings()
        self.engine = Engine(open_run(Path(os.environ["BARE_BASE"])), EngineSettings(), self._answered)
        self.predictor = Predictor(self.engine.classifier)

    def ask(self, images: Sequence[Any], labels: Sequence[Label], tell: Any, patch: str = "") -> None:
        """Ask for the answers of one request."""
        asked = enumerate(zip(images, labels, strict=True))
        self.engine.submit(
            [Question(image, self.predictor, (), Asked(place, label, tell)) for place, (image, label) in asked]
        )

    def _answered(self, pairs: Sequence[tuple[Question, Result]]) -> None:
        told = []
        for question, result in pairs:
            if isinstance(result, Exception):
                told.append((question.asker, result))
                continue
            [result] = result
            probs = result.outputs.probs[result.row].tolist()
            classes = self.predictor.classes
            label = classes[int(result.decision.base[result.row])]
            told.append((question.asker, [{"label": label, "probabilities": dict(zip(classes, probs, strict=True))}]))
        self.loop.call_soon_threadsafe(lambda: [asked.tell(asked.place, row) for asked, row in told])


def application() -> ASGIApp:
    """The application, for uvicorn."""
    service = BareService()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service.loop = asyncio.get_running_loop()
        service.engine.start()
        yield
        service.engine.stop()

    app = FastAPI(lifespan=life)
    return Guard(Shortcut(service, app), Limits())  # type: ignore[arg-type]
