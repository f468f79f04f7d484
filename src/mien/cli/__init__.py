"""The command line. Each verb is a small module, loaded only when it is used: `mien --help` must not wait for torch."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from importlib import import_module

import click

from mien.cli.failures import NOTHING, STOPPED, as_mien_error, command_of, flags_of, message, to_stderr
from mien.errors import MienError, UsageError, nearest
from mien.storage.old_names import renamed

VERBS = {
    "data": "Inspect picture sets, or draw one.",
    "study": "Leave each class out in turn, correct, and report: the main job.",
    "train": "Train one base classifier.",
    "compare": "Compare treatments of unbalanced classes, and say what to do.",
    "adopt": "Take in a classifier that was trained elsewhere.",
    "correct": "Make a patch that corrects classes of a trained classifier.",
    "discover": "Find unlabelled pictures that look like none of the classes of a classifier, or like a rare one.",
    "audit": "Find labels that are probably wrong.",
    "review": "Review suspicious labels on a local page.",
    "export": "Write the reviewed labels of an audit for other tools, or as a folder of pictures.",
    "patch": "Show a patch, apply it to a classifier, or remove it.",
    "predict": "Label pictures with a trained classifier and what corrects it.",
    "watch": "Watch whether a patch keeps its promise, from logs and verdicts.",
    "serve": "Serve a classifier and its patches over HTTP.",
    "report": "Make the tables and the report of a run again.",
}


class Group(click.Group):
    """A group that suggests the nearest verb for a wrong word."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            near = nearest(args[0], known)
            hint = f" Did you mean '{near}'?" if near else f" Choose from: {', '.join(known)}."
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


class Verbs(Group):
    """Finds a verb by importing mien.cli.VERB."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        return getattr(import_module(f"mien.cli.{cmd_name}"), cmd_name)  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mien")
def cli() -> None:
    """Face-expression classifiers that can be corrected after training.

    DATA is a folder of pictures, a table (FER2013, FER+, legend.csv, RAF-DB), or "synthetic": faces drawn on the spot.

    Example:  mien study synthetic --out runs/first
    """


def main() -> None:
    """Run the command line; every failure is a message and an exit code (1 failed, 2 bad usage), never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names that the terminal cannot show are printed with escapes
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line with the given arguments and return the exit code."""
    try:
        code: int | None = cli.main(arguments, prog_name="mien", standalone_mode=False)
        if sys.stdout:  # None where the shell closed it
            sys.stdout.flush()
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption):
            error = _with_present_name(error)
        with contextlib.suppress(OSError, ValueError):  # nobody reads it
            error.show()
        return error.exit_code
    except MienError as error:
        to_stderr(f"error: {message(cli, arguments, error)}")
        return 2 if isinstance(error, UsageError) else 1
    except (click.Abort, KeyboardInterrupt):
        to_stderr(f"interrupted: {STOPPED.get(command_of(cli, arguments)[0], NOTHING)}")
        return 1
    except BrokenPipeError:
        _no_more_output()  # the reader of a pipe left, which is no failure to report
        return 1
    except Exception as error:
        return _failed(arguments, error)
    return code or 0


def _with_present_name(error: click.NoSuchOption) -> click.UsageError:
    """The error with the present name of the flag, where the user gave its earlier one."""
    now = renamed(error.option_name)
    if now and error.ctx is not None and now.split()[-1] in flags_of(error.ctx.command):
        return click.UsageError(now, error.ctx)
    return error


def _failed(arguments: list[str], error: Exception) -> int:
    """Print an error that is not one of mien's own, and return the exit code."""
    known = as_mien_error(error)
    if known:
        to_stderr(f"error: {message(cli, arguments, known)}")
    elif isinstance(error, OSError):
        if not error.filename:  # perhaps standard output, whose unwritten rest would fail again at exit
            _no_more_output()
        place = f"{error.filename}: " if error.filename else ""
        remedy = "check that it is there, that it may be used, and that the disk is not full"
        to_stderr(f"error: {place}{error.strerror or error}\n  → {remedy}")
    elif os.environ.get("MIEN_DEBUG"):
        raise error
    else:
        to_stderr(f"error: {type(error).__name__}: {error}\n  → this is a fault in mien; MIEN_DEBUG=1 shows where")
    return 1


def _no_more_output() -> None:
    """Discard what is still to be written to standard output."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no stream, or one without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
