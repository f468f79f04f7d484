"""Run: a folder with a manifest, arrays and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mien.errors import RunError
from mien.storage.artifact import Artifact
from mien.storage.csv_tables import Row, Table
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
    >>> gain = Table.of("gain", "left_out gain", text="left_out")
    >>> run.write_table(gain, [{"left_out": "fear", "gain": float("nan")}])
    >>> run.manifest()["kind"], run.read_table(gain)
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

    def has_table(self, table: Table) -> bool:
        """Whether a table is there."""
        return self.path(TABLES, f"{table.name}.csv").exists()

    def write_table(self, table: Table, rows: Iterable[Row]) -> None:
        """Write a table, see :meth:`Table.write`."""
        table.write(self.path(TABLES, f"{table.name}.csv"), rows)

    def read_table(self, table: Table | str) -> list[dict[str, Any]]:
        """Read a table back, see :meth:`Table.read`.

        By its name alone, whatever looks like a number is read as one, also a class that is called 7.
        """
        table = Table(table, ()) if isinstance(table, str) else table
        path = self.path(TABLES, f"{table.name}.csv")
        if not path.exists():
            raise RunError("no such table", place=str(path), remedy="mien report makes it from the finished cells")
        return table.read(path)
