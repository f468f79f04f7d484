"""mien review: look at suspicious labels, and say what the pictures show."""

from __future__ import annotations

import contextlib
import errno
import getpass
import socket
from pathlib import Path

import click

from mien.cli.failures import to_stderr
from mien.cli.options import audit_argument, moved_option
from mien.errors import UsageError
from mien.outside import import_optional


@click.command()
@audit_argument
@moved_option
@click.option("--who", help="written beside each review; your user name by default")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="address to serve on; this machine alone by default"
)
@click.option("--allow", multiple=True, help="a name or address that others call this machine by")
@click.option("--port", type=click.IntRange(0, 65_535), default=8710, show_default=True, help="0 takes a free one")
def review(folder: Path, source: str | None, who: str | None, host: str, allow: tuple[str, ...], port: int) -> None:
    """Serve a page on which the pictures of an audit are reviewed, those first that are most worth it.

    Each review is a line in AUDIT/reviews.jsonl, which only grows: stop at any time, continue later, or work on it with
    several people. Then mien audit --reviews learns from it. Pictures may be deleted, moved or added
    meanwhile: no review is lost.

    \b
    Example:
      mien review runs/audit
      mien review runs/audit --data path/to/moved/pictures
      mien audit path/to/pictures --reviews runs/audit/reviews.jsonl --out runs/audited
    """
    uvicorn = import_optional("uvicorn", "uvicorn", "serve")
    import_optional("fastapi", "fastapi", "serve")
    from mien.labels.review_queue import ReviewQueue
    from mien.serve.review import app

    if not host:
        raise UsageError("is empty, which means every network", place="--host", remedy="write 0.0.0.0 if that is meant")
    queue = ReviewQueue.open(folder, source)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except (OSError, TypeError, UnicodeError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            remedy = "give another --port, or 0 for a free one" if taken else "give another --host, such as 127.0.0.1"
            cause = getattr(error, "strerror", None) or str(error)
            raise UsageError(cause, place=f"--host {host!r} --port {port}", remedy=remedy) from None
        address = sock.getsockname()
        for note in queue.notes():
            to_stderr(f"note: {note}")
        click.echo(f"http://{address[0]}:{address[1]}/  (Ctrl-C ends it; reviews: {queue.log})")
        if not allow and not address[0].startswith("127."):
            to_stderr("others can use it under the names and addresses that --allow gives")
        served = app(queue, who or _user(), ("127.0.0.1", "localhost", host, *allow))
        with contextlib.suppress(KeyboardInterrupt):  # which is how it ends
            uvicorn.Server(uvicorn.Config(served, log_level="warning")).run(sockets=[sock])
        to_stderr(f"all reviews are in {queue.log}")


def _user() -> str:
    """Who is at work; a container may have no name for its user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
