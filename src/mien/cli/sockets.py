"""Sockets of local servers, bound before anything else happens, so that a taken port is noticed at once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from mien.errors import UsageError


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket that is bound to an address; port 0 takes a free one.

    Raises
    ------
    UsageError : no host, or the address cannot be taken.
    """
    if not host:
        remedy = "write 0.0.0.0 if that is meant"
        raise UsageError("is empty, which would serve to every network", place="--host", remedy=remedy)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except (OSError, TypeError, UnicodeError) as error:
            is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            remedy = (
                "give another --port, or 0 for a free one" if is_taken else "give another --host, such as 127.0.0.1"
            )
            cause = getattr(error, "strerror", None) or str(error)
            raise UsageError(cause, place=f"--host {host!r} --port {port}", remedy=remedy) from None
        yield sock
