"""How much better a patch makes a deployed classifier that somebody else trained, on pictures that it never saw.

    python -m benchmarks.foreign.run --model PATH/TO/fer-mini-xception.onnx --data PATH/TO/ferplus

The classifier is the network inside the package `fer`; it was trained on FER2013's training part with FER2013's labels.
Fair pictures are those of the folder FER2013Valid: each of them tests once, in four folds; the others fit or certify.
Where pictures of the training part fit, the classifier is too sure of its answers there, so that Harm is certified on
fair pictures only. Log-odds are kept in runs/.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.common import Result, main, only, parsed, parser, wanted
from benchmarks.foreign import corrected, digits, faces, shares, speed

PARTS = {
    "valid": corrected.valid,
    "train": corrected.train,
    "three ways": corrected.three_ways,
    "contempt": corrected.contempt,
    "weights": corrected.weights,
    "shares": shares.shares,
    "digits": digits.digits,
    "speed": speed.speed,
}


def run() -> None:
    """Correct, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False, data=False)
    flags.set_defaults(seeds=(0,))
    faces.flags(flags)
    only(flags, PARTS)
    options = parsed(flags)
    result = Result("foreign", options)
    for part in wanted(options, PARTS):
        with result.part(part):
            PARTS[part](result)
    known = faces.faces(options.model, options.data, quick=options.quick)
    counts = dict(zip(known.data.labelset.names, known.data.counts().tolist(), strict=True))
    about = {"name": Path(options.data).name, "classes": counts, "fair": int(known.fair.sum())}
    result.write({**about, "classifier": known.classifier.card.id, "fingerprint": known.data.fingerprint()})


if __name__ == "__main__":
    main(run)
