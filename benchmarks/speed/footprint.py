"""What mien costs besides training: starting, drawing faces, memory."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import Figure, Result
from mien.data.faces import FaceSettings, draw

MIEN = [sys.executable, "-c", "from mien.cli import main; main()"]
WATCHED = """
import sys
from mien.cli import run
run(["--help"])
print("torch" in sys.modules, file=sys.stderr)
"""
PEAK = """
import resource, sys
from mien.cli import run
code = run(sys.argv[1:])
who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print(max(resource.getrusage(one).ru_maxrss for one in who), file=sys.stderr)
sys.exit(code)
"""


def help_seconds(result: Result) -> dict[str, object]:
    """`mien --help`, from start to end of the process."""
    times = []
    for _ in range(2 if result.options.quick else 7):
        start = time.perf_counter()
        subprocess.run([*MIEN, "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    loaded = subprocess.run([sys.executable, "-c", WATCHED], check=True, capture_output=True, text=True).stderr.split()
    result.figures["help_seconds"] = Figure.over(times, len(times))
    return {"what": "mien --help, seconds", "value": result.figures["help_seconds"], "torch loaded": loaded[-1]}


def faces_per_second(result: Result) -> dict[str, object]:
    """Drawn faces at 48×48, all cores."""
    count = 2000 if result.options.quick else 20_000
    draw(FaceSettings(n=500))
    rates = []
    for seed in range(1 if result.options.quick else 3):
        start = time.perf_counter()
        draw(FaceSettings(n=count, seed=seed))
        rates.append(count / (time.perf_counter() - start))
    result.figures["faces_per_second"] = Figure.over(rates, count)
    return {"what": "drawn faces a second, 48×48", "value": result.figures["faces_per_second"]}


def start_seconds(result: Result, source: str) -> dict[str, object]:
    """From the command to the first training step, pictures in the cache: to the first epoch's end, less that epoch."""
    times = []
    for _ in range(2 if result.options.quick else 4):
        with TemporaryDirectory() as folder:
            start = time.time()
            command = [*MIEN, "train", source, "--epochs", "1", "--out", f"{folder}/run"]
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            history = Path(folder, "run", "cells", "seed0", "full", "history.csv")
            while running.poll() is None and not history.exists():
                time.sleep(0.01)
            passed = time.time() - start
            running.terminate()
            running.wait()
            (epoch,) = csv.DictReader(history.read_text().splitlines())
            times.append(passed - float(epoch["seconds"]))
    times = times[1:]  # the first may have filled the cache
    result.figures["start_seconds"] = Figure.over(times, len(times))
    return {"what": "first training step after the command, seconds", "value": result.figures["start_seconds"]}


def memory(source: str, folder: Path, paths: list[Path]) -> list[dict[str, object]]:
    """Peak resident memory of training, and of labelling few and many pictures."""
    run = folder / "memory"
    trained = _peak(["train", source, "--epochs", "1", "--out", str(run)])
    rows: list[dict[str, object]] = [{"command": "mien train", "pictures": len(paths), "peak MiB": trained}]
    for count in sorted({min(1000, len(paths)), len(paths)}):
        chosen = [str(path) for path in paths[:count]]
        own = _peak(["predict", "--run", str(run), "--csv", *chosen])
        rows.append({"command": "mien predict", "pictures": count, "peak MiB": own})
    return rows


def _peak(arguments: list[str]) -> int:
    """Peak resident memory in MiB of a command's largest process."""
    done = subprocess.run([sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1]) // 1024
