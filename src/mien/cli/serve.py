"""mien serve: a classifier and its patches behind HTTP."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from mien.cli.failures import to_stderr
from mien.cli.options import PATH, base_argument, build, options
from mien.deploy.assessment import WatchSettings
from mien.errors import UsageError
from mien.faces.settings import FinderSettings
from mien.outside import import_optional
from mien.service.settings import EngineSettings, ServeSettings

if TYPE_CHECKING:
    from mien.serve.worker import ServerConfig

STORE = "service.db"


@click.command(context_settings={"auto_envvar_prefix": "MIEN_SERVE", "show_default": True})
@base_argument
@click.option("--patch", help="patch in force at the start: its folder, NAME@HASH, or none; by default the last one")
@click.option("--patches", type=PATH, help="folder of the patches that may be put in force; by default --patch alone")
@click.option("--store", default=STORE, help="file or URL of the database: PATH, or postgresql://user@host/database")
@click.option("--host", default="127.0.0.1", help="address to serve on; this machine alone by default")
@click.option("--port", type=click.IntRange(0, 65_535), default=8720, help="0 takes a free one")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="processes; they share the store")
@click.option("--token-file", type=PATH, help="file with the token that requests must carry; or MIEN_SERVE_TOKEN")
@click.option("--static", type=PATH, help="write a page that answers in the browser, without any server, and end")
@click.option(
    "--onnxruntime-web",
    "runtime",
    type=PATH,
    metavar="DIR|TGZ",
    help="of --static: a copy of that package; fetched by npm otherwise",
)
@options(ServeSettings, EngineSettings, FinderSettings, WatchSettings, without=("patch",))
def serve(
    place: Path, patch: str | None, patches: Path | None, store: str, host: str, port: int, workers: int,
    token_file: Path | None, static: Path | None, runtime: Path | None, **values: Any,
) -> None:  # fmt: skip
    """Serve a classifier, corrected by a patch, over HTTP: predictions, verdicts, swaps, the watch, and a page.

    BASE is the folder of a training, of a study, or of an adopted classifier. Each setting is also an environment
    variable: --max-bytes is MIEN_SERVE_MAX_BYTES.

    \b
    Example:
      mien serve runs/base --patch fear.patch
      mien serve fer --patches patches/ --store postgresql://mien@db/mien --host 0.0.0.0 --allow faces.example.org
      curl -F file=@photo.jpg http://127.0.0.1:8720/predict
      mien serve runs/base --patch fear.patch --static demo/
    """  # fmt: skip
    if static is not None:
        _write_static(place, patch, static, runtime)
        return
    if runtime is not None:
        raise UsageError("is for the page without a server", place="--onnxruntime-web", remedy="add --static OUT")
    import_optional("uvicorn", "uvicorn", "serve")
    import_optional("fastapi", "fastapi", "serve")
    from mien.cli.sockets import bound
    from mien.serve import worker

    if token_file is not None:
        os.environ[worker.TOKEN] = _token_in(token_file)
    elif given := os.environ.get(worker.TOKEN):
        os.environ[worker.TOKEN] = _token(given, worker.TOKEN)
    folder, reference = _patch(patch)
    settings = build(ServeSettings, values, patch=reference)
    config = worker.ServerConfig(str(place), store, host, str(patches or ""), folder, settings)
    with bound(host, port) as sock:
        decisions, in_force = _started(config)
        address = sock.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        click.echo(f"http://{shown}:{address[1]}/  (Ctrl-C ends it; decisions: {decisions})")
        click.echo(f"patch in force: {in_force}")
        if not address[0].startswith("127.") and address[0] != "::1" and not os.environ.get(worker.TOKEN):
            to_stderr("note: everybody who reaches this address may send pictures and swap patches; see --token-file")
        # a worker follows the log: one that is replaced later must not take back what was swapped since
        worker.serve(replace(config, settings=replace(settings, patch="")), sock, workers)


def _started(config: ServerConfig) -> tuple[str, str]:
    """Put the patch in force that is to be at the start, so that what is wrong is said before anything is served.

    Returns
    -------
    The place of the store, and the reference of the patch.
    """
    from mien.serve.worker import make_service

    service = make_service(config)
    try:
        service.in_force.start(config.settings.patch or None)
        for reference in config.settings.shadow:
            service.patches.load(reference)
        return service.store.place, service.in_force.now.reference
    finally:
        service.store.close()


def _write_static(place: Path, patch: str | None, out: Path, runtime: Path | None) -> None:
    """Export the classifier with its patch, unless it is such a graph already, and write the page around it."""
    from mien.deploy.onnx.exporting import check_new, export_graph
    from mien.deploy.opening import open_predictor
    from mien.serve.static_page import write_static
    from mien.storage.output import prepare_output

    check_new(out)
    with prepare_output(out), TemporaryDirectory() as folder:
        graph = place
        if not place.is_file():
            graph = Path(folder) / "corrected.onnx"
            exported = export_graph(open_predictor(place, patch=None if patch is None else Path(patch)))
            exported.write(graph)
            click.echo(f"compared: {exported.parity}")
        write_static(out, graph, runtime=runtime)
    click.echo(f"{out}: a page for any web server; nothing that it shows leaves the browser")


def _patch(patch: str | None) -> tuple[str, str]:
    """The folder and the reference that --patch names."""
    from mien.deploy.patch_io import PATCH
    from mien.deploy.patch_record import PatchRecord

    if patch is None or not (Path(patch) / PATCH.file).is_file():
        return "", patch or ""
    folder = Path(patch)
    return str(folder.resolve()), PatchRecord.read(folder).id


def _token_in(path: Path) -> str:
    """The token in a file."""
    place = f"--token-file {path}"
    try:
        return _token(path.read_text(encoding="utf-8"), place)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", place=place, remedy="name a file of text") from None


def _token(content: str, place: str) -> str:
    """A token without what stands around it; UsageError for one that can be guessed, or that no header carries."""
    token = content.strip()
    if len(token) < 16 or not token.isprintable() or not token.isascii():
        remedy = "write 16 or more letters and digits into it, such as openssl rand -hex 16 prints"
        raise UsageError("holds no token", place=place, remedy=remedy)
    return token
