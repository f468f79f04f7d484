"""The server over HTTP: predictions, verdicts, swaps, the watch, and what it refuses."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import CLASSES, Bars, make_patches, make_service, pictures, png
from starlette.testclient import TestClient
from starlette.types import Message

from mien.classifiers.contract import Batch
from mien.deploy.assessment import WatchSettings
from mien.deploy.predictor import Predictor
from mien.errors import OverloadError
from mien.serve.app import application
from mien.serve.guard import LOCAL, Limits
from mien.service.engine import Engine
from mien.service.patches import PatchFolder
from mien.service.settings import EngineSettings

HOSTS = frozenset({*LOCAL, "testserver"})
USUAL = Limits(HOSTS)
IMAGES, LABELS = pictures(30)
LOWER = next(image for image, label in zip(IMAGES, LABELS, strict=True) if label == "lower")
UPPER = next(image for image, label in zip(IMAGES, LABELS, strict=True) if label == "upper")


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patches")
    make_patches(folder)
    return folder


@contextmanager
def served(patches: Path, store: Path, limits: Limits = USUAL, **settings: Any) -> Iterator[TestClient]:
    settings.setdefault("patch", "first")

    def make(deliver: Any) -> Any:
        service = make_service(patches, store / "service.db", **settings)
        service.deliver = deliver
        return service

    with TestClient(application(make, limits), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(patches: Path, tmp_path: Path) -> Iterator[TestClient]:
    with served(patches, tmp_path) as client:
        yield client


def ask(client: TestClient, *images: np.ndarray, **fields: str) -> list[dict[str, Any]]:
    files = [("file", (f"{number}.png", png(image), "image/png")) for number, image in enumerate(images)]
    answer = client.post("/predict", files=files, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def refused(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == status and content["detail"] and content["title"]
    return content


def test_answers_are_those_of_the_predictor_in_every_form_of_a_request(client: TestClient) -> None:
    rows = ask(client, *IMAGES)
    classifier = Bars()
    outputs = Predictor(classifier).answer(Batch(IMAGES)).outputs
    assert [row["label"] for row in rows] == [CLASSES[answer] for answer in outputs.predicted]
    assert [list(row["probabilities"].values()) for row in rows] == outputs.probs.round(6).tolist()
    changed = [row for row in rows if row["overridden"]]
    assert changed and all(row["corrected"] == "lower" and row["score"] > row["threshold"] for row in changed)
    assert all(row["corrected"] == row["label"] for row in rows if not row["overridden"])
    content = [{"content": base64.b64encode(png(image)).decode(), "file": "a", "group": "g"} for image in IMAGES]
    again = client.post("/predict", json={"images": content}).json()["predictions"]
    whole = [
        client.post("/predict?file=x", content=png(image), headers={"content-type": "image/png"}) for image in IMAGES
    ]
    for row, other, alone in zip(rows, again, whole, strict=True):
        single = alone.json()["predictions"][0]
        for name in ("label", "corrected", "overridden", "probabilities", "patch"):
            assert row[name] == other[name] == single[name]
        assert (other["file"], other["group"], single["file"]) == ("a", "g", "x")
    ids = {row["prediction"] for row in rows} | {row["prediction"] for row in again}
    assert len(ids) == 60


def test_a_request_may_name_another_patch_or_none(client: TestClient) -> None:
    listed = {each["name"]: each for each in client.get("/patches").json()["patches"]}
    assert ask(client, LOWER)[0]["patch"] == listed["first"]["patch"]
    assert ask(client, LOWER, patch=listed["second"]["reference"])[0]["patch"] == listed["second"]["patch"]
    plain = ask(client, LOWER, patch="none")[0]
    assert plain["patch"] == "" and not plain["overridden"] and plain["score"] is None
    refused(client.post("/predict?patch=third", content=png(LOWER), headers={"content-type": "image/png"}), 400)


def test_a_patch_is_never_read_by_the_thread_that_all_requests_share(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, is_shared = PatchFolder.load, []

    def watched(folder: PatchFolder, reference: str) -> Predictor:
        is_shared.append(asyncio._get_running_loop() is not None)
        return load(folder, reference)

    monkeypatch.setattr(PatchFolder, "load", watched)
    assert ask(client, LOWER, patch="second")[0]["status"] == "ok"
    assert is_shared and not any(is_shared)


def test_shadows_are_answered_beside_and_kept(patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path, shadow=("second", "none")) as client:
        [row] = ask(client, LOWER)
        second, none = row["shadow"]
        assert second["patch"] != row["patch"] and none["patch"] == "" and none["corrected"] == row["label"]
        assert ask(client, LOWER, patch="second")[0]["score"] == pytest.approx(second["score"])
    service = make_service(patches, tmp_path / "service.db")
    assert service.store.counts()["shadows"] == 4
    service.store.close()


def test_why_a_picture_has_its_answer(patches: Path, tmp_path: Path) -> None:
    for image, label in zip(IMAGES, LABELS, strict=True):
        (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / label / f"{len(list((tmp_path / 'data' / label).iterdir()))}.png").write_bytes(png(image))
    with served(patches, tmp_path, data=str(tmp_path / "data")) as client:
        as_png = {"content-type": "image/png"}
        for _ in range(300):  # until the labelled pictures are read
            why = client.post("/explain", content=png(LOWER), headers=as_png).json()
            if why["nearest"]:
                break
            time.sleep(0.1)
        assert len(why["nearest"]) == 5 and why["nearest"][0]["distance"] == pytest.approx(0, abs=1e-6)
        assert why["nearest"][0]["label"] == "lower" and why["heat_map"].startswith("data:image/png;base64,")
        assert "overrides" in why["words"] and "by lower" in why["words"]
        plain = client.post("/explain?patch=none", content=png(LOWER), headers=as_png).json()
        assert "not overridden" in plain["words"] and plain["heat_map"] != why["heat_map"]
        refused(client.post("/explain", content=b"nothing", headers=as_png), 422)
        refused(client.post("/explain", files=[("file", ("a.png", png(LOWER), "image/png"))] * 2), 413)


def test_without_labelled_pictures_there_are_no_nearest_and_the_answer_has_the_reason(client: TestClient) -> None:
    why = client.post("/explain", content=png(UPPER), headers={"content-type": "image/png"}).json()
    assert why["nearest"] == [] and "--data" in why["without_nearest"]


def test_a_broken_picture_alone_is_an_error_and_among_others_a_row(client: TestClient) -> None:
    form = {"file": ("a.png", b"no picture", "image/png")}
    assert "no known picture format" in refused(client.post("/predict", files=form), 422)["detail"]
    files = [("file", ("a.png", png(UPPER), "image/png")), ("file", ("b.png", b"nothing", "image/png"))]
    good, bad = client.post("/predict", files=files).json()["predictions"]
    assert good["status"] == "ok" and bad["status"] == "unreadable" and bad["file"] == "b.png" and bad["error"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"x", 415), ("", b"x", 415), ("application/json", b"{", 400), ("application/json", b"[]", 400),
        ("application/json", b'{"images": []}', 400), ("application/json", b'{"images": [{"content": "?"}]}', 400),
        ("application/json", b'{"images": [{"content": 7}]}', 400), ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 400), ("multipart/form-data; boundary=b", b"", 400),
        ("image/png", b"", 422), ("application/json", b"[" * 100_000, 400),
        ("application/json", b'{"images": [' + b"{}," * 99 + b"{}]}", 413),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 99, 413),
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read(client: TestClient, kind: str, body: bytes, status: int) -> None:
    refused(client.post("/predict", content=body, headers={"content-type": kind}), status)


def test_limits_on_bytes_pixels_and_pictures(patches: Path, tmp_path: Path) -> None:
    limits = Limits(HOSTS, max_bytes=20_000)
    with served(patches, tmp_path, limits, engine=EngineSettings(max_pixels=0.01), max_images=2) as client:
        noise = np.random.default_rng(0).integers(0, 256, (150, 150), np.uint8)
        as_png = {"content-type": "image/png"}
        refused(client.post("/predict", content=png(noise), headers=as_png), 413)
        refused(client.post("/predict", content=iter([png(noise)[:15_000], png(noise)[15_000:]]), headers=as_png), 413)
        assert "0.01 million" in refused(client.post("/predict", content=png(noise * 0), headers=as_png), 422)["detail"]
        files = [("file", ("a.png", png(UPPER), "image/png"))] * 3
        refused(client.post("/predict", files=files), 413)


def test_verdicts_are_kept_once_and_those_on_nothing_are_refused(client: TestClient) -> None:
    [row] = ask(client, LOWER)
    verdict = {"prediction": row["prediction"], "label": "lower", "who": "Ann"}
    assert client.post("/feedback", json=verdict).json()["verdict"] == "new"
    assert client.post("/feedback", json=verdict).json()["verdict"] == "repeated"
    assert client.post("/feedback", json={**verdict, "label": "upper"}).json()["verdict"] == "changed"
    refused(client.post("/feedback", json={**verdict, "prediction": "nothing"}), 422)
    assert "did you mean 'lower'" in refused(client.post("/feedback", json={**verdict, "label": "lowr"}), 400)["remedy"]
    assert "openapi.json" in refused(client.post("/feedback", json={"label": "lower"}), 422)["remedy"]
    content = json.dumps(verdict)  # as curl -d sends it: as a form
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (
        "Content-Type: application/json"
        in refused(client.post("/feedback", content=content, headers=form), 422)["remedy"]
    )


def test_what_needs_a_verdict_is_listed_with_its_crop_where_crops_are_kept(patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path, keep="crop", audit=0.4) as client:
        rows = ask(client, *IMAGES)
        asked = {row["prediction"] for row in rows if row["overridden"] or row.get("audit")}
        assert 0 < len(asked) < 30
        client.post("/feedback", json={"prediction": rows[0]["prediction"], "label": "upper"})
        waiting = client.get("/feedback/open?limit=500").json()["open"]
        assert {each["prediction"] for each in waiting} == asked - {rows[0]["prediction"]}
        assert all(each["picture"].startswith("data:image/png;base64,") for each in waiting)


def test_a_swap_is_seen_by_the_next_request_and_can_be_taken_back(client: TestClient) -> None:
    before = client.get("/patches").json()
    second = next(each for each in before["patches"] if each["name"] == "second")
    after = client.post("/patches/swap", json={"patch": second["reference"], "reason": "better", "who": "Ann"}).json()
    assert after["patch"] == second["patch"] == ask(client, LOWER)[0]["patch"] and after["certificate"]["holds"]
    assert client.post("/patches/rollback", json={}).json()["patch"] == before["patch"]
    log = client.get("/patches/log").json()["log"]
    assert [entry["action"] for entry in log] == ["start", "swap", "roll back"] and log[1]["who"] == "Ann"
    refused(client.post("/patches/swap", json={"patch": "third"}), 400)
    refused(client.post("/patches/lift", json={}), 400)
    assert client.get("/patches").json()["patch"] == before["patch"]


def settled(client: TestClient) -> dict[str, Any]:
    """The watch as soon as it is not quiet: on a busy machine it is assessed less often."""
    until = time.monotonic() + 30
    while (seen := client.get("/watch").json())["standing"] == "quiet" and time.monotonic() < until:
        time.sleep(0.05)
    return dict(seen)


def test_an_alarm_silences_the_patch_and_a_person_lifts_that(patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path, on_alarm="silence", watch_every=1e6, watch=WatchSettings(0.01)) as client:
        assert client.get("/watch").json()["standing"] == "quiet"
        rows = [row for _ in range(15) for row in ask(client, *IMAGES) if row["overridden"]]
        for row in rows[:25]:  # each override took a right answer
            client.post("/feedback", json={"prediction": row["prediction"], "label": row["label"]})
        seen = settled(client)
        assert seen["standing"] == "alarm" and seen["harmed"] == 25 and seen["curve"][-1]["images"] == 450
        assert seen["answers"]["before"] != seen["answers"]["after"] and sum(seen["answers"]["after"].values()) == 450
        assert client.get("/watch").json()["restraint"]["action"] == "silence"
        assert not any(row["overridden"] for row in ask(client, *IMAGES))
        assert not any(row["overridden"] for row in ask(client, *IMAGES, patch="first"))  # also if it is named
        assert client.post("/patches/lift", json={"who": "Ann"}).json()["restraint"] is None
        assert client.get("/watch").json()["restraint"] is None  # the alarm stands, and restrains it no more
        assert any(row["overridden"] for row in ask(client, *IMAGES))


def test_without_a_patch_there_is_no_promise(patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path, patch="none") as client:
        assert client.get("/watch").json()["standing"] == "none"
        assert client.get("/patches").json()["certificate"] is None


def test_hosts_origins_and_tokens(patches: Path, tmp_path: Path) -> None:
    limits = Limits(HOSTS, frozenset({"https://faces.example"}), token="0123456789abcdef")
    with served(patches, tmp_path, limits) as client:
        token = {"authorization": "Bearer 0123456789abcdef"}
        refused(client.get("/patches"), 401)
        refused(client.get("/patches", headers={"authorization": "Bearer wrong"}), 401)
        refused(client.get("/patches", headers={"authorization": "Basic 0123456789abcdef"}), 401)
        assert client.get("/patches", headers=token).status_code == 200
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        refused(client.get("/patches", headers={**token, "host": "evil.example"}), 421)
        refused(client.get("/patches", headers={**token, "origin": "https://evil.example"}), 403)
        for origin in ("https://faces.example", "http://testserver"):
            assert client.get("/patches", headers={**token, "origin": origin}).status_code == 200


def test_pages_of_other_sites_that_are_named_may_send_requests_and_read_the_answers(
    patches: Path, tmp_path: Path
) -> None:
    limits = Limits(HOSTS, frozenset({"https://faces.example"}), token="0123456789abcdef")
    first = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    with served(patches, tmp_path, limits) as client:
        here = {"origin": "https://faces.example"}
        asked = client.options("/feedback", headers={**here, **first})  # as a browser does, without the token
        assert asked.status_code == 200 and "POST" in asked.headers["access-control-allow-methods"]
        for headers in (here, {**here, "authorization": "Bearer 0123456789abcdef"}):
            answer = client.get("/patches", headers=headers)
            assert answer.headers["access-control-allow-origin"] == "https://faces.example"
        assert answer.status_code == 200
        assert client.options("/feedback", headers={**first, "origin": "https://evil.example"}).status_code == 400
        assert "access-control-allow-origin" not in client.get("/healthz").headers


WITH_BODIES = ("/predict", "/explain", "/feedback", "/v2/models/mien/infer")


@pytest.mark.parametrize("path", WITH_BODIES)
def test_a_body_that_grows_too_large_has_its_status_wherever_it_is_sent(
    patches: Path, tmp_path: Path, path: str
) -> None:
    with served(patches, tmp_path, Limits(HOSTS, max_bytes=1000)) as client:
        as_json = {"content-type": "application/json"}
        refused(client.post(path, content=iter([b"{" + b" " * 900, b" " * 900]), headers=as_json), 413)


@pytest.mark.parametrize("path", WITH_BODIES)
def test_a_body_that_does_not_arrive_has_its_status_wherever_it_is_sent(
    patches: Path, tmp_path: Path, path: str
) -> None:
    service, sent = make_service(patches, tmp_path / "s.db"), []
    headers = [(b"host", b"testserver"), (b"content-type", b"application/json")]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "headers": headers,
             "query_string": b"", "scheme": "http", "server": ("testserver", 80)}  # fmt: skip

    async def receive() -> Message:
        await asyncio.sleep(30)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    app = application(lambda deliver: service, Limits(HOSTS, seconds=0.01))
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == json.loads(sent[1]["body"])["status"] == 408
    service.store.close()


def test_what_is_not_there_and_faults_have_one_form(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(client.get("/nothing"), 404)
    refused(client.delete("/patches"), 405)
    assert "openapi.json" in refused(client.get("/predict"), 405)["remedy"]
    monkeypatch.setattr("mien.serve.app.force", lambda service: 1 / 0)
    content = refused(client.get("/patches"), 500)
    assert "division" not in json.dumps(content)


def test_a_full_queue_is_status_503_with_a_time_to_retry(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(engine: Engine, questions: Any) -> None:
        raise OverloadError("256 pictures wait already", place="queue", remedy="try again in a moment")

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "submit", full)
        answer = client.post("/predict", files=[("file", ("a.png", png(UPPER), "image/png"))])
        assert "256 pictures wait" in refused(answer, 503)["detail"] and answer.headers["retry-after"] == "1"
    assert client.post("/predict", files=[("file", ("a.png", png(UPPER), "image/png"))]).status_code == 200


def test_the_open_inference_protocol(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True} and client.get("/v2/health/ready").status_code == 200
    about = client.get("/v2/models/mien").json()
    assert about["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 32, 32]}]
    rows = ask(client, *IMAGES[:4])
    flat, nested = IMAGES[:4].ravel().tolist(), IMAGES[:4].tolist()
    files = [base64.b64encode(png(image)).decode() for image in IMAGES[:4]]
    for data, shape, kind in ((flat, [4, 32, 32], "UINT8"), (nested, [4, 32, 32], "UINT8"), (files, [4], "BYTES")):
        tensor = {"name": "images", "shape": shape, "datatype": kind, "data": data}
        answer = client.post("/v2/models/mien/infer", json={"id": "7", "inputs": [tensor]}).json()
        outputs = {each["name"]: each for each in answer["outputs"]}
        assert answer["id"] == "7" and answer["model_version"] == rows[0]["patch"]
        assert outputs["corrected"]["data"] == [row["corrected"] for row in rows]
        assert outputs["probabilities"]["shape"] == [4, 3] and answer["parameters"]["classes"] == list(CLASSES)
    colour = {"name": "images", "shape": [1, 8, 8, 3], "datatype": "UINT8", "data": [128] * 192}
    assert client.post("/v2/models/mien/infer", json={"inputs": [colour]}).status_code == 200
    refused(client.get("/v2/models/other"), 404)


@pytest.mark.parametrize(
    ("shape", "kind", "data"),
    [
        ([1, 2, 2], "UINT8", [1, 2, 3]), ([1, 2, 2], "FP32", [0] * 4), ([1, 1, 2], "UINT8", [300, 0]),
        ([1, 1, 2], "UINT8", ["a", "b"]), ([0, 2, 2], "UINT8", []), ([1, 0, 2], "UINT8", []), ([], "UINT8", []),
        ([1], "BYTES", ["?"]), ([2], "BYTES", ["AA=="]), ([1, 2, 2], "UINT8", [[[1, 2], [3]]]),
        ([1, 1, 1], "UINT8", [10**30]), ([10**9, 1, 1], "UINT8", [1]), ([1, 2, 2], "UINT8", [0.5] * 4),
    ],
)  # fmt: skip
def test_tensors_that_make_no_pictures(client: TestClient, shape: list[int], kind: str, data: list[Any]) -> None:
    tensor = {"name": "images", "shape": shape, "datatype": kind, "data": data}
    answer = client.post("/v2/models/mien/infer", json={"inputs": [tensor]})
    assert 400 <= answer.status_code < 500 and answer.headers["content-type"] == "application/problem+json"


def test_a_store_that_is_removed_while_serving_makes_the_server_unready(patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path) as client:
        assert client.get("/readyz").status_code == 200
        (tmp_path / "service.db").rename(tmp_path / "elsewhere.db")
        assert "removed or exchanged" in refused(client.get("/readyz"), 503)["detail"]
        (tmp_path / "elsewhere.db").rename(tmp_path / "service.db")
        assert client.get("/readyz").status_code == 200


def test_a_reason_may_be_left_out(client: TestClient) -> None:
    client.post("/patches/swap", json={"patch": "none"})
    assert client.post("/patches/rollback").json()["in_force"].startswith("first@")
    log = client.get("/patches/log").json()["log"]
    assert log[-1]["reason"] == "" and log[-1]["time"].endswith("Z")


def test_figures_for_prometheus(client: TestClient) -> None:
    ask(client, *IMAGES)
    client.get("/nothing")
    text = client.get("/metrics").text
    assert 'mien_requests_total{path="/predict",status="200"} 1.0' in text and "mien_answers 30.0" in text
    assert 'mien_requests_total{path="other",status="404"} 1.0' in text
    assert client.get("/watch").json()["seconds"]["requests"] == 1


def test_the_description_has_every_endpoint(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {
        "/predict",
        "/feedback",
        "/patches",
        "/patches/swap",
        "/watch",
        "/v2/models/{name}/infer",
        "/readyz",
    } <= set(paths)
    assert set(paths["/predict"]["post"]["requestBody"]["content"]) >= {"multipart/form-data", "application/json"}
