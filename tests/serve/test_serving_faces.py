"""A server that finds the faces of pictures: a row for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

pytest.importorskip("retinaface", reason="the extra faces is not installed")
from serving import Bars, make_patches, png

from mien.faces.settings import FinderSettings
from mien.serve.app import application
from mien.serve.guard import LOCAL, Limits
from mien.service.patches import PatchFolder
from mien.service.service import Service
from mien.service.settings import ServeSettings
from mien.service.store import open_store


@pytest.mark.filterwarnings("ignore")
def test_a_picture_has_a_row_for_each_face(real_data: Path, tmp_path: Path) -> None:
    faces = [Image.open(path).convert("RGB").resize((160, 160)) for path in _happy(real_data)[:2]]
    photo = Image.new("RGB", (640, 300), (90, 120, 90))
    for number, face in enumerate(faces):
        photo.paste(face, (60 + 300 * number, 70))
    make_patches(tmp_path / "patches")
    settings = ServeSettings(patch="first", finder=FinderSettings("retina"))

    def make(deliver: Any) -> Service:
        classifier = Bars()
        folder = PatchFolder(tmp_path / "patches", classifier)
        return Service(classifier, folder, open_store(tmp_path / "s.db"), settings, deliver)

    limits = Limits(frozenset({*LOCAL, "testserver"}))
    with TestClient(application(make, limits)) as client:
        as_png = {"content-type": "image/png"}
        rows = client.post("/predict", content=png(np.asarray(photo)), headers=as_png).json()["predictions"]
        assert [row["face"] for row in rows] == [1, 2]
        for number, row in enumerate(rows):
            left, top, right, bottom = row["box"]
            assert 60 + 300 * number <= (left + right) / 2 <= 220 + 300 * number and 70 < (top + bottom) / 2 < 230
            why = client.post(f"/explain?face={number + 1}", content=png(np.asarray(photo)), headers=as_png)
            assert why.json()["heat_map"]
        assert client.post("/explain?face=3", content=png(np.asarray(photo)), headers=as_png).status_code == 422
        empty = client.post("/predict?file=e.png", content=png(np.full((200, 200), 90, np.uint8)), headers=as_png)
        assert empty.json()["predictions"] == [{"file": "e.png", "status": "no_face"}]
        tensor = {"name": "images", "shape": [1, 300, 640, 3], "datatype": "UINT8", "data": np.asarray(photo).tolist()}
        outputs = client.post("/v2/models/mien/infer", json={"inputs": [tensor]}).json()["outputs"]
        assert next(each for each in outputs if each["name"] == "image")["data"] == [0, 0]


def _happy(real_data: Path) -> list[Path]:
    """Faces of FER+ that the detector finds: large ones, seen from the front."""
    from mien.data.load import load

    listed = load(str(real_data / "ferplus"))
    happiness = listed.labelset.names.index("happiness")
    return [Path(path) for path in listed.paths[listed.labels == happiness][:2].tolist()]
