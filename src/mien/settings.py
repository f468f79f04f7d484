"""A setting: a dataclass field that knows its help text and its choices, so that the command line can offer it."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, help: str, *, choices: tuple[str, ...] | None = None) -> Any:
    """A dataclass field with the help text (and choices) that the command line shows."""
    return field(default=default, metadata={"help": help, "choices": choices})
