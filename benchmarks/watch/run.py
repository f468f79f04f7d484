"""Whether the promises of a watch hold, and how soon it notices that a corrector harms more than was promised.

    python -m benchmarks.watch.run

Streams are simulated, so that the truth is known: f is right about 75 % of the pictures, the budget is 2 %, δ is 5 %,
and the limit of each stream follows from a calibration of its own with 1,500 pictures. Of the pictures that are not
harmed, 2 % are overridden, too. MAPIE's monitors run beside it on the same streams, if its version has them.
"""

from __future__ import annotations

from benchmarks.common import Result, main, only, parsed, parser, wanted
from benchmarks.watch import alarming, promises, streams
from benchmarks.watch.simulated import AFTER, LENGTH, STREAMS
from mien.storage.identity import identity

PARTS = {
    "alarms": alarming.false_alarms,
    "delays": alarming.delays,
    "power": alarming.power,
    "mapie": alarming.mapie,
    "bounds": promises.bounds,
    "certified": promises.certified,
    "audit": promises.audit,
    "warnings": promises.warnings,
    "cost": promises.cost,
}
SETTINGS = (
    "BUDGET",
    "DELTA",
    "RIGHT",
    "CALIBRATION",
    "OVERRIDDEN",
    "PERSON",
    "LIKENESS",
    "QUIET",
    "LATE",
    "MISSING",
    "EVERY",
)


def run() -> None:
    """Simulate, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False, data=False)
    flags.set_defaults(seeds=(0,))
    only(flags, PARTS)
    options = parsed(flags)
    settings = {name.lower(): getattr(streams, name) for name in SETTINGS}
    result = Result("watch", options, settings)
    for part in wanted(options, PARTS):
        with result.part(part):
            PARTS[part](result)
    about = {"name": "simulated streams", "streams": STREAMS, "pictures": LENGTH, "after a change": AFTER}
    result.write(
        {**about, "fingerprint": identity(**settings, **{key.replace(" ", "_"): value for key, value in about.items()})}
    )


if __name__ == "__main__":
    main(run)
