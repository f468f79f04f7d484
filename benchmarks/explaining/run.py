"""Whether heat maps show what carries an answer, and which vectors find labelled pictures of the same class.

    python -m benchmarks.explaining.run --classifier fer --patch all.patch --data PATH/TO/ferplus

Classifier and patch are those of the README's demonstration. Pictures are those of FER2013Valid, which the classifier
never saw. Parts of pictures are removed otherwise than the maps cover them: each pixel becomes a mean of those around
the part, by their nearness.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import wilcoxon

from benchmarks.common import Figure, Result, main, only, parsed, parser, wanted
from mien.classifiers.contract import Batch
from mien.data.heat import hottest
from mien.data.prepare import DataSettings, prepare
from mien.data.split import group_ids
from mien.deploy import explaining
from mien.deploy.explaining import ClassifierEvidence, CorrectorEvidence, heat_maps
from mien.deploy.opening import open_predictor
from mien.deploy.predictor import Predictor
from mien.features.whitening import Whitening
from mien.types import LOG_PROBS, Bools, Dataset, FeatureRequest, Floats, Ints

PICTURES, QUERIES, NEAREST = 200, 1000, 5
FAIR = "FER2013Valid"
FILLS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "blurred picture": explaining.blurred,
    "grey": lambda image: np.full_like(image, 128),
    "mean of the picture": lambda image: np.full_like(image, round(float(image.mean()))),
}


def removed(images: np.ndarray, masks: Bools) -> np.ndarray:
    """Pictures in which the pixels of a mask become means of those outside."""
    width, filled = images.shape[1] / 10, []
    for image, mask in zip(images, masks, strict=True):
        near = gaussian_filter((~mask).astype(np.float32), width, mode="nearest")
        fill = gaussian_filter(image * ~mask * np.float32(1), width, mode="nearest") / np.maximum(near, 1e-3)
        filled.append(np.rint(np.where(mask, fill, image)).clip(0, 255).astype(np.uint8))
    return np.stack(filled)


def maps(result: Result) -> None:
    """Loss of evidence when a fifth of a picture is removed: the hottest, and others."""
    predictor, data, fair = _opened(result)
    decision = predictor.answer(Batch.of(data, fair)).decision
    rng, lines, fills = np.random.default_rng(0), [], []
    count = 20 if result.options.quick else PICTURES
    for name, chosen in (("overridden", decision.overridden), ("not overridden", ~decision.overridden)):
        rows = rng.permutation(fair[chosen])[:count]
        images = np.asarray(data.pictures[rows])
        others = _other_parts(len(rows), images.shape[1], rng)
        for fill, cover in FILLS.items():
            with patch.object(explaining, "blurred", cover):
                start = time.perf_counter()
                hot = np.array([hottest(heat) for heat in heat_maps(predictor, Batch(images)).maps])
                milliseconds = 1000 * (time.perf_counter() - start) / len(rows)
            lost = _lost(predictor, images, hot)
            fills.append({"pictures": name, "patch shows": fill, "loss": _mean(lost)})
            if cover is explaining.blurred:
                parts = {"the hottest": hot, **others, "that of another picture": np.roll(hot, 1, axis=0)}
                lines += _compared(name, {part: _lost(predictor, images, mask) for part, mask in parts.items()})
                result.figures[f"{name}: ms a picture"] = Figure.over([milliseconds], len(rows))
    result.table("Loss of evidence (nats) when a fifth is removed", lines)
    result.table("The hottest fifth by what the patch shows", fills)


def _compared(name: str, lost: Mapping[str, Floats]) -> list[dict[str, object]]:
    hot = lost["the hottest"]
    return [
        {
            "pictures": name, "removed": part, "loss": _mean(values),
            "less than the hottest": "" if values is hot else f"{(hot > values).mean():.0%}",
            "p (Wilcoxon)": "" if values is hot else f"{wilcoxon(hot, values).pvalue:.0e}",
        }
        for part, values in lost.items()
    ]  # fmt: skip


def _mean(values: Floats) -> str:
    return f"{values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


def _other_parts(count: int, side: int, rng: np.random.Generator) -> dict[str, Bools]:
    """A fifth of each picture that is as connected as a map's: at random, and the middle."""
    down, across = np.mgrid[:side, :side] - side / 2
    noise = [gaussian_filter(rng.normal(size=(side, side)), side / 10) for _ in range(count)]
    return {
        "a random fifth": np.array([hottest(each) for each in noise]),
        "the middle": np.array([hottest(-(down**2 + across**2))] * count),
    }


def _lost(predictor: Predictor, images: np.ndarray, masks: Bools) -> Floats:
    answers = predictor.answer(Batch(images))
    kind = CorrectorEvidence if answers.decision.overridden[0] else ClassifierEvidence
    source = kind(predictor, answers.decision.base, answers.outputs)
    return source.whole - source.measured(removed(images, masks), np.arange(len(images)))


def neighbours(result: Result) -> None:
    """Share of the five nearest pictures with the label of a new one, by the vectors that describe them."""
    predictor, data, fair = _opened(result)
    rng = np.random.default_rng(0)
    queries = rng.permutation(fair)[: 100 if result.options.quick else QUERIES]
    known = np.setdiff1d(fair if result.options.quick else np.arange(len(data)), queries)
    rows = np.concatenate([queries, known])
    outputs = predictor.classifier.outputs(Batch.of(data, rows), FeatureRequest())
    vectors = {**outputs.vectors, LOG_PROBS: outputs.log_probs}
    last = list(outputs.vectors)[-2:]
    forms: dict[str, list[str]] = {name: [name] for name in vectors}
    forms |= {f"{name} + {LOG_PROBS}": [name, LOG_PROBS] for name in last}
    lines = []
    for name, parts in forms.items():
        raw = [np.asarray(vectors[part], np.float32) for part in parts]
        described = {"cosine": raw, "whitened, cosine": [_whitened(part, len(queries)) for part in raw]}
        shares = {form: _share(values, data, rows, len(queries)) for form, values in described.items()}
        lines.append({"vectors": name, "numbers": sum(part.shape[1] for part in raw), **shares})
    result.table(f"Share of the {NEAREST} nearest of {len(known)} pictures with the same label", lines)


def _whitened(values: Floats, queries: int) -> Floats:
    return Whitening.fit(values[queries:], 64).apply(values)


def _share(parts: list[Floats], data: Dataset, rows: Ints, queries: int) -> str:
    units = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12) for part in parts]
    cosine = sum(unit[:queries] @ unit[queries:].T for unit in units)
    groups, labels = group_ids(data)[rows], data.labels[rows]
    cosine = np.where(groups[:queries, None] == groups[None, queries:], -np.inf, cosine)
    near = queries + np.argsort(-cosine, axis=1)[:, :NEAREST]
    return f"{(labels[near] == labels[:queries, None]).mean():.3f}"


def _opened(result: Result) -> tuple[Predictor, Dataset, Ints]:
    """Classifier with patch, all pictures, and the rows of those that the classifier never saw."""
    options = result.options
    predictor = open_predictor(options.classifier, patch=options.patch)
    data = prepare(DataSettings(options.data).for_images(predictor.classifier.card.images))
    return predictor, data, np.flatnonzero([FAIR in Path(path).parts for path in data.paths.tolist()])


PARTS = {"maps": maps, "neighbours": neighbours}


def run() -> None:
    """Measure, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False)
    flags.set_defaults(seeds=(0,))
    flags.add_argument("--classifier", type=Path, required=True, help="folder of mien adopt")
    flags.add_argument("--patch", type=Path, required=True, help="patch of mien correct")
    only(flags, PARTS)
    options = parsed(flags)
    result = Result("explaining", options)
    for part in wanted(options, PARTS):
        with result.part(part):
            PARTS[part](result)
    predictor, data, fair = _opened(result)
    about = {"name": Path(options.data).name, "fair": len(fair), "fingerprint": data.fingerprint()}
    result.write({**about, "classifier": predictor.classifier.card.id})


if __name__ == "__main__":
    main(run)
