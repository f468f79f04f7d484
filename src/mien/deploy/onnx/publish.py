"""A folder to publish: the graph, a model card in the form of the Hugging Face hub, a configuration, a script."""

from __future__ import annotations

import json
from pathlib import Path

from mien.deploy.onnx import model_card
from mien.deploy.onnx.exporting import Exported
from mien.deploy.onnx.figures import Figures
from mien.deploy.onnx.session import write_model
from mien.errors import UsageError
from mien.storage.files import storage_errors, write_json, write_text
from mien.storage.folders import appearing

MODEL, CARD, CONFIG, SCRIPT = "model.onnx", "README.md", "config.json", "predict.py"


def publish(exported: Exported, folder: Path, figures: Figures | None, reason: str = "") -> None:
    """Write model.onnx, README.md, config.json and predict.py into a new folder, which appears whole.

    Parameters
    ----------
    figures : of test pictures; None where there are none. reason : why.

    Raises
    ------
    UsageError : the folder is there already, or the graph is a corrector alone or reads tables. StorageError : it
        cannot be written.
    """
    check_new_folder(folder)
    if exported.facts["kind"] == "corrector":
        remedy = "leave out --patch-only, or write it with --onnx"
        raise UsageError("a corrector alone cannot label pictures", place="--folder", remedy=remedy)
    if "size" not in exported.facts["inputs"]:
        remedy = "write the graph alone, with --onnx"
        raise UsageError("a folder to publish is of a classifier of pictures", place="--folder", remedy=remedy)
    script = Path(__file__).with_name("standalone.py").read_text(encoding="utf-8")
    with storage_errors(folder), appearing(folder, unless=folder.exists) as new:
        write_model(exported.model, new / MODEL)
        write_text(new / CARD, model_card.page(exported, folder.name, figures, reason))
        write_json(new / CONFIG, _config(exported))
        write_text(new / SCRIPT, script)


def check_new_folder(folder: Path) -> None:
    """Raise UsageError where a folder would replace something."""
    if folder.exists() or folder.is_symlink():
        raise UsageError("exists already", place=str(folder), remedy="give another place, or move it away")


def _config(exported: Exported) -> dict[str, object]:
    """The facts, with the names by which the hub shows classes and sizes."""
    facts = json.loads(json.dumps(exported.facts, default=str))
    named = dict(enumerate(facts["classes"]))
    return {
        "model_type": "mien", "id2label": named, "label2id": {name: index for index, name in named.items()},
        "image_size": facts["inputs"]["size"], "num_channels": 3 if facts["inputs"]["colour"] else 1, **facts,
    }  # fmt: skip
