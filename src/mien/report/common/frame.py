"""The frame of the page of a run: title, facts, what is missing, and its sections."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mien.errors import RunError
from mien.report.common import layout
from mien.report.common.layout import Section
from mien.storage.run import Run


@dataclass(frozen=True)
class RunPage:
    """The page of one kind of run.

    Attributes
    ----------
    kind : of the run, as in run.json. command : that makes such runs. noun : name of such a run in sentences.
    """

    kind: str
    command: str
    noun: str

    def manifest(self, run: Run) -> Mapping[str, Any]:
        """The manifest of a run; RunError where it is of another kind."""
        manifest = run.manifest()
        if manifest.get("kind") != self.kind:
            raise RunError(
                f"is a run of kind {manifest.get('kind')!r}, not a {self.noun}", place=str(run.folder),
                remedy=f"give the --out folder of {self.command}",
            )  # fmt: skip
        return manifest

    def render(
        self,
        run: Run,
        title: str,
        expected: Sequence[str],
        finished: Collection[str],
        sections: Sequence[Callable[[Run], Section]],
    ) -> str:
        """The page as HTML.

        Parameters
        ----------
        expected, finished : names of the cells of a finished run, and of those that are.
        """
        manifest = self.manifest(run)
        return str(
            layout.render(
                "page.html",
                kind=self.command,
                noun=self.noun,
                title=title,
                facts=facts_of(manifest),
                seeds=len(manifest["seeds"]),
                expected=len(expected),
                missing=[cell for cell in expected if cell not in finished],
                sections=[section(run) for section in sections],
            )
        )


def name_of(manifest: Mapping[str, Any], part: str) -> str:
    """The last part of the name of the base or of the data."""
    return str(manifest.get(part, {}).get("name", "?")).rstrip("/").rpartition("/")[2]


def facts_of(manifest: Mapping[str, Any]) -> list[str]:
    """Size of the data, numbers of classes, models and seeds, and the date, as short texts."""
    counted = {
        "left_out": ("class left out in turn", "classes left out in turn"),
        "correctors": ("corrector", "correctors"),
        "models": ("model", "models"),
        "treatments": ("treatment", "treatments"),
        "seeds": ("seed", "seeds"),
    }
    counts = [(len(manifest[key]), singular, many) for key, (singular, many) in counted.items() if key in manifest]
    data = manifest.get("data", {})
    facts = [f"{data['usable']:,} pictures".replace(",", "\u202f")] if "usable" in data else []
    facts += [f"{count} {singular if count == 1 else many}" for count, singular, many in counts]
    facts.append(str(manifest.get("started", ""))[:10])
    return [fact for fact in facts if fact]
