"""A server in a thread of the tests, on a free port of this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from serving import make_service

from mien.serve.app import application
from mien.serve.guard import Limits

LOCAL = Limits()


@contextmanager
def running(patches: Path, store: Path | str, limits: Limits = LOCAL, **settings: Any) -> Iterator[str]:
    """The address of a server with the patch "first" in force."""
    settings.setdefault("patch", "first")

    def make(deliver: Any) -> Any:
        service = make_service(patches, store, **settings)
        service.deliver = deliver
        return service

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(make, limits), log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.should_exit = True
        thread.join()
