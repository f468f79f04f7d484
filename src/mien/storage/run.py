"""Run: a folder with a manifest, arrays and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.errors import RunError
from mien.storage.artifact import Artifact
from mien.storage.csv_tables import Row, format_cell, read_csv, write_csv
from mien.storage.files import Record
from mien.storage.layout import TABLES, CellFolder
from mien.storage.old_names import current_fields

RUN = Artifact("run", "run.json", 2, "mien study, mien train or mien compare")


class Run:
    """A run folder.

    Parameters
    ----------
    folder : where it is or shall be.

    Examples
    --------
    >>> import tempfile
    >>> run = Run(tempfile.mkdtemp())
    >>> run.write_manifest({"kind": "study"})
    >>> run.write_table("gain", [{"left_out": "fear", "gain": float("nan")}])
    >>> run.manifest()["kind"], run.read_table("gain")
    ('study', [{'left_out': 'fear', 'gain': nan}])
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def path(self, *parts: str) -> Path:
        """A path inside the run."""
        return self.folder.joinpath(*parts)

    def cell(self, seed: int, *names: str) -> CellFolder:
        """A cell: of a study by its key, of a comparison by model and training."""
        return CellFolder.of(self.folder, seed, *names)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write run.json with its header."""
        RUN.write(self.folder, manifest)

    def manifest(self) -> Record:
        """Read run.json; RunError where it is missing or newer than this version can read."""
        manifest = RUN.read(self.folder)
        settings = manifest.get("settings")
        if isinstance(settings, Record):  # of an earlier version, perhaps
            for part, stored in settings.items():
                if isinstance(stored, Record):
                    settings[part] = Record(current_fields(stored), stored.path)
        return manifest

    def write_table(self, name: str, rows: Sequence[Row]) -> None:
        """Write tables/NAME.csv; columns are the first row's keys, NaN becomes an empty cell."""
        cells = [{key: format_cell(value) for key, value in row.items()} for row in rows]
        write_csv(self.path(TABLES, f"{name}.csv"), cells)

    def read_table(self, name: str) -> list[dict[str, Any]]:
        """Read a table back, as `read_csv` does."""
        path = self.path(TABLES, f"{name}.csv")
        if not path.exists():
            raise RunError("no such table", place=str(path), remedy="mien report makes it from the finished cells")
        return read_csv(path)
