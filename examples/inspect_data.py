"""Look into a picture set: what is in it, what is wrong with it, and how it would be split.

python examples/inspect_data.py [folder]     without a folder, on drawn faces with some faults put in
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import mien
from mien.data.checks import by_kind, check, usable
from mien.data.faces import write
from mien.data.images import ImageSettings, decode
from mien.types import PARTS


def faulty_faces(folder: Path) -> Path:
    """Drawn faces as class folders, one file broken, one copied into another class, one in no class."""
    write(mien.draw(mien.FaceSettings(n=200, size=32)), folder)
    first, second, third = sorted(folder.glob("happiness/*.png"))[:3]
    first.write_bytes(first.read_bytes()[:40])
    shutil.copy(second, folder / "fear" / second.name)
    third.rename(folder / third.name)
    return folder


def main(folder: Path) -> None:
    data = check(decode(mien.load(folder), ImageSettings(size=32), keep=False))
    for name, count in zip(data.labelset.names, data.counts(), strict=True):
        print(f"{name:10} {count:5}")
    for kind in by_kind(data.problems, examples=1):
        print(f"{kind.count} × {kind.name}: {kind.examples[0]}")
    parts = mien.split(usable(data), seed=0)
    print("parts:", ", ".join(f"{part} {len(parts.rows(part))}" for part in PARTS))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else faulty_faces(Path(scratch, "faces")))
