"""How mien predict looks at pictures: whole or for faces, all frames of a video or some, and with reasons or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mien.cli.options import build
from mien.errors import UsageError
from mien.faces.settings import FinderSettings

if TYPE_CHECKING:
    from mien.deploy.explanations import Explanations
    from mien.deploy.predictor import Predictor
    from mien.faces.finder import FaceFinder
    from mien.incoming.item import Item
    from mien.incoming.opening import Source


@dataclass(frozen=True)
class Looking:
    """What the flags --workers, --every, --explain, --faces and their like ask for.

    Attributes
    ----------
    workers : threads; 0 for one a core. every : seconds from frame to frame; None for all frames.
    explain : folder of heat maps of overridden pictures; None for none.
    faces : how faces are found; its detector is None where pictures are answered for as they are.
    """

    workers: int
    every: float | None
    explain: Path | None
    faces: FinderSettings

    @classmethod
    def of_flags(cls, choices: dict[str, Any]) -> Looking:
        """Take these flags out of all flags of the command; UsageError where one of them has no effect."""
        names = [field.name for field in fields(FinderSettings)]
        values = {name: choices.pop(name) for name in names}
        context = click.get_current_context()
        if values["faces"] is None:
            for name in names:
                if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                    flag = f"--{name.replace('_', '-')}"
                    raise UsageError("is for faces that are detected", place=flag, remedy="write --faces retina, too")
        faces = build(FinderSettings, values)
        return cls(choices.pop("workers") or 0, choices.pop("every"), choices.pop("explain"), faces)

    @property
    def given(self) -> dict[str, Any]:
        """Flag → value, None where it was left out: those that tables of answers refuse."""
        given = {"workers": self.workers or None, "every": self.every, "explain": self.explain}
        return {**given, "faces": self.faces.faces}

    def explanations(self, predictor: Predictor, places: Sequence[Path]) -> Explanations | None:
        """Heat maps into the folder that is named; UsageError where nothing overrides, or it lies in the data."""
        if self.explain is None:
            return None
        from mien.deploy.explanations import Explanations
        from mien.storage.output import check_outside_data

        if predictor.patch is None:
            cause, remedy = "explains overrides, and nothing overrides the classifier", "name a patch with --patch"
            raise UsageError(cause, place="--explain", remedy=f"{remedy}, or leave it out")
        check_outside_data(self.explain, places, "--explain")
        if self.explain.exists() and not self.explain.is_dir():
            raise UsageError(f"{self.explain} is a file", place="--explain", remedy="name a folder, such as why")
        return Explanations(predictor, self.explain)

    def finder(self, size: int) -> FaceFinder | None:
        """What finds faces and crops them to `size` pixels; None where pictures are answered for as they are."""
        if self.faces.faces is None:
            return None
        from mien.faces.finder import FaceFinder

        return FaceFinder.open(self.faces, size)

    def check(self, source: Source) -> None:
        """Raise UsageError where a flag is for other places than these."""
        if self.every is not None and not source.timed:
            raise UsageError("is for videos and cameras", place="--every", remedy="leave it out: there is none")

    def stages(self, source: Source) -> tuple[str, ...]:
        """The columns that rows have besides."""
        of_faces = ("face", "box") if self.faces.faces else ()
        of_tracks = ("track", "group") if self.faces.faces and source.timed else ()
        return (*(("seconds",) if source.timed else ()), *of_faces, *of_tracks)

    def stage(self, finder: FaceFinder, source: Source, items: Iterator[Item]) -> Iterator[Item]:
        """The faces of pictures and frames."""
        from mien.faces.stage import faces_of

        return faces_of(items, finder, self.workers, live=source.live)
