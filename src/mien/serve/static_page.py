"""A page that runs an exported graph in the browser, as a folder for any host of static files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from mien.data.faces import FaceSettings, draw
from mien.data.labels import EMOTIONS
from mien.deploy.onnx.metadata import read_metadata
from mien.deploy.onnx.publish import check_new_folder
from mien.errors import UsageError
from mien.report.common.layout import TEMPLATES as OF_REPORTS
from mien.serve.onnxruntime_web import VERSION, runtime_files
from mien.storage.files import storage_errors, write_json, write_text
from mien.storage.folders import appearing

TEMPLATES = Environment(loader=PackageLoader("mien.serve"), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)  # fmt: skip
RUNTIME, EXAMPLES, MODEL = "onnxruntime", "examples", "model.onnx"
POLICY = "; ".join((
    "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "img-src 'self' data: blob:",
    "media-src 'self' blob:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
))  # fmt: skip
"""What the page may load: its own files."""
SIDE, DRAWN = 96, 64
"""Side of the example faces in pixels, and how many are drawn to choose from."""
SHOWN = 8
"""Most class names in the first sentence."""


@dataclass(frozen=True)
class _Graph:
    """An exported graph of a classifier of pictures, and what it holds for readers."""

    path: Path
    facts: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> _Graph:
        facts = read_metadata(path)
        if facts.get("kind") == "corrector" or "size" not in facts["inputs"]:
            cause = f"is a graph of a {facts['kind']} that reads {facts['inputs'].get('words', 'features')}"
            remedy = "export a classifier of pictures with its patch: mien export BASE --patch PATCH --onnx FILE"
            raise UsageError(cause, place=str(path), remedy=remedy)
        if path.with_name(f"{path.name}.data").exists():
            remedy = "serve it from a server, with mien serve; or export a smaller classifier"
            raise UsageError("has weights in a file beside it, too large for a page", place=str(path), remedy=remedy)
        return cls(path, facts)

    @property
    def patched(self) -> bool:
        return "patch" in self.facts

    @property
    def for_page(self) -> dict[str, Any]:
        """What the page reads: without identities and figures."""
        facts = self.facts
        return {
            "classes": facts["classes"], "inputs": facts["inputs"], "thresholds": facts.get("thresholds", {}),
            "action": facts["policy"]["action"] if self.patched else "",
        }  # fmt: skip

    @property
    def about(self) -> Iterator[tuple[str, str]]:
        """Names and values for people."""
        facts = self.facts
        yield "reads", facts["inputs"]["words"]
        yield "answers", ", ".join(facts["classes"])
        if self.patched:
            yield "patch", f"{', '.join(facts['targets'])} ({', '.join(dict.fromkeys(facts['correctors']))})"
            yield "promised", facts["certificate"]
            yield "thresholds", facts["calibration"]
        yield "made by", f"mien {facts['version']}, {facts['exported']}"


def write_static(out: Path, graph: Path, *, title: str = "", runtime: Path | None = None) -> None:
    """Write a folder with a page that runs a graph, without a server: any host of static files will do.

    Parameters
    ----------
    out : a new folder, which appears whole.
    graph : an ONNX file that `mien export` wrote, of a classifier of pictures.
    title : of the page; by default it is made of the classes.
    runtime : a folder or archive of onnxruntime-web; without it, npm fetches it.

    Raises
    ------
    UsageError : the folder exists, the graph reads no pictures, or npm is missing. RunError : no graph that mien
        exported, or npm fails. StorageError : the folder cannot be written.
    """
    check_new_folder(out)
    source = _Graph.read(graph)
    files = runtime_files(runtime)
    with storage_errors(out), appearing(out, unless=out.exists) as new:
        (new / RUNTIME).mkdir()
        for name, content in files.items():
            # hosts know the type of .js, and not all that of .mjs
            (new / RUNTIME / name.replace(".mjs", ".js")).write_bytes(content)
        write_text(new / RUNTIME / "LICENSE", _text("MIT.txt"))
        (new / MODEL).write_bytes(source.path.read_bytes())
        examples = _write_examples(new / EXAMPLES, source.facts)
        write_json(new / "model.json", {**source.for_page, "examples": examples})
        _write_page(new, source, title or _title(source.facts["classes"]), sum(map(len, files.values())))


def _write_page(new: Path, source: _Graph, title: str, size: int) -> None:
    variables = OF_REPORTS.get_template("style.css").render().split("\n* {")[0]
    write_text(new / "style.css", f"{variables}\n{_text('page.css')}")
    for name in ("app.js", "picture.js"):
        write_text(new / name, _text(name))
    size += source.path.stat().st_size
    page = {
        "title": title, "policy": POLICY, "patched": source.patched, "inputs": source.facts["inputs"],
        "lead": _lead(source), "facts": list(source.about), "megabytes": max(1, round(size / 1e6)),
    }  # fmt: skip
    write_text(new / "index.html", TEMPLATES.get_template("static/index.html").render(page))
    about = {"title": title, "patched": source.patched, "version": version("mien"), "runtime": VERSION}
    write_text(new / "README.md", TEMPLATES.get_template("static/README.md").render(about))


def _title(classes: list[str]) -> str:
    return "Expressions of a face" if set(classes) & set(EMOTIONS.names) else "A classifier of pictures"


def _lead(source: _Graph) -> str:
    if source.patched:
        return "A patch overrides the classifier where its evidence is above a threshold."
    classes = source.facts["classes"]
    return f"It answers with {', '.join(classes[:SHOWN])}{' and others' if len(classes) > SHOWN else ''}."


def _write_examples(folder: Path, facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Draw a face for each emotion, if any is one of the classes; their files and descriptions."""
    if not set(facts["classes"]) & set(EMOTIONS.names):
        return []
    folder.mkdir()
    settings = FaceSettings(DRAWN, SIDE, facts["inputs"]["colour"], 1, "even", 0.95, 0.0, 0.0, 0.0, 0.0, 0.3)
    faces = draw(settings)
    examples = []
    for label, name in enumerate(faces.dataset.labelset.names):
        [row, *_] = (faces.truth == label).nonzero()[0]
        Image.fromarray(faces.dataset.pictures[row]).save(folder / f"{name}.png", optimize=True)
        examples.append({"file": f"{EXAMPLES}/{name}.png", "words": f"drawn face: {name}"})
    return examples


def _text(name: str) -> str:
    return (Path(__file__).parent / "templates" / "static" / name).read_text(encoding="utf-8")
