"""mien serve as a process: several workers, stops, kills, tokens, environment variables, wrong usage."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Mien
from onnx_models import CLASSES, bars
from serving import png

import mien as library
from mien.serve.worker import ServerConfig, make_service
from mien.service.store import open_store
from mien.testing import example_bars

IMAGES, LABELS = example_bars(40, 7)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an adopted network and two patches beside it."""
    from mien.cli import run

    folder = tmp_path_factory.mktemp("served")
    model = bars(folder / "bars.onnx")
    flags = ["--classes", ",".join(CLASSES), "--scaling", "0..1", "--out", str(folder / "base")]
    assert run(["adopt", str(model), *flags]) == 0
    images, labels = example_bars(600, 1)
    names = [CLASSES[label] for label in labels]
    for name, corrector in (("first", "logistic"), ("second", "lda")):
        library.correct(
            folder / "base", (images, names), ["right"], corrector=corrector, budget=0.1, assume_unseen=True
        ).save(folder / "patches" / f"{name}.patch")
    return folder


@dataclass
class Served:
    """A server that runs as a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def ask(self, image: Any = IMAGES[0], **options: Any) -> dict[str, Any]:
        files = {"file": ("a.png", png(image), "image/png")}
        answer = httpx.post(f"{self.url}/predict", files=files, timeout=30, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["predictions"][0]

    def post(self, path: str, **content: Any) -> Any:
        return httpx.post(self.url + path, json=content, timeout=30).json()


@contextmanager
def served(base: Path, store: Path, *flags: str, **environment: str) -> Iterator[Served]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [sys.executable, "-m", "mien", "serve", str(base / "base"), "--patches", str(base / "patches")]
    command += ["--store", str(store), "--port", str(port), *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}
    )
    server = Served(process, f"http://127.0.0.1:{port}")
    try:
        for _ in range(600):
            try:
                assert httpx.get(f"{server.url}/readyz").status_code == 200
                break
            except httpx.TransportError:
                assert process.poll() is None, process.stdout and process.stdout.read()
                time.sleep(0.1)
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes in /proc")
def test_several_workers_follow_one_swap_and_end_together(base: Path, tmp_path: Path) -> None:
    with served(base, tmp_path / "s.db", "--patch", "first", "--workers", "2") as server:
        first = server.ask()["patch"]
        second = server.post("/patches/swap", patch="second")["patch"]
        assert first and second and first != second
        deadline = time.monotonic() + 30
        while {server.ask()["patch"] for _ in range(20)} != {second}:  # each request is a connection of its own
            assert time.monotonic() < deadline
        prediction = server.ask()["prediction"]
        for _ in range(10):  # whichever worker is asked
            assert server.post("/feedback", prediction=prediction, label="left")["verdict"] in ("new", "repeated")
        workers = [pid for pid in children(server.process) if "multiprocessing.spawn" in command_of(pid)]
        server.process.terminate()
        assert server.process.wait(30) == 0
        assert len(workers) == 2 and not any(map(is_running, workers))
    with open_store(tmp_path / "s.db") as store:
        assert [entry.action for entry in store.patch_log()] == ["start", "swap"]
        assert store.counts()["verdicts"] == 1


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes in /proc")
def test_workers_end_with_a_parent_that_is_killed_and_one_that_dies_is_replaced(base: Path, tmp_path: Path) -> None:
    with served(base, tmp_path / "s.db", "--workers", "2") as server:
        workers = [pid for pid in children(server.process) if "multiprocessing.spawn" in command_of(pid)]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        assert server.ask()["label"]
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + 30
        while any(map(is_running, workers)):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def test_acknowledged_verdicts_survive_a_kill(base: Path, tmp_path: Path) -> None:
    told = []
    with served(base, tmp_path / "s.db", "--patch", "first") as server:
        for image in IMAGES:
            prediction = server.ask(image)["prediction"]
            assert server.post("/feedback", prediction=prediction, label="left")["verdict"] == "new"
            told.append(prediction)
        server.process.kill()
    with open_store(tmp_path / "s.db") as store:
        assert {row.prediction for row in store.verdicts_since()} == set(told)
    with served(base, tmp_path / "s.db") as server:
        assert server.ask()["patch"]  # what was in force is in force again
        assert server.post("/feedback", prediction=told[0], label="left")["verdict"] == "repeated"


def test_a_server_that_is_asked_to_stop_writes_all_decisions_first(base: Path, tmp_path: Path) -> None:
    with served(base, tmp_path / "s.db") as server:
        for image in IMAGES:
            server.ask(image)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
    with open_store(tmp_path / "s.db") as store:
        assert store.counts()["decisions"] == len(IMAGES)


def test_each_setting_is_an_environment_variable_and_the_token_is_asked_for(base: Path, tmp_path: Path) -> None:
    token = "0123456789abcdef"
    (tmp_path / "token").write_text(token + "\n")
    flags = ("--token-file", str(tmp_path / "token"))
    with served(base, tmp_path / "s.db", *flags, MIEN_SERVE_MAX_IMAGES="1", MIEN_SERVE_PATCH="second") as server:
        allowed = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{server.url}/patches").status_code == 401
        patches = httpx.get(f"{server.url}/patches", headers=allowed).json()
        assert patches["in_force"].startswith("second@")
        files = [("file", ("a.png", png(IMAGES[0]), "image/png"))] * 2
        assert httpx.post(f"{server.url}/predict", files=files, headers=allowed).status_code == 413
        server.process.send_signal(signal.SIGINT)
        output, _ = server.process.communicate(timeout=30)
        assert token not in output and "Traceback" not in output


def test_a_worker_follows_the_log_so_that_a_later_one_takes_no_swap_back(
    mien: Mien, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs: list[ServerConfig] = []
    monkeypatch.setattr("mien.serve.worker.serve", lambda config, sock, workers: configs.append(config))
    flags = ("--patches", base / "patches", "--patch", "first", "--store", tmp_path / "s.db", "--port", 0)
    assert mien("serve", base / "base", *flags).code == 0
    [config] = configs
    first = make_service(config)
    first.in_force.start(config.settings.patch or None)
    assert first.in_force.now.name == "first"
    first.in_force.swap("second")
    later = make_service(config)
    later.in_force.start(config.settings.patch or None)
    assert later.in_force.now.name == "second"
    for service in (first, later):
        service.store.close()


def test_a_host_of_ipv6_is_reached_under_its_address() -> None:
    limits = ServerConfig("base", "s.db", host="fe80::1").limits
    assert "[fe80::1]" in limits.hosts


def test_wrong_usage_is_told_before_anything_is_served(
    mien: Mien, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, store = base / "base", ("--port", 0, "--store", tmp_path / "s.db")
    mien("serve", tmp_path / "nowhere", *store).refused(1, "nowhere")
    mien("serve", base / "bars.onnx", *store).refused(2, "mien adopt")
    mien("serve", place, "--patch", "third", *store).refused(2, "third")
    mien("serve", place, "--shadow", "third", *store).refused(2, "third")
    mien("serve", place, "--port", 0, "--store", "mysql://host/db").refused(2, "mysql")
    mien("serve", place, "--port", 0, "--store", "").refused(2, "names no file")
    mien("serve", place, "--keep", "all", *store).refused(2, "keep")
    mien("serve", place, "--host", "", *store).refused(2, "--host")
    mien("serve", place, "--patches", tmp_path / "nowhere", *store).refused(2, "--patches")
    mien("serve", place, "--onnxruntime-web", tmp_path, *store).refused(2, "--static")
    monkeypatch.setenv("MIEN_SERVE_TOKEN", "short")
    mien("serve", place, *store).refused(2, "MIEN_SERVE_TOKEN", "holds no token")
    monkeypatch.delenv("MIEN_SERVE_TOKEN")
    (tmp_path / "token").write_text("short")
    mien("serve", place, "--token-file", tmp_path / "token", *store).refused(2, "holds no token")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        mien("serve", place, *store, "--port", sock.getsockname()[1]).refused(2, "in use")
    damaged = tmp_path / "patches" / "damaged.patch"
    damaged.mkdir(parents=True)
    (damaged / "patch.json").write_text(json.dumps({"kind": "patch"}))
    mien("serve", place, "--patch", damaged, *store).refused(1, "damaged.patch")


def test_a_classifier_of_tables_is_not_served(mien: Mien, tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io", reason="the extra foreign is not installed")
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    skops.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), tmp_path / "iris.skops")
    assert mien("adopt", tmp_path / "iris.skops", "--out", tmp_path / "iris").code == 0
    mien("serve", tmp_path / "iris", "--store", tmp_path / "s.db").refused(2, "pictures alone are served")
