"""Settings: dataclass fields with a help text and allowed values, from which the flags of the command line follow."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable
from dataclasses import Field, field, fields
from typing import Any, SupportsFloat

from mien.errors import UsageError, choice_error


def setting(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    within: tuple[float, float] | None = None,
    exclusive: bool = False,
    later: bool = False,
) -> Any:
    """A dataclass field with the help text that the command line shows.

    Parameters
    ----------
    choices : allowed words.
    within : least and largest value; with `exclusive`, neither of them is allowed.
    later : whether there are saved runs without this setting; its default must be the value that they were made with.
    """
    about = {"help": help, "choices": choices, "within": within, "exclusive": exclusive, "later": later}
    return field(default=default, metadata=about)


def validate(settings: Any, prefix: str = "") -> None:
    """Raise UsageError where a setting has a value that is not allowed; for ``__post_init__``.

    Parameters
    ----------
    settings : a dataclass whose fields are made by :func:`setting`. prefix : prefix of its flags.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Training:
    ...     epochs: int = setting(30, "longest training", within=(1, 1000))
    >>> validate(Training(epochs=0))
    Traceback (most recent call last):
    mien.errors.UsageError: --epochs: must be between 1 and 1000, not 0
      → leave it out for 30
    """
    for item in fields(settings):
        value, choices = getattr(settings, item.name), item.metadata.get("choices")
        place = "--" + (prefix + item.name).replace("_", "-")
        if choices and value not in (*choices, item.default):
            raise choice_error(item.name.replace("_", " "), str(value), choices, place=place)
        if not _is_within(value, item):
            low, high = item.metadata["within"]
            limits = f"between {low:g} and {high:g}" + (", and neither of them" if item.metadata["exclusive"] else "")
            raise UsageError(f"must be {limits}, not {value}", place=place, remedy=f"leave it out for {item.default}")


def _is_within(value: Any, item: Field[Any]) -> bool:
    if not item.metadata.get("within") or (value is None and item.default is None):
        return True
    low, high = item.metadata["within"]
    if isinstance(value, str) or not isinstance(value, SupportsFloat):
        return False
    return bool(low < value < high if item.metadata["exclusive"] else low <= value <= high)


def items(text: str) -> list[str]:
    """The values in a text, separated by commas; a value with a comma in it is quoted.

    >>> items('fear, "calm, awake",happiness')
    ['fear', 'calm, awake', 'happiness']
    """
    [row] = csv.reader([text.replace("\n", " ")], skipinitialspace=True) if text.strip() else [[]]
    return [item.strip() for item in row if item.strip()]


def joined(values: Iterable[object]) -> str:
    """Values as one text, of which :func:`items` is the inverse.

    >>> joined(["fear", "calm, awake"])
    'fear,"calm, awake"'
    """
    return ",".join(quoted(str(value)) for value in values)


def quoted(value: str) -> str:
    """A value as CSV has it: in quotes where it has a comma or a quote in it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([value])
    return text.getvalue()


def names_flag(raw: str, name: str) -> str:
    """The flag that gives a label as written its class, as a shell takes it.

    >>> names_flag("1", "fear"), names_flag("1 - fear", "fear")
    ('--names 1=fear', "--names '1 - fear=fear'")
    """
    return "--names " + shlex.quote(quoted(f"{raw}={name}"))
