"""The model card of an exported graph, in the form of the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from mien.deploy.onnx.exporting import Exported
from mien.deploy.onnx.figures import Figures
from mien.metrics.intervals import wilson
from mien.types import Rates, plain

TAGS = ("onnx", "mien", "facial-expression-recognition")
USE = """import json, onnxruntime, predict
session = onnxruntime.InferenceSession("model.onnx")
facts = {{name: json.loads(session.get_modelmeta().custom_metadata_map[name]) for name in ("classes", "inputs")}}
array = predict.prepared(predict.read("face.png", facts["inputs"]), facts["inputs"])
answers = dict(zip([output.name for output in session.get_outputs()], session.run(None, {{{name}: array}})))
print(facts["classes"][{answer}])"""
LIMITS = """\
- The certificate is about Harm: the share of right answers that are lost. It promises nothing about what is won.
- It holds for pictures like the calibration pictures: same cameras, people drawn from the same population, same mix of
  classes. Under data shift it is void.
- Figures are measured against labels, and labels of expressions are noisy.
- A face shows an expression, not a feeling. Do not decide about people by it."""


def page(exported: Exported, title: str, figures: Figures | None, reason: str = "") -> str:
    """The card as Markdown, with its header in YAML."""
    facts = exported.facts
    targets = ", ".join(map(plain, facts.get("targets", ())))
    inputs = facts["inputs"]
    answer = 'int(answers["probabilities"][0].argmax())'
    corrected = "corrected" in [output.name for output in exported.model.graph.output]
    name = json.dumps(plain(inputs["name"]))
    use = USE.format(name=name, answer='answers["corrected"][0]' if corrected else answer)
    classes = ", ".join(map(plain, facts["classes"]))
    patched = f", with a corrector for {targets} beside it" if targets else ""
    sections = [
        f"# {plain(title)}",
        f"A classifier of face expressions{patched}, as one ONNX graph (opset {facts['opset']}). It reads "
        f"{inputs['words']}, as the input `{plain(inputs['name'])}`, and answers one of: {classes}.",
        "## Use it",
        f"```python\n{use}\n```",
        "`python predict.py PICTURE...` reads files as mien does, and prints what the graph answers. It needs `numpy`, "
        "`onnxruntime` and `pillow`.",
        "## Figures",
        "\n".join(_figures(figures)) if figures else f"None: {reason}.",
        "## Certificate",
        f"{_sentence(facts['certificate'])}\n{_sentence(exported.calibration)}" if corrected else "None: no corrector.",
        "## Comparison with mien",
        _sentence(str(exported.parity)),
        "## Limits",
        LIMITS,
        "## Fingerprints",
        f"Classifier `{facts['classifier']}`" + (f", patch `{facts['patch']}`." if corrected else "."),
    ]
    return f"---\n{_header(title, figures)}---\n\n" + "\n\n".join(sections) + "\n"


def _header(title: str, figures: Figures | None) -> str:
    """The header: JSON is YAML, so texts need no quoting of their own."""
    header: dict[str, Any] = {"library_name": "onnx", "pipeline_tag": "image-classification", "tags": TAGS}
    if figures:
        metrics = [
            {"type": "accuracy", "value": figures.accuracy[1], "name": "Accuracy"},
            {"type": "recall", "value": figures.scores.recall_after.mean(), "name": "Macro recall"},
        ]
        data = {"name": plain(figures.source), "type": "image-folder", "split": "test"}
        results = [{"task": {"type": "image-classification"}, "dataset": data, "metrics": metrics}]
        header["model-index"] = [{"name": plain(title), "results": results}]
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in header.items())


def _figures(figures: Figures) -> Iterator[str]:
    """Lines of the table of recalls, with Wilson intervals of 95 %."""
    before, after = figures.scores.recall_before, figures.scores.recall_after
    yield f"{figures.pictures} test pictures of {plain(figures.source)}, which taught neither classifier nor corrector."
    yield "Recall with 95 % intervals (Wilson), computed in ONNX Runtime.\n"
    yield "| class | pictures | classifier | corrected |"
    yield "|---|---|---|---|"
    for index, name in enumerate(figures.classes):
        yield f"| {plain(name)} | {int(before.totals[index])} | {_rate(before, index)} | {_rate(after, index)} |"
    yield f"| macro recall | | {before.mean():.3f} | {after.mean():.3f} |"
    yield f"| accuracy | {figures.pictures} | {figures.accuracy[0]:.3f} | {figures.accuracy[1]:.3f} |"
    harm = figures.scores.harm
    hits, totals = int(np.sum(harm.hits)), int(np.sum(harm.totals))
    yield f"\n{hits} of {totals} right answers are lost by the correction (Harm)."


def _rate(rates: Rates, index: int) -> str:
    """A rate with its interval; a dash where there is no picture."""
    hits, total = rates.hits[index], rates.totals[index]
    if not total:
        return "–"
    low, high = wilson(hits, total)
    return f"{hits / total:.3f} ({float(low):.3f}–{float(high):.3f})"


def _sentence(text: str) -> str:
    return f"{plain(text)[:1].upper()}{plain(text)[1:].rstrip('.')}."
