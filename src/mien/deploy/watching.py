"""The watch of a patch: what is new is counted, all of it is assessed, and an alarm may restrain the patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien.deploy.assessment import Assessment, WatchSettings, assess
from mien.deploy.patch_record import PatchRecord
from mien.deploy.watch_io import KEEP, SILENCE, Restraint, read_counted, read_watch, restraint_of, write_watch
from mien.errors import DataError
from mien.watch.counted import Counted
from mien.watch.log import Log, Problems, read_logs


@dataclass(frozen=True)
class Watched:
    """What a call of `watch_patch` found: the assessment, what is in force, and what could not be used."""

    patch: str
    assessment: Assessment
    restraint: Restraint | None
    problems: Problems


def watch_patch(
    folder: Path, files: Sequence[Path], given: Mapping[str, Any], *, on_alarm: str = KEEP, fresh: bool = False
) -> Watched:
    """Count what is new in logs and verdicts, assess all that was counted, and keep it in the folder of the patch.

    Parameters
    ----------
    folder : of the patch. files : logs of decisions and files of verdicts, see `mien.watch.log`.
    given : fields of WatchSettings; those that are not given are as at the last call.
    on_alarm : what an alarm puts in force: "keep" for nothing, "flag", or "silence". It stays until `fresh`.
    fresh : whether all that was counted before is forgotten, and what was put in force is lifted. Without files, the
        watch begins again with nothing.

    Raises
    ------
    RunError : no patch, or its watch is damaged. DataError : a file cannot be read; no decision of the patch.
    UsageError : a setting out of range.
    """
    record = PatchRecord.read(folder)
    stored = None if fresh else read_watch(folder, record.id)
    restraint = restraint_of(stored, folder)
    before = {} if stored is None else dict(stored.part("given"))
    settings = WatchSettings(**{**before, **given})
    counted = Counted.nothing(record.id) if stored is None else read_counted(folder, stored)
    log = read_logs(files, record.classes, counted.patches)
    counted = counted.with_log(log)
    if not (counted.decisions["patch"] == 0).any() and (files or not fresh):
        raise _no_decision(folder, record, log)
    assessment = assess(record, counted, settings, silenced=bool(restraint and restraint.action == SILENCE))
    is_restrained = restraint is not None and restraint.action == on_alarm
    if assessment.watch.alarmed and on_alarm != KEEP and not is_restrained:
        restraint = Restraint(on_alarm, assessment.words, assessment.last.time)
    content = {
        "patch": record.id, "given": asdict(settings), **assessment.to_json(),
        "restraint": restraint and asdict(restraint),
    }  # fmt: skip
    write_watch(folder, content, counted)
    return Watched(record.id, assessment, restraint, log.problems)


def _no_decision(folder: Path, record: PatchRecord, log: Log) -> DataError:
    others = ", ".join(log.patches[1:4])
    cause = f"the logs hold no decision of this patch ({record.id})" + (f", but of {others}" if others else "")
    broken = f"; {log.problems.examples[0]}" if log.problems.examples else ""
    return DataError(cause + broken, place=str(folder), remedy="give the output of mien predict with this patch")
