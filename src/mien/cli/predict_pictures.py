"""What mien predict does with pictures: they are answered for as they come, from wherever they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.cli.failures import to_stderr
from mien.cli.left_out import LeftOut
from mien.cli.log_output import LogOutput
from mien.cli.looking import Looking
from mien.cli.predict_tables import announced
from mien.cli.progress import progress
from mien.events import Event, OnEvent, ignore

if TYPE_CHECKING:
    from mien.deploy.decisions.rows import Columns, Row
    from mien.deploy.explanations import Explanations
    from mien.deploy.predictor import Predictor
    from mien.faces.finder import FaceFinder
    from mien.incoming.item import Item
    from mien.incoming.opening import Source


def predict_pictures(
    places: tuple[Path, ...], run_folder: Path, output: LogOutput, looking: Looking, choices: dict[str, Any]
) -> None:
    """Write a row for each picture, frame or face; the exit code is 1 where none of them can be read.

    Parameters
    ----------
    looking : whether faces are found, and which frames are looked at.
    choices : which of the run's classifiers, and what corrects it, see `mien.deploy.opening.open_predictor`.
    """
    from mien.deploy.decisions.formats import check_columns
    from mien.deploy.decisions.rows import Columns
    from mien.deploy.explanations import COLUMN
    from mien.deploy.opening import open_predictor
    from mien.incoming.opening import open_items

    predictor = open_predictor(run_folder, **choices)
    finder = looking.finder(predictor.classifier.card.images.size)
    explanations = looking.explanations(predictor, places)
    with ExitStack() as stack, LeftOut() as left_out:
        is_shown = output.out is None and sys.stdout is not None and sys.stdout.isatty()
        # rows on a terminal are progress enough
        on_event: OnEvent = ignore if is_shown else stack.enter_context(progress(notes=False))
        source = open_items(places, left_out, on_event, looking.every or 0.0)
        looking.check(source)
        last = (COLUMN,) if explanations else ()
        columns = Columns(predictor.classes, announced(predictor), stages=looking.stages(source), last=last)
        check_columns(output.format, columns)
        for _, cause, remedy in source.findings:
            to_stderr(f"{cause} → {remedy}")
        answering = _Answering(predictor, source, columns, looking, finder, on_event, explanations)
        if output.out is None:
            output.print(answering.batches(answering.stage(source.items)), columns)
        else:
            _write(output, output.out, answering, places)
    if answering.unread:
        to_stderr(f"{answering.unread} of {answering.count} pictures could not be read")
        click.get_current_context().exit(1 if answering.unread == answering.count else 0)


@dataclass
class _Answering:
    """Batches of rows, and their counts.

    Attributes
    ----------
    count, unread : rows so far, and those of pictures that could not be read.
    """

    predictor: Predictor
    source: Source
    columns: Columns
    looking: Looking
    finder: FaceFinder | None
    on_event: OnEvent
    explanations: Explanations | None = None
    count: int = 0
    unread: int = 0

    def batches(self, items: Iterator[Item]) -> Iterator[list[Row]]:
        from mien.deploy.decisions.rows import rows_of
        from mien.deploy.explanations import COLUMN

        predictor, keep = self.predictor, self.explanations is not None
        if self.source.live:
            answers = predictor.stream_live(items, keep_changed=keep)
        else:
            answers = predictor.stream_items(items, self.looking.workers, keep_changed=keep)
        for predictions in answers:
            batch = list(rows_of(predictions, self.columns))
            for row in batch:
                self.add(row)
            if self.explanations and predictions.changed is not None:
                files = self.explanations.write(predictions.changed)
                batch = [row | {COLUMN: files.get(row[self.columns.key])} for row in batch]
            yield batch
            self.on_event(Event("pictures", count=self.count, total=self.source.total or 0))

    def stage(self, items: Iterator[Item]) -> Iterator[Item]:
        """The faces of pictures, or the pictures with a note if they look as if faces were to be found."""
        from mien.incoming.uncropped import noting_uncropped

        if self.finder is None:
            return noting_uncropped(items, self.predictor.classifier.card.images.size, self._note)
        return self.looking.stage(self.finder, self.source, items)

    def add(self, row: Row) -> None:
        """Count a row."""
        from mien.incoming.item import UNREADABLE

        self.count += 1
        self.unread += row["status"] == UNREADABLE

    def names(self, rows: Iterator[Row]) -> Iterator[str]:
        """Count rows that are there, and iterate over their pictures."""
        for row in rows:
            self.add(row)
            yield row[self.columns.key]

    def about(self, places: tuple[Path, ...]) -> dict[str, str]:
        """What identifies a call: equal calls give equal rows for equal pictures."""
        from mien.deploy.predictor import CHUNK
        from mien.storage.identity import identity

        patch, classifier = self.predictor.patch, self.predictor.classifier
        return {
            "classifier": classifier.card.id,
            "patch": "" if patch is None else f"{patch.id} {patch.restraint}".strip(),
            "places": identity(places=list(map(str, places)), ranges=self.source.ranges),
            "settings": identity(
                batch=CHUNK,
                classes=self.columns.classes,
                columns=self.columns.names,
                every=self.looking.every,
                faces=asdict(self.looking.faces),
            ),
        }

    def _note(self, width: int, height: int) -> None:
        side = self.predictor.classifier.card.images.size
        cause = f"most pictures look like whole photographs, such as {width} × {height} pixels"
        to_stderr(f"note: {cause}; faces of {side} × {side} are read → give crops of faces, or --faces retina")


def _write(output: LogOutput, out: Path, answering: _Answering, places: tuple[Path, ...]) -> None:
    """Write the rows beside the file, and make it when all are there."""
    from mien.deploy.decisions.unfinished import Unfinished
    from mien.deploy.predictor import CHUNK
    from mien.incoming.answered import unanswered
    from mien.storage.output import prepare_output

    with prepare_output(out, sources=places):
        rows, about = Unfinished(out, answering.columns), answering.about(places)
        if output.resume and rows.is_finished:
            to_stderr(f"{out} is finished already; --fresh makes it again")
            return
        if output.resume:
            rows.resume(about, CHUNK)
        else:
            rows.begin(about, fresh=output.fresh)
        items = unanswered(answering.source.items, answering.names(rows.rows()), answering.stage)
        if rows.kept:
            to_stderr(f"{rows.kept} pictures are answered already")
        for batch in answering.batches(items):
            rows.append(batch)
        rows.finish(output.format)
