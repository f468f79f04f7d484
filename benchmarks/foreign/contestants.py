"""What may correct the classifier: by its answers, by features of the pictures, by its layers, by layers of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.foreign.faces import Faces
from mien.correctors.adapter import Adapter
from mien.correctors.blend import Blend
from mien.correctors.boosting import Stack
from mien.correctors.linear import Logistic
from mien.correctors.projection import Nystroem
from mien.features import describe
from mien.storage.identity import identity
from mien.types import LOG_PROBS, Floats, Ints, Outputs

KEPT = Path("runs/benchmark-foreign")
OWN = ("hog", "daisy")
"""Features that are computed from the pictures alone."""
PIXELS = "pixels"
Odds = Callable[[Faces, Ints, Ints, tuple[int, ...]], Floats]
"""(faces, rows to fit, rows to score, classes) → (N, K) log-odds of each class against the classifier's answer."""


def on_vectors(make: Callable[[tuple[int, ...]], object], *layers: str) -> Odds:
    """A corrector that learns on vectors: of all layers of the classifier, or of the ones named."""

    def odds(faces: Faces, fit: Ints, rows: Ints, classes: tuple[int, ...]) -> Floats:
        own = next(iter({*layers} & {*OWN}), None)
        outputs = _with_own(faces, own) if own else faces.outputs
        corrector = make(classes)
        corrector.fit(outputs.take(fit), faces.soft(fit))  # type: ignore[attr-defined]
        return np.asarray(corrector.class_odds(outputs.take(rows)))  # type: ignore[attr-defined]

    return odds


def adapter(layer: str | None) -> Odds:
    """Two residual blocks on a map of the classifier (None: the one that mien takes), or on pixels."""

    def odds(faces: Faces, fit: Ints, rows: Ints, classes: tuple[int, ...]) -> Floats:
        name = layer or next(each.name for each in faces.classifier.card.layers if each.kind == "map")
        corrector = Adapter(classes, name).fit(faces.views(fit, name), faces.soft(fit))
        return corrector.class_odds(faces.maps(rows, name))

    return odds


@lru_cache(maxsize=2)
def _with_own(faces: Faces, kind: str) -> Outputs:
    return faces.outputs.with_features(describe(faces.data.pictures, kind=kind))


CONTESTANTS: dict[str, Odds] = {
    "probabilities alone": on_vectors(lambda classes: Nystroem(classes, layers=(LOG_PROBS,)), LOG_PROBS),
    "own features, HOG": on_vectors(lambda classes: Nystroem(classes, layers=("hog",)), "hog"),
    "own features, DAISY": on_vectors(lambda classes: Nystroem(classes, layers=("daisy",)), "daisy"),
    "answers and DAISY": on_vectors(lambda classes: Nystroem(classes, layers=(LOG_PROBS, "daisy")), "daisy"),
    "layers, logistic": on_vectors(Logistic),
    "layers, nystroem": on_vectors(Nystroem),
    "layers, blend": on_vectors(Blend),
    "layers, stack": on_vectors(Stack),
    "adapter on a map": adapter(None),
    "adapter on pixels": adapter(PIXELS),
}
MIXED = "adapter and nystroem"
"""The mean of the log-odds of both."""


def odds_of(name: str, faces: Faces, fit: Ints, rows: Ints, classes: tuple[int, ...]) -> Floats:
    """(N, K) log-odds of each class against the classifier's answer, kept in runs/ for the next time."""
    if name == MIXED:
        both = [odds_of(each, faces, fit, rows, classes) for each in ("adapter on a map", "layers, nystroem")]
        return np.asarray(np.mean(both, axis=0))
    ids, fingerprint = faces.data.ids, faces.data.fingerprint()
    key = identity(name=name, fit=ids[fit], rows=ids[rows], classes=classes, data=fingerprint,
                   classifier=faces.classifier.card.id)  # fmt: skip
    file = KEPT / f"{key}.npz"
    if not file.exists():
        made = CONTESTANTS[name](faces, fit, rows, classes)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, odds=made)
    return np.asarray(np.load(file)["odds"])
