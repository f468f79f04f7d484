"""mien review: a local page on which people review suspicious labels."""

from __future__ import annotations

import contextlib
import getpass
from pathlib import Path

import click

from mien.cli.failures import to_stderr
from mien.cli.options import audit_argument, moved_option
from mien.cli.sockets import bound
from mien.outside import import_optional


@click.command()
@audit_argument
@moved_option
@click.option("--who", help="your name, stored with each review; the user name by default")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="address to serve on; this machine alone by default"
)
@click.option("--allow", multiple=True, help="host name or address under which others open the page, can be repeated")
@click.option("--port", type=click.IntRange(0, 65_535), default=8710, show_default=True, help="0 takes a free one")
def review(folder: Path, source: str | None, who: str | None, host: str, allow: tuple[str, ...], port: int) -> None:
    """Serve a page to review the pictures of an audit, the most informative and random ones in turn.

    Each review is appended to AUDIT/reviews.jsonl: stop at any time, continue later, or review with several people at
    once. Then mien audit --reviews learns from the file. Pictures may be deleted, moved or added meanwhile: no review
    is lost.

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

    queue = ReviewQueue.open(folder, source)
    with bound(host, port) as sock:
        address = sock.getsockname()
        for note in queue.notes():
            to_stderr(f"note: {note}")
        click.echo(f"http://{address[0]}:{address[1]}/  (Ctrl-C ends it; reviews: {queue.log})")
        if not allow and not address[0].startswith("127."):
            to_stderr("others can open the page only under the names and addresses given with --allow")
        served = app(queue, who or _user(), ("127.0.0.1", "localhost", host, *allow))
        with contextlib.suppress(KeyboardInterrupt):  # the usual end of the server
            uvicorn.Server(uvicorn.Config(served, log_level="warning")).run(sockets=[sock])
        to_stderr(f"all reviews are in {queue.log}")


def _user() -> str:
    """The name of the user; a container may have none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
