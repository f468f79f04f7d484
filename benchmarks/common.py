"""What every benchmark needs: the same flags, the same parts, tables for people, and results for machines."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from mien.data.prepare import DataSettings, prepare
from mien.data.profile import RAF
from mien.data.split import split, with_fit_share
from mien.deploy.settings import FIT_SHARE
from mien.errors import DataError, MienError, choice_error
from mien.experiments.executor import Executor, Processes, Serial
from mien.experiments.results import Figure, as_text, mean_of_defined, with_other_parts
from mien.machine import cores, machine, versions
from mien.nets.device import keep_freed_memory, one_thread
from mien.settings import items
from mien.storage.files import read_json, write_json
from mien.types import Dataset, Ints

__all__ = ["Figure", "mean_of_defined"]

Item = TypeVar("Item")
Found = TypeVar("Found")
PROFILE = "raf"
"""The class profile of the benchmarks, unless another is asked for."""
RESULTS = Path(__file__).parent / "results"
_executor: Executor = Processes(cores())


def parser(description: str, *, tests: bool = True, data: bool = True) -> argparse.ArgumentParser:
    """The flags of every benchmark.

    Parameters
    ----------
    tests : whether it has a test part that another may replace. data : whether it reads pictures.
    """
    flags = argparse.ArgumentParser(description=description)
    if data:
        flags.add_argument(
            "--data",
            default="synthetic:n=8000",
            help="DATA, taken in RAF-DB's class profile by default (default: drawn)",
        )
    if tests:
        flags.add_argument("--test", help="DATA that replaces the test part, for final figures")
    flags.add_argument("--seeds", type=_numbers, default=(0, 1, 2), help="seeds of split and model, as 0,1,2")
    flags.add_argument("--quick", action="store_true", help="minutes, to see that it runs; never to be quoted")
    flags.add_argument("--json", type=Path, help="where the result goes (default: benchmarks/results/, not if --quick)")
    return flags


def profiles(flags: argparse.ArgumentParser) -> None:
    """Add the flag --class-counts for a benchmark that other classes and shares suit."""
    text = "class profile, as for mien study (for drawn faces with --data synthetic:profile=…; default: %(default)s)"
    flags.add_argument("--class-counts", default=PROFILE, help=text)


def only(flags: argparse.ArgumentParser, parts: Iterable[str]) -> None:
    """Add the flag --only for a benchmark that has parts."""
    flags.add_argument("--only", default=",".join(parts), help="some of the parts (default: %(default)s)")


def wanted(options: argparse.Namespace, parts: Collection[str]) -> list[str]:
    """The parts asked for; UsageError where there is no such part."""
    names: list[str] = options.only.split(",")
    for name in names:
        if name not in parts:
            raise choice_error("part", name, parts, place="--only")
    return names


def seeds_of(options: argparse.Namespace) -> tuple[int, ...]:
    """The seeds asked for; the first alone if --quick."""
    seeds: tuple[int, ...] = options.seeds
    return seeds[:1] if options.quick else seeds


def parsed(flags: argparse.ArgumentParser) -> argparse.Namespace:
    """The flags as given. With --quick, tasks are done in this process: a new one would load every library again."""
    global _executor
    options = flags.parse_args()
    if options.quick:
        _executor = Serial()
    return options


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


@dataclass(frozen=True)
class Parts:
    """Pictures with labels, in the parts of docs/method.md, "The study".

    `rows` are of `data`; the test part may come from elsewhere.

    Attributes
    ----------
    data : the benchmark's data. rows : part → rows of `data`; "most" is what an expected guarantee fits on.
    tested : the data that the test part is taken from. test : its rows.
    """

    data: Dataset
    rows: dict[str, Ints]
    tested: Dataset
    test: Ints


def settings_of(source: str, *, quick: bool = False, **changes: Any) -> DataSettings:
    """How the benchmarks read DATA: 48×48, grey, in a class profile, RAF-DB's by default (a tenth of it if `quick`)."""
    changes = {"class_counts": PROFILE, **changes}
    if quick and changes["class_counts"]:
        changes["class_counts"] = tenth(changes["class_counts"])
    return DataSettings(source, **changes)


def tenth(profile: str) -> str:
    """A class profile with a tenth of the pictures; one without a total has as many as RAF-DB."""
    name, _, total = profile.partition(":")
    if "=" not in profile:
        return f"{name}:{int(total or sum(RAF.values())) // 10}"
    pairs = (item.rpartition("=") for item in items(profile))
    return ",".join(f"{named}={max(1, int(count) // 10)}" for named, _, count in pairs)


@lru_cache(maxsize=2)
def parts_of(settings: DataSettings, test: str | None, seed: int) -> Parts:
    """The parts for one seed. Training pictures that also stand in `test` are left out."""
    data = prepare(settings)
    cut = split(data, seed)
    rows = {part: cut.rows(part) for part in ("train", "validation", "correct", "fit")}
    rows["most"] = with_fit_share(cut, data, FIT_SHARE).rows("fit")
    if test is None:
        return Parts(data, rows, data, cut.rows("test"))
    name, _, total = settings.class_counts.partition(":")
    counts = settings.class_counts if "=" in total else name  # a test part has its own size
    tested = prepare(replace(settings, source=test, class_counts=counts, labels=None))
    if tested.labelset.names != data.labelset.names:
        raise DataError(f"has the classes {tested.labelset.names}", place=f"--test {test}", remedy="give like data")
    shared = np.isin(data.hashes, tested.hashes)
    if data.groups is not None and tested.groups is not None:
        shared |= np.isin(data.groups, tested.groups)
    kept = {part: of[~shared[of]] for part, of in rows.items()}
    return Parts(data, kept, tested, np.arange(len(tested)))


@dataclass
class Result:
    """What a benchmark found, and how: printed as it goes, written at the end."""

    name: str
    options: argparse.Namespace
    settings: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is found inside belongs to this part, which can be made anew without the others."""
        before = {*self.tables, *self.figures}
        yield
        found = {kind: [key for key in getattr(self, kind) if key not in before] for kind in ("tables", "figures")}
        self.parts[name] = {"commit": commit(), "seeds": list(self.options.seeds), **found}

    def table(self, title: str, rows: list[dict[str, Any]]) -> None:
        """Print a table, and keep it for the file."""
        self.tables[title] = rows
        print(f"\n{as_text(title, rows)}")

    def write(self, data: dict[str, Any]) -> None:
        """Write the result where --json says, or to benchmarks/results/ if it may be quoted.

        Of a file that is there already, the parts that were not made now are kept, if they are of the same data.
        """
        place = self.options.json or (None if self.options.quick else RESULTS / f"{self.name}.json")
        if place is None:
            return
        whole = {
            "figures": {key: asdict(figure) for key, figure in self.figures.items()},
            "tables": {title: [_plain(row) for row in rows] for title, rows in self.tables.items()},
            "data": data,
            "settings": {**self.settings, "seeds": list(self.options.seeds), "quick": self.options.quick},
            "machine": {**machine(), "versions": versions()},
            "commit": commit(),
            "seconds": round(time.time() - self.started),
        }  # fmt: skip
        if self.parts:
            whole = with_other_parts(whole | {"parts": self.parts}, read_json(place) if place.exists() else {})
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
        print(f"\nwritten: {place}")


def described(parts: Parts) -> dict[str, Any]:
    """The data of a result: name, classes with their counts, pictures in each part. No path."""
    labels = parts.data.labels
    counts = dict(zip(parts.data.labelset.names, np.bincount(labels).tolist(), strict=True))
    sizes = {part: len(rows) for part, rows in parts.rows.items()}
    found = {"name": Path(parts.data.name).name, "classes": counts, "parts": {**sizes, "test": len(parts.test)}}
    if parts.tested is not parts.data:
        found["test"] = Path(parts.tested.name).name
    return {**found, "fingerprint": parts.data.fingerprint()}


def main(run: Any) -> None:
    """Run a benchmark; what a user can mend is said in one line."""
    try:
        run()
    except MienError as error:
        raise SystemExit(str(error)) from None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(cell) if isinstance(cell, Figure) else cell for name, cell in row.items()}


def do_all(task: Callable[[Item], Found], items: Sequence[Item], workers: int | None = None) -> list[Found]:
    """What a task returns for each item, in their order; as many at once as there are cores, in processes of their own.

    Parameters
    ----------
    task : a function of a module. workers : how many processes, also where --quick needs none.
    """
    executor = Processes(workers) if workers else _executor
    results = executor.map(partial(_numbered, task), list(enumerate(items)))
    return [value for _, value in sorted(((result.item[0], result.value) for result in results), key=itemgetter(0))]


def _numbered(task: Callable[[Item], Found], pair: tuple[int, Item]) -> Found:
    return task(pair[1])


def keep(file: Path, measure: Callable[[], Any]) -> None:
    """Measure on one thread and keep what is found as JSON; nothing to do where it is kept already."""
    if file.exists():
        return
    one_thread()
    keep_freed_memory()
    with threadpool_limits(1):
        write_json(file, measure())


def commit() -> str:
    """The commit that the code is of, with "-dirty" where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    found = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
