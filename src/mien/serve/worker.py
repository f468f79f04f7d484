"""One process of a server: its settings travel through the environment, since each worker starts by itself."""

from __future__ import annotations

import gc
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from starlette.types import ASGIApp

from mien.classifiers.cell import cell_of, open_run
from mien.classifiers.contract import Classifier, ImageSpec
from mien.classifiers.registry import open_classifier
from mien.deploy.assessment import WatchSettings
from mien.deploy.opening import is_patched
from mien.errors import UsageError
from mien.faces.settings import FinderSettings
from mien.serve.app import application
from mien.serve.guard import LOCAL, Limits
from mien.serve.supervisor import supervise
from mien.service.learning import Elsewhere
from mien.service.one_at_a_time import safe_for_threads
from mien.service.patches import PatchFolder
from mien.service.service import Service
from mien.service.settings import EngineSettings, ServeSettings
from mien.service.store import open_store
from mien.storage.layout import APPLIED

CONFIG, TOKEN = "MIEN_WORKER", "MIEN_SERVE_TOKEN"
"""Environment variables: the settings of a worker, and the token that requests must carry."""


@dataclass(frozen=True)
class ServerConfig:
    """All that a worker needs to begin.

    Attributes
    ----------
    place : folder of the classifier. patches : folder of patches, "" for none. patch_folder : of one patch elsewhere.
    store : path or URL. host : that it is bound to.
    """

    place: str
    store: str
    host: str = "127.0.0.1"
    patches: str = ""
    patch_folder: str = ""
    settings: ServeSettings = field(default_factory=ServeSettings)

    def to_environment(self) -> None:
        """Hand it to processes that start from this one."""
        os.environ[CONFIG] = json.dumps(asdict(self))

    @classmethod
    def from_environment(cls) -> Self:
        """What the parent process handed on."""
        stored = json.loads(os.environ[CONFIG])
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored["settings"].items()
        }
        kinds = {"engine": EngineSettings, "finder": FinderSettings, "watch": WatchSettings}
        settings |= {name: kind(**settings[name]) for name, kind in kinds.items()}
        return cls(**{**stored, "settings": ServeSettings(**settings)})

    @property
    def limits(self) -> Limits:
        """What requests must keep."""
        host = f"[{self.host}]" if ":" in self.host else self.host  # as a browser writes an address of IPv6
        hosts = frozenset(name.lower() for name in (*LOCAL, host, *self.settings.allow))
        origins = frozenset(origin.lower().rstrip("/") for origin in self.settings.origins)
        return Limits(hosts, origins, os.environ.get(TOKEN, ""), int(self.settings.max_bytes * 1e6))


def make_service(
    config: ServerConfig, deliver: Callable[[Callable[[], object]], object] = lambda tell: tell()
) -> Service:
    """A service with all that its settings name, not started yet.

    Raises
    ------
    UsageError, RunError, StorageError : something cannot be opened.
    """
    classifier, folder = open_place(Path(config.place))
    check_reads_images(classifier, config.place)
    classifier = safe_for_threads(classifier)
    if config.patches and not Path(config.patches).is_dir():
        raise UsageError("is no folder", place=f"--patches {config.patches}", remedy="make it, or name another")
    beside = [Path(config.patch_folder)] if config.patch_folder else []
    beside += [folder / APPLIED] if folder and is_patched(folder) else []
    patches = PatchFolder(Path(config.patches) if config.patches else None, classifier, beside)
    store, elsewhere = open_store(config.store), Elsewhere(partial(reopened, Path(config.place)), config.store)
    return Service(classifier, patches, store, config.settings, deliver, elsewhere)


def open_place(place: Path) -> tuple[Classifier, Path | None]:
    """The classifier of a file or of a folder, and the folder.

    Raises
    ------
    UsageError : a file that does not declare all that is needed. RunError : no classifier.
    """
    if not place.is_file():
        folder = cell_of(place)
        return open_run(folder), folder
    try:
        return open_classifier(place), None
    except UsageError as error:
        remedy = f"adopt it, and serve the folder: mien adopt {place} --out FOLDER; {error.remedy}"
        raise UsageError(error.cause, place=f"{place}, {error.place}", remedy=remedy) from None


def reopened(place: Path) -> Classifier:
    """The classifier of a file or of a folder, for another process."""
    return open_place(place)[0]


def check_reads_images(classifier: Classifier, place: str) -> None:
    """Raise UsageError for a classifier of tables."""
    if not isinstance(classifier.card.inputs, ImageSpec):
        remedy = "correct tables with mien predict TABLE --patch PATCH"
        raise UsageError(f"reads {classifier.card.inputs}, and pictures alone are served", place=place, remedy=remedy)


def worker_application() -> ASGIApp:
    """The application of a worker, from its environment."""
    config = ServerConfig.from_environment()
    return application(lambda deliver: make_service(config, deliver), config.limits)


def serve(config: ServerConfig, sock: socket.socket, workers: int) -> None:
    """Serve on a bound socket until the process is asked to stop; requests in flight are answered first."""
    config.to_environment()
    if workers == 1:
        serve_alone(sock, int(config.settings.engine.timeout))
    else:
        supervise(partial(serve_alone, sock, int(config.settings.engine.timeout)), workers)


def serve_alone(sock: socket.socket, seconds: int) -> None:
    """Serve in this process; requests in flight have so many seconds once it is asked to stop."""
    import uvicorn

    class Server(uvicorn.Server):
        """A server that no request waits for while Python looks through what it loaded at the start."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            gc.collect()
            gc.freeze()  # some 100 ms for each look otherwise

    config = uvicorn.Config(
        worker_application, factory=True, log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=seconds + 5, ws="none",
    )  # fmt: skip
    with suppress(KeyboardInterrupt):  # the usual end of a server
        Server(config).run(sockets=[sock])
