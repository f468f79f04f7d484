"""The files of onnxruntime-web that a page needs: fetched by npm, or from a copy."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from mien.errors import RunError, UsageError
from mien.outside import words

NAME, VERSION = "onnxruntime-web", "1.30.0"
DIGESTS: Mapping[str, str] = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""Name of each file in the folder `dist` → its SHA-256 in this version."""
LARGEST = 2**27
"""Bytes of a file that are read."""
TIMEOUT = 600
FLAG = "--onnxruntime-web"
COPY = f"give a copy: {FLAG} DIR|TGZ, of `npm pack {NAME}@{VERSION}`"


def runtime_files(copy: Path | None = None) -> dict[str, bytes]:
    """The content of each file of `DIGESTS`.

    Parameters
    ----------
    copy : a folder with the files (of the package, of its `dist`), or its archive; without it, npm fetches them.

    Raises
    ------
    UsageError : npm is missing, or the copy lacks a file. RunError : npm fails, or fetches other files than these.
    """
    if copy is not None:
        return _of_folder(copy) if copy.is_dir() else _of_archive(copy)
    files = _fetched()
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
            cause = f"npm fetched a file {name} that is not that of {NAME} {VERSION}"
            raise RunError(cause, place="--static", remedy=f"look at the registry that npm uses, or {COPY}")
    return files


def _fetched() -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        remedy = f"install Node.js, which brings npm (https://nodejs.org), or {COPY}"
        raise UsageError(f"npm, which fetches {NAME}, is not installed", place="--static", remedy=remedy)
    with TemporaryDirectory() as folder:
        command = [npm, "pack", f"{NAME}@{VERSION}", "--prefer-offline", "--silent", "--ignore-scripts"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT, text=True)
            [archive] = Path(folder).glob("*.tgz")
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            output = getattr(error, "stderr", None) or ""
            cause = f"npm cannot fetch {NAME} {VERSION}: {words(ValueError(output) if output else error)}"
            raise RunError(
                cause, place="--static", remedy=f"look whether npm reaches its registry, or {COPY}"
            ) from None
        return _of_archive(archive)


def _of_folder(folder: Path) -> dict[str, bytes]:
    for inside in (folder, folder / "dist", folder / "package" / "dist"):
        if all((inside / name).is_file() for name in DIGESTS):
            return {name: (inside / name).read_bytes() for name in DIGESTS}
    raise _lacking(folder)


def _of_archive(path: Path) -> dict[str, bytes]:
    files = {}
    try:
        with tarfile.open(path) as archive:
            for name in DIGESTS:
                member = archive.getmember(f"package/dist/{name}")
                content = archive.extractfile(member) if member.isfile() and member.size <= LARGEST else None
                if content is None:
                    raise KeyError(name)
                files[name] = content.read()
    except (OSError, tarfile.TarError, KeyError, EOFError):
        raise _lacking(path) from None
    return files


def _lacking(place: Path) -> UsageError:
    cause = f"is no copy of {NAME}: it lacks {' or '.join(DIGESTS)}"
    return UsageError(cause, place=str(place), remedy=f"give the folder or the archive of `npm pack {NAME}@{VERSION}`")
