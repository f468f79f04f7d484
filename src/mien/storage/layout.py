"""Where things lie in a run folder: the only place that spells its paths, and turns names into file names.

A study has OUT/cells/seed0/KEY, a comparison OUT/cells/seed0/MODEL/TRAINING. Names of classes, models, treatments and
correctors become file names by `file_name`. Folders of earlier versions, which spelt some names otherwise, are found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

CELLS, TABLES = "cells", "tables"
FULL, RETRAINED = "full", "retrained"
"""Keys of a study's cells: trained on all classes, and on train + correct too."""
_WITHOUT, _SEED = "without-", "seed"
CARD, TRAINED_ON = "model.json", "trained_on.npz"
"""A classifier's card, and what it learnt from: beside its weights, in any folder."""
ADOPTED = "classifier.json"
"""What is declared of a classifier from elsewhere, beside its file."""
APPLIED = "patch"
"""The folder beside a classifier with the patch that is applied to it."""
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*%\x7f]|[. ]$|^\.')
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_ESCAPED = re.compile(r"%([0-9a-f]{2})")


def file_name(name: str) -> str:
    """A name as part of a file name, on any system: characters that a system forbids become % and two digits.

    >>> file_name("module:Name"), file_name("a/b"), file_name("fear")
    ('module%3aName', 'a%2fb', 'fear')
    """
    safe = _UNSAFE.sub(lambda match: f"%{ord(match.group()):02x}", name)
    return f"%{ord(safe[0]):02x}{safe[1:]}" if _DEVICE.match(safe) else safe


def name_of(file: str) -> str:
    """The name of which `file_name` made this.

    >>> name_of("module%3aName")
    'module:Name'
    """
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), file)


def without(left_out: str) -> str:
    """The key of the cell without a class.

    >>> without("fear")
    'without-fear'
    """
    return _WITHOUT + left_out


def left_out_of(key: str) -> str | None:
    """The class that a cell was trained without; None for the others.

    >>> left_out_of("without-fear"), left_out_of(FULL)
    ('fear', None)
    """
    return key.removeprefix(_WITHOUT) if key.startswith(_WITHOUT) else None


@dataclass(frozen=True)
class CellFolder:
    """The folder of one training of a run, with its files."""

    path: Path

    @classmethod
    def of(cls, run: Path, seed: int, *names: str) -> Self:
        """The folder of a cell: of a study by its key, of a comparison by model and training."""
        parent = run / CELLS / f"{_SEED}{seed}"
        for name in names:
            parent = _there(parent, file_name(name), name, name.replace(":", "-"))
        return cls(parent)

    @property
    def test(self) -> Path:
        """What the classifier answered on test."""
        return self.path / "test.npz"

    @property
    def finished(self) -> Path:
        """Written last: the cell is whole."""
        return self.path / "cell.json"

    @property
    def history(self) -> Path:
        """A line for each epoch."""
        return self.path / "history.csv"

    @property
    def generated(self) -> Path:
        """Pictures that a generator made for the training; `.json` beside it has their numbers."""
        return self.path / "generated.npz"

    def corrector(self, name: str) -> Path:
        """A fitted corrector."""
        return _there(self.path / "correctors", f"{file_name(name)}.npz", f"{name}.npz")

    def scores(self, corrector: str) -> Path:
        """What a corrector scored."""
        return _there(self.path / "scores", f"{file_name(corrector)}.npz", f"{corrector}.npz")

    def answers(self, treatment: str) -> Path:
        """What was answered under a treatment."""
        names = (file_name(treatment), treatment.replace(":", "-"))
        return _there(self.path, *(f"answers-{name}.npz" for name in names))


def cell_folders(run: Path, holding: str) -> Iterator[tuple[int, tuple[str, ...], CellFolder]]:
    """Seed, names and folder of each cell of a run that holds a file, in order."""
    cells = run / CELLS
    for file in sorted(cells.glob(f"{_SEED}*/**/{holding}")):
        seed, *names = file.parent.relative_to(cells).parts
        number = seed.removeprefix(_SEED)
        if number.isdecimal():
            yield int(number), tuple(map(name_of, names)), CellFolder(file.parent)


def _there(parent: Path, name: str, *earlier: str) -> Path:
    """The path in a folder; where only one spelt as in an earlier version exists, that one."""
    now = parent / name
    if not now.exists():
        for old in earlier:
            if old != name and "/" not in old and (parent / old).exists():
                return parent / old
    return now


def answers_of(run: Path, seed: int, model: str, treatment: str) -> list[Path]:
    """The files with what a model answered under a treatment, whatever training it shares with others."""
    folder = CellFolder.of(run, seed, model).path
    trainings = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [file for training in trainings if (file := CellFolder(training).answers(treatment)).exists()]
