"""mien watch: whether a patch keeps its promise after deployment."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mien.cli.failures import to_stderr
from mien.cli.options import PATH, options
from mien.cli.terminal import decimals, print_json
from mien.deploy.assessment import WatchSettings
from mien.deploy.patch_io import PATCH, REMEDY
from mien.deploy.watch_io import FOLDER, KEEP, ON_ALARM
from mien.storage.layout import APPLIED
from mien.storage.output import prepare_output

if TYPE_CHECKING:
    from mien.deploy.assessment import Assessment
    from mien.deploy.watching import Watched

ALARM = 3
"""Exit code of an alarm, for cron and CI."""
PAGE = "report.html"


@click.command()
@click.argument("place", metavar="PATCH", type=PATH)
@click.argument("files", nargs=-1, type=PATH)
@options(WatchSettings)
@click.option(
    "--on-alarm", type=click.Choice(ON_ALARM), default=KEEP, show_default=True,
    help="what an alarm does to the patch: nothing, only flag from now on, or override nothing",
)  # fmt: skip
@click.option("--fresh", is_flag=True, help="forget what was counted, and lift what an alarm put in force")
@click.option("--out", type=PATH, help="page to write, NAME.html or a folder; PATCH/watch/report.html by default")
@click.option("--json", "as_json", is_flag=True, help="print the figures as JSON")
def watch(
    place: Path, files: tuple[Path, ...], on_alarm: str, fresh: bool, out: Path | None, as_json: bool, **values: Any
) -> None:
    """Watch whether a patch keeps its promise, from logs of decisions and people's verdicts on overrides.

    FILES are logs, as mien predict writes them, and tables of verdicts with the columns id (or file) and label, JSON
    lines or CSV. Only overrides need a verdict. PATCH keeps what was counted, so a later call needs only what is new.
    It may also be the BASE that a patch is applied to. Settings that are not given are as at the last call.

    The exit code is 3 on an alarm.

    \b
    Example:
      mien watch fear.patch decisions.jsonl verdicts.csv
      mien watch fear.patch logs/*.jsonl verdicts.csv --deadline 7 --on-alarm silence
    """
    from mien.deploy.watching import watch_patch
    from mien.report.watch.page import page
    from mien.storage.files import write_text

    ctx = click.get_current_context()
    given = {name: value for name, value in values.items()
             if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT}  # fmt: skip
    folder = patch_folder(place)
    PATCH.read(folder, REMEDY)  # before anything is locked there
    report = (folder / FOLDER / PAGE) if out is None else out if out.suffix == ".html" else out / PAGE
    with ExitStack() as locks:
        locks.enter_context(prepare_output(folder / FOLDER))
        if out is not None:
            locks.enter_context(prepare_output(report, sources=files))
        watched = watch_patch(folder, files, given, on_alarm=on_alarm, fresh=fresh)
        write_text(report, page(watched, folder.name))
    if as_json:
        print_json(as_figures(watched, report))
    else:
        _print(watched, report)
    for kind, count in watched.problems.counts.most_common():
        example = next(problem for problem in watched.problems.examples if problem.kind == kind)
        to_stderr(f"note: {count:,} × {kind}: {example}")
    ctx.exit(ALARM if watched.assessment.watch.alarmed else 0)


def patch_folder(place: Path) -> Path:
    """The folder of a patch: the place itself, or the patch that is applied to the classifier there."""
    if (place / "run.json").exists() or (place / "model.json").exists():
        from mien.classifiers.cell import cell_of

        return cell_of(place) / APPLIED
    return place


def as_figures(watched: Watched, report: Path) -> dict[str, Any]:
    """What `--json` prints; undefined figures are NaN."""
    examples, restraint = [vars(problem) for problem in watched.problems.examples], watched.restraint
    return {
        "patch": watched.patch, **watched.assessment.to_json(), "restraint": restraint and vars(restraint),
        "problems": {"counts": dict(watched.problems.counts), "examples": examples}, "report": str(report),
    }  # fmt: skip


def _print(watched: Watched, report: Path) -> None:
    for title, text in lines_of(watched.assessment):
        click.echo(f"{title:<11}{text}")
    if watched.restraint:
        click.echo(f"{'in force':<11}{watched.restraint}")
    click.echo(f"{'report':<11}{report}")


def lines_of(assessment: Assessment) -> list[tuple[str, str]]:
    """(title, text) of what people need to know."""
    watch, audit = assessment.watch, assessment.audit
    verdicts = f"{watch.overridden - watch.open:,} of {watch.overridden:,} overrides, {watch.open:,} open"
    low, high = (f"{100 * share:.0f}" for share in assessment.right)
    lines = [
        (watch.standing, assessment.words),
        ("spoilt", f"{watch.harmed:,} of {watch.images:,} {assessment.unit} ({_share(watch.rate)}); bounds that hold "
                   f"at any time: {_share(watch.lower)} to {_share(watch.upper)}; limit {_share(watch.limit)}"),
        ("verdicts", verdicts),
        ("evidence", f"{assessment.evidence:.3g} against the promise; an alarm at {1 / watch.delta:.3g}"),
        ("Harm", f"at most {_share(assessment.harm_as_calibrated)}, if the classifier is right as often as in "
                 f"calibration ({low}–{high} %)"),
    ]  # fmt: skip
    if audit is not None:
        harm = assessment.harm_by_audit
        bound = f"no bound, since {assessment.groups} are counted" if harm != harm else f"at most {_share(harm)}"
        drawn = f"{audit.right:,} of {audit.audited:,} {assessment.each} drawn are right"
        lines.append(("", f"{bound}, by the audit: {drawn}, more than {_share(audit.lower)} of all"))
    if assessment.others:
        total = assessment.total
        spoilt = f"{total.harmed:,} of {total.images:,} spoilt, at most {_share(total.upper)}"
        lines.append(("together", f"{len(assessment.others) + 1} patches: {spoilt}"))
    lines += [("warning", f"{warning} (no certificate)") for warning in assessment.warnings]
    return lines


def _share(value: float) -> str:
    return f"{decimals(100 * value, '.2f')} %"
