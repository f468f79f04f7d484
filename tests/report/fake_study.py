"""A study run made of plausible random numbers, for tests of everything that reads one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mien.experiments.tables import TABLES
from mien.storage.files import write_arrays, write_atomic, write_json, write_text
from mien.storage.run import Run

CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
TEST = (60, 16, 34, 220, 95, 34, 120)  # the paper's profile, scaled down
SHARES = {"train": 1.8, "validation": 0.2, "fit": 0.6, "calibrate": 0.6, "test": 1.0}
CELL, COLUMNS = 32, 8  # of samples.png


def make_study_run(
    folder: Path | str,
    seeds: Sequence[int] = (0, 1),
    correctors: Sequence[str] = ("boosting", "probe"),
    classes: Sequence[str] = CLASSES,
) -> Run:
    """Write a finished study without its tables but splits; the same arguments give the same files."""
    run = Run(folder)
    K = len(classes)
    test = _pictures(np.random.default_rng(1), "test", [TEST[c % len(TEST)] for c in range(K)])
    for seed in seeds:
        rng = np.random.default_rng([seed, 7])
        logits = rng.normal(0, 1, (len(test["truth"]), K)) + 2.6 * np.eye(K)[test["truth"]]
        calibrate = _pictures(rng, f"calibrate{seed}-", [round(0.6 * TEST[c % len(TEST)]) for c in range(K)])
        for key, more in (("full", 0.0), ("retrained", 0.4)):
            probs = _softmax(logits + more * np.eye(K)[test["truth"]])
            _write_cell(run, seed, key, {**test, "probs": probs, "known": np.ones(K, bool)}, rng)
        for left, name in enumerate(classes):
            key = f"without-{name}"
            tested = {**test, "probs": _softmax(logits, without=left), "known": np.arange(K) != left}
            _write_cell(run, seed, key, tested, rng, correctors)
            for rank, corrector in enumerate(correctors):
                scores = _scores(rng, test, calibrate, left, 1.7 + 0.6 * rank, K)
                write_arrays(run.path("cells", f"seed{seed}", key, "scores", f"{corrector}.npz"), **scores)
    _write_about(run, seeds, correctors, classes)
    return run


def _pictures(rng: np.random.Generator, name: str, counts: Sequence[int]) -> dict[str, np.ndarray]:
    """Ids, truth and persons; every fourth person has two pictures, of one class."""
    truth = np.repeat(np.arange(len(counts)), counts)
    person = np.cumsum(rng.random(len(truth)) > 0.2)
    return {
        "ids": np.array([f"{name}{row:05d}" for row in range(len(truth))]),
        "truth": truth,
        "groups": np.array([f"{name}-{c}-{p}" for c, p in zip(truth, person, strict=True)]),
    }


def _softmax(logits: np.ndarray, without: int | None = None) -> np.ndarray:
    logits = logits.copy()
    if without is not None:
        logits[:, without] = -np.inf
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _scores(
    rng: np.random.Generator,
    test: dict[str, np.ndarray],
    calibrate: dict[str, np.ndarray],
    left: int,
    power: float,
    K: int,
) -> dict[str, np.ndarray]:
    """Scores of a corrector that separates the left-out class by `power` standard deviations."""
    truth, seen = test["truth"], calibrate["truth"]
    other = np.where(seen == (left + 1) % K, (left + 2) % K, (left + 1) % K)
    base = np.where((rng.random(len(seen)) < 0.7) & (seen != left), seen, other)
    return {
        "score": rng.normal(0, 1, len(truth)) + power * (truth == left),
        "suggested": np.full(len(truth), left),
        "score_all": rng.normal(0, 1, len(truth)) + 1.1 * power * (truth == left),
        "calibrate_score": rng.normal(0, 1, len(seen)) + power * (seen == left),
        "calibrate_truth": seen,
        "calibrate_base": base,
        "calibrate_group": calibrate["groups"],
    }


def _write_cell(
    run: Run, seed: int, key: str, test: dict[str, np.ndarray], rng: np.random.Generator, correctors: Sequence[str] = ()
) -> None:
    folder = run.path("cells", f"seed{seed}", key)
    write_arrays(folder / "test.npz", **test)
    epochs = np.arange(1, 13)
    fall = 1.9 * np.exp(-epochs / 4) + 0.02 * rng.random((2, len(epochs)))
    history: list[dict[str, object]] = [
        {
            "epoch": int(epoch),
            "train_loss": round(float(0.3 + fall[0, row]), 4),
            "train_accuracy": round(float(0.92 - 0.4 * fall[0, row]), 4),
            "validation_loss": round(float(0.6 + fall[1, row] + 0.01 * row), 4),
            "validation_accuracy": round(float(0.8 - 0.35 * fall[1, row]), 4),
            "validation_macro_recall": round(float(0.7 - 0.33 * fall[1, row]), 4),
            "learning_rate": 0.001,
            "seconds": round(float(1 + rng.random()), 3),
        }
        for row, epoch in enumerate(epochs)
    ]
    write_text(folder / "history.csv", _csv(history))
    stages = {"train": 14.0, "extract": 1.5}
    for name in correctors:
        stages |= {f"fit {name}": 0.8, f"fit {name} on all": 1.1, f"propose {name}": 0.1}
    write_json(
        folder / "cell.json",
        {
            "seconds": {stage: round(float(mean * (1 + 0.2 * rng.random())), 3) for stage, mean in stages.items()},
            "pictures": {stage: 1042 if stage == "train" else 350 for stage in stages},
            "best_epoch": 9,
        },
    )


def _csv(rows: Sequence[dict[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write_about(run: Run, seeds: Sequence[int], correctors: Sequence[str], classes: Sequence[str]) -> None:
    """Manifest, table of splits and sample faces."""
    cells = ["full", "retrained", *(f"without-{name}" for name in classes)]
    run.write_manifest(
        {
            "kind": "study",
            "command": f"mien study synthetic --out {run.folder.name} --seeds {len(seeds)}",
            "settings": {
                "base": {"epochs": 12, "patience": 5, "learning_rate": 0.001, "batch": 64},
                "split": {"train": 0.5, "correct": 0.25, "test": 0.25, "validation": 0.1},
                "policy": {"budget": 0.02, "delta": 0.05, "scope": "pooled", "action": "relabel"},
            },
            "classes": list(classes),
            "left_out": list(classes),
            "seeds": list(seeds),
            "correctors": list(correctors),
            "base": {"name": "attention", "taps": ["conv1", "conv2", "conv3", "lstm", "hidden"], "parameters": 310_407},
            "policy": {"budget": 0.02, "delta": 0.05, "scope": "pooled", "action": "relabel"},
            "data": {
                "name": "faces",
                "rows": 2440,
                "usable": 2432,
                "fingerprint": "0123456789abcdef",
                "problems": {"duplicate": 6, "unlabelled": 2},
                "size": 48,
                "colour": False,
            },
            "versions": {
                "mien": "0.1.0",
                "python": "3.12.4",
                "numpy": "2.1.0",
                "torch": "2.13.0",
                "scikit-learn": "1.6.0",
            },
            "machine": {"cores": 2, "processor": "x86_64", "memory_gib": 8.0, "system": "Linux"},
            "started": "2026-01-02T03:04:05+00:00",
            "seconds": 271.4,
            "finished": [f"seed{seed}/{cell}" for seed in seeds for cell in cells],
        }
    )
    run.write_table(
        TABLES["splits"],
        [
            {"seed": seed, "class": name, "part": part, "count": round(share * TEST[c % len(TEST)])}
            for seed in seeds
            for c, name in enumerate(classes)
            for part, share in SHARES.items()
        ],
    )
    rng = np.random.default_rng(3)
    grey = rng.integers(40, 220, (len(classes), COLUMNS), dtype=np.uint8)
    picture = Image.fromarray(np.kron(grey, np.ones((CELL, CELL), np.uint8)))
    write_atomic(run.path("samples.png"), lambda file: picture.save(file, format="PNG"))
