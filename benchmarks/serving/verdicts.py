"""Verdicts while the server is killed: what it acknowledged, it still has."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.common import Figure, Result
from benchmarks.serving.client import BOUNDARY, form
from benchmarks.serving.material import Material
from benchmarks.serving.servers import Server, mien_server
from mien.service.store import open_store

CLIENTS = 4


def verdicts(result: Result, material: Material, folder: Path) -> None:
    """The figure `verdicts_lost`: acknowledged verdicts that are gone after kill -9, over many kills."""
    kills, acknowledged, lost = 2 if result.options.quick else 20, 0, 0
    for turn in range(kills):
        store = folder / f"killed-{turn}.db"
        with mien_server(material.base, store, "--patch", str(material.patches[0])) as server:
            told = _killed_while_told(server, material.jpegs, seconds=0.5 + 0.1 * turn)
        acknowledged += len(told)
        with open_store(store) as opened:
            kept = {row.prediction: row.label for row in opened.verdicts_since(limit=10**9)}
        lost += sum(kept.get(prediction) != label for prediction, label in told.items())
    result.figures["verdicts_lost"] = Figure(lost, lost, lost, acknowledged, ())
    result.table("Verdicts while the server is killed", [{"kills": kills, "acknowledged": acknowledged, "lost": lost}])


def _killed_while_told(server: Server, jpegs: tuple[bytes, ...], seconds: float) -> dict[str, str]:
    """Prediction → label of all verdicts that were acknowledged before the server was killed."""
    told: dict[str, str] = {}

    def tell() -> None:
        turn = 0
        while True:
            try:
                prediction = _predicted(server, jpegs[turn % len(jpegs)])
                label = ("neutral", "fear", "anger")[turn % 3]
                _post(server, "/feedback", "application/json",
                      json.dumps({"prediction": prediction, "label": label}).encode())  # fmt: skip
            except (OSError, HTTPException):
                return  # it was killed
            told[prediction] = label
            turn += 1

    threads = [threading.Thread(target=tell) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.kill()
    for thread in threads:
        thread.join()
    return told


def _predicted(server: Server, jpeg: bytes) -> str:
    body = form(jpeg, server.port).partition(b"\r\n\r\n")[2]
    answer = _post(server, "/predict", f"multipart/form-data; boundary={BOUNDARY}", body)
    return str(answer["predictions"][0]["prediction"])


def _post(server: Server, path: str, kind: str, body: bytes) -> dict[str, list[dict[str, object]]]:
    request = Request(server.url + path, data=body, headers={"Content-Type": kind}, method="POST")
    with urlopen(request, timeout=30) as answer:
        content: dict[str, list[dict[str, object]]] = json.loads(answer.read())
    return content
