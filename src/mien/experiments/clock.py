"""What each stage of a task cost, kept on disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mien.storage.files import read_json, write_json

Costs = dict[str, dict[str, float]]
"""{"seconds": {stage: seconds}, "pictures": {stage: pictures}}"""


@dataclass
class Clock:
    """Seconds and pictures of each stage. A task that was stopped half-way still has the cost of its first half.

    Attributes
    ----------
    path : file that keeps them. stages : stage → (seconds, pictures).
    """

    path: Path
    stages: dict[str, tuple[float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.stages = {name: (seconds, pictures) for name, (seconds, pictures) in read_json(self.path).items()}

    @contextmanager
    def stage(self, name: str, pictures: int) -> Iterator[None]:
        """Measure a stage, which is the block."""
        start = time.perf_counter()
        yield
        self.set(name, time.perf_counter() - start, pictures)

    def set(self, name: str, seconds: float, pictures: int) -> None:
        """Keep the cost of a stage."""
        self.stages[name] = (round(seconds, 3), pictures)
        write_json(self.path, self.stages)

    def costs(self) -> Costs:
        """All stages so far, as cell.json has them."""
        return {
            "seconds": {name: seconds for name, (seconds, _) in self.stages.items()},
            "pictures": {name: pictures for name, (_, pictures) in self.stages.items()},
        }
