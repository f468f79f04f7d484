"""The loop over HTTP: answers, verdicts, a new patch, its proposal, its swap, and what has become better."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving import Bars, make_service, pictures, png
from starlette.testclient import TestClient

from mien.classifiers.contract import Batch
from mien.serve.app import application
from mien.serve.guard import LOCAL, Limits

LIMITS = Limits(frozenset({*LOCAL, "testserver"}))
IMAGES, LABELS = pictures(800, 21)
NEW, TRUTH = pictures(120, 22)


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[TestClient]:
    (folder / "patches").mkdir(exist_ok=True)
    usual = {"keep": "crop", "patch": "none", "refit_after": 700, **settings}

    def make(deliver: Any) -> Any:
        service = make_service(folder / "patches", folder / "service.db", **usual)
        service.deliver = deliver
        return service

    with TestClient(application(make, LIMITS), raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, images: Any, **fields: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for start in range(0, len(images), 60):
        files = [("file", ("a.png", png(image), "image/png")) for image in images[start : start + 60]]
        answer = client.post("/predict", files=files, data=fields)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["predictions"]
    return rows


def teach(client: TestClient, count: int = 800) -> None:
    rows = ask(client, IMAGES[:count])
    for row, label in zip(rows, LABELS, strict=False):
        answer = client.post("/feedback", json={"prediction": row["prediction"], "label": label, "who": "Ann"})
        assert answer.status_code == 200, answer.text


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 90
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return result


def log(client: TestClient) -> list[dict[str, Any]]:
    return client.get("/patches/log").json()["log"]


def recall(rows: list[dict[str, Any]], name: str) -> float:
    mine = [row["corrected"] == name for row, label in zip(rows, TRUTH, strict=True) if label == name]
    return sum(mine) / len(mine)


def test_verdicts_teach_a_class_and_the_policy_swaps(tmp_path: Path) -> None:
    with served(tmp_path, audit=1.0, swap="better") as client:
        teach(client)
        refits = until(lambda: [entry for entry in log(client) if entry["action"] in ("propose", "refit")])
        outputs = Bars().outputs(Batch(NEW))
        swap = until(lambda: [entry for entry in log(client) if entry["action"] == "swap"])[0]
        assert refits[0]["patch"] == swap["patch"] and refits[0]["certificate"]["comparison"]["p"] < 0.05
        assert swap["who"] == "mien" and swap["certificate"]["holds"] and "held-out" in swap["reason"]
        until(lambda: client.get("/patches").json()["patch"] == swap["patch"])
        before, after = ask(client, NEW, patch="none"), ask(client, NEW)
        assert recall(before, "lower") == 0
        assert recall(after, "lower") > 0.9
        right = [row["label"] == label for row, label in zip(before, TRUTH, strict=True)]
        lost = [row["corrected"] != label for row, label in zip(after, TRUTH, strict=True)]
        harmed = sum(was and is_lost for was, is_lost in zip(right, lost, strict=True))
        assert harmed <= 0.02 * sum(right) + 1
        for first, second, probs in zip(before, after, outputs.probs.round(6).tolist(), strict=True):
            assert first["label"] == second["label"] and list(second["probabilities"].values()) == probs
        assert client.get("/patches/proposals").json()["proposals"] == []
        assert client.post("/patches/rollback", json={}).json()["patch"] == ""


def test_answers_stay_bit_equal_while_a_patch_is_made(tmp_path: Path) -> None:
    with served(tmp_path, audit=1.0, refit_after=0) as client:
        teach(client, 400)
        quiet = [{**row, "prediction": "", "time": "", "audit": ""} for row in ask(client, NEW)]
        assert client.post("/patches/refit").status_code == 202
        rounds = 0
        while client.get("/patches/proposals").json()["running"]:
            busy = [{**row, "prediction": "", "time": "", "audit": ""} for row in ask(client, NEW)]
            assert busy == quiet
            rounds += 1
        assert rounds > 0


def test_a_person_swaps_or_declines(tmp_path: Path) -> None:
    with served(tmp_path, audit=1.0) as client:
        teach(client)
        [proposal] = until(lambda: client.get("/patches/proposals").json()["proposals"])
        assert proposal["action"] == "propose" and proposal["certificate"]["comparison"]["repaired"] > 20
        assert proposal["certificate"]["comparison"]["recall"]["lower"][0] == 0
        assert "certified" in proposal["reason"] and client.get("/patches").json()["patch"] == ""
        time.sleep(0.2)
        assert [entry["action"] for entry in log(client)] == ["start", "propose"]
        declined = client.post("/patches/decline", json={"patch": proposal["reference"], "reason": "no", "who": "Ann"})
        assert declined.status_code == 200 and declined.json()["proposals"] == []
        assert client.post("/patches/decline", json={"patch": proposal["reference"]}).status_code == 400
        until(lambda: not client.get("/patches/proposals").json()["running"])
        assert client.post("/patches/refit").status_code == 202
        again = until(lambda: client.get("/patches/proposals").json()["proposals"])[0]
        assert again["patch"] == proposal["patch"] and again["reference"] != proposal["reference"]
        swapped = client.post("/patches/swap", json={"patch": again["reference"], "who": "Ann"})
        assert swapped.status_code == 200 and swapped.json()["patch"] == again["patch"]
        assert client.get("/patches/proposals").json()["proposals"] == []
        assert [entry["action"] for entry in log(client)] == ["start", "propose", "decline", "propose", "swap"]


def test_chosen_verdicts_alone_certify_nothing_and_are_never_swapped(tmp_path: Path) -> None:
    with served(tmp_path, swap="better") as client:
        teach(client)
        shown = until(lambda: client.get("/patches/proposals").json()["last"])
        assert shown["action"] == "refit" and "no random sample" in shown["reason"] and shown["patch"] == ""
        assert client.get("/patches/proposals").json()["verdicts"] < 700
        assert [entry["action"] for entry in log(client)] == ["start", "refit"]
        assert list((tmp_path / "patches").iterdir()) == []


def test_without_crops_no_patch_can_be_made(tmp_path: Path) -> None:
    with served(tmp_path, keep="none", refit_after=0) as client:
        answer = client.post("/patches/refit")
        assert answer.status_code == 400 and "without pictures" in answer.json()["detail"]
        assert {"/patches/proposals", "/patches/refit", "/patches/decline"} <= set(
            client.get("/openapi.json").json()["paths"]
        )
        assert client.get("/patches/proposals").json()["running"] is False
