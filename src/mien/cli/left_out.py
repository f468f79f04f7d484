"""What is left out while pictures are listed, on standard error."""

from __future__ import annotations

from typing import Self

from mien.cli.failures import to_stderr
from mien.types import Problem

SHOWN = 20
"""Most lines that are printed on what is left out."""


class LeftOut:
    """Prints the first problems with folders and archives, and at the end the number of the others."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, problem: Problem) -> None:
        self.count += 1
        if self.count <= SHOWN:
            to_stderr(f"left out: {problem}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.count > SHOWN:
            to_stderr(f"left out: {self.count - SHOWN} more")
