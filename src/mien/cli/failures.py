"""Lines on standard error, and the messages of failed commands, which name only flags that the command has."""

from __future__ import annotations

import contextlib
import re
import sys
import traceback
from collections.abc import Sequence

import click

from mien.errors import BrokenPackageError, DiskFullError, MienError, MissingExtraError

GOES_ON = "finished work is kept, run the same command again to continue"
AT_ONCE = "it is written whole or not at all"
NOTHING = "nothing was changed"
STOPPED = {
    "data inspect": NOTHING,
    "data draw": f"the folder appears when all is drawn: {AT_ONCE}",
    "study": GOES_ON,
    "train": GOES_ON,
    "compare": GOES_ON,
    "adopt": "the folder is written whole or not at all, run the same command again",
    "correct": "the patch is written whole or not at all, run the same command again to start over",
    "discover": "no page was written, run the same command again to start over",
    "audit": GOES_ON,
    "review": "all reviews up to now are kept",
    "export": f"the export appears when all of it is there: {AT_ONCE}",
    "patch show": NOTHING,
    "patch apply": "the patch is applied whole or not at all, run the same command again",
    "patch remove": "run the same command again",
    "predict": "the lines printed up to now are right; the same command with --resume continues a file of --out",
    "serve": "all verdicts that were acknowledged are kept, run the same command again",
    "watch": "nothing was counted, run the same command again",
    "report": "the run is as it was, run the same command again to make its report",
}
"""Command → message after it was stopped half-way."""
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
JOINTS = re.compile(r"(, or |; )")
PACKAGE_ROOT = "mien"


def command_of(root: click.Command, arguments: Sequence[str]) -> tuple[str, click.Command]:
    """The words of the command that the arguments name, such as "data draw", and the command."""
    command, words = root, []
    for argument in arguments:
        if not isinstance(command, click.Group):
            break
        inner = None if argument.startswith("-") else command.get_command(click.Context(command), argument)
        if inner is not None:
            command = inner
            words.append(argument)
    return " ".join(words), command


def flags_of(command: click.Command) -> set[str]:
    """All flags that a command has."""
    options = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
    return options | {"--help"}


def remedy_for(root: click.Command, arguments: Sequence[str], remedy: str) -> str:
    """The remedy without the parts that name flags which the command lacks.

    Examples
    --------
    >>> show = click.Command("show", params=[click.Option(["--json"])])
    >>> remedy_for(show, (), "free some space, or choose another place with --out")
    'free some space'
    """
    words, command = command_of(root, arguments)
    parts = JOINTS.split(remedy)
    kept: list[str] = []
    for joint, part in zip(["", *parts[1::2]], parts[::2], strict=True):
        if _is_possible(part, root, command):
            kept += [joint, part] if kept else [part]
    return "".join(kept) or f"see mien {words} --help"


def _is_possible(part: str, root: click.Command, command: click.Command) -> bool:
    """Whether each flag is of this command, or of another that is named before it."""
    if re.search(r"\bpip\b", part):
        return True
    named = re.search(rf"\b{PACKAGE_ROOT} ([a-z]+(?: [a-z]+)?)", part)
    words, other = command_of(root, named.group(1).split()) if named else ("", command)
    return set(FLAG.findall(part)) <= flags_of(other if words else command)


def message(root: click.Command, arguments: Sequence[str], error: MienError) -> str:
    """The lines that are printed for an error: place, cause, and what the user of this command can do."""
    words, command = command_of(root, arguments)
    place = error.place
    flag = FLAG.match(place)
    if flag and flag.group() not in flags_of(command):  # another command's word for the same thing
        place = place.removeprefix(flag.group()).strip()
    remedy = remedy_for(root, arguments, error.remedy) if error.remedy else ""
    if isinstance(error, DiskFullError) and words in STOPPED:
        remedy += f": {STOPPED[words].split(', run ')[0]}"
    return str(MienError(error.cause, place=place, remedy=remedy))


def as_mien_error(error: Exception) -> MienError | None:
    """Translate an error that is none of mien's own; None for a fault in mien."""
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or "can't allocate memory" in str(error):
        remedy = "lower --size; lower --batch-size; give fewer pictures, or a machine with more memory"
        return MienError("there is not enough memory", remedy=remedy)
    package = _broken_package(error)
    if package.removeprefix("_") in sys.stdlib_module_names or package in sys.stdlib_module_names:
        remedy = "install Python again, with this module"
        cause = f"this Python was built without a module of its standard library: {error}"
        return BrokenPackageError(cause, place=package, remedy=remedy)
    if package:
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            cause = f"needs the package {package}, which is not installed"
            return MissingExtraError(cause, remedy=f"pip install {package}")
        return BrokenPackageError.for_package(package, error)
    return None


def _broken_package(error: Exception) -> str:
    """The package during whose import the error arose, or "": the outermost whose module was being run."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if frame.f_code.co_name == "<module>" and root not in (PACKAGE_ROOT, "__main__", ""):
            return root
    root = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    return "" if root == PACKAGE_ROOT else root


def to_stderr(text: str) -> None:
    """Print a line to standard error; a closed standard error is no failure."""
    with contextlib.suppress(OSError, ValueError):
        click.echo(text, err=True)
