"""What mien 0.1 stored is recognised: the digests in the fixture were computed by it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.certify.policy import Policy
from mien.data.picture import ImageSettings
from mien.data.prepare import DataSettings, prepare
from mien.nets.settings import AugmentSettings, TrainSettings
from mien.storage.first_edition import digest_then
from mien.storage.identity import identity
from mien.storage.old_names import SETTINGS

THEN = json.loads(
    (Path(__file__).parents[1] / "data_fixtures" / "before_second_edition" / "identities.json").read_text()
)


def now(given: dict[str, Any]) -> dict[str, Any]:
    named = {SETTINGS.get(name, name): value for name, value in given.items()}
    if "augment" in named:
        named["augment"] = AugmentSettings(**named["augment"])
    return named


@pytest.mark.parametrize(("given", "stored"), THEN["train"])
def test_a_training(given: dict[str, Any], stored: str) -> None:
    assert digest_then("f", "p", ImageSettings(), TrainSettings(**now(given)), 0, "full") == stored


@pytest.mark.parametrize(("given", "stored"), THEN["images"])
def test_sizes_of_pictures(given: dict[str, Any], stored: str) -> None:
    assert digest_then(ImageSettings(**now(given))) == stored


@pytest.mark.parametrize(("given", "policy", "stored"), THEN["compare"])
def test_a_comparison(given: dict[str, Any], policy: dict[str, Any], stored: str) -> None:
    assert digest_then(TrainSettings(**now(given)), Policy(**policy, aim="gain"), 101, ImageSettings()) == stored


@pytest.mark.parametrize(("source", "stored"), THEN["data"].items())
def test_drawn_faces_have_the_same_fingerprint_under_their_new_name(source: str, stored: str) -> None:
    assert prepare(DataSettings(source.replace("faces", "synthetic"))).fingerprint() == stored


def test_identities_of_today_are_others() -> None:
    given = {"images": ImageSettings(), "train": TrainSettings()}
    assert identity(**given) != identity(**{**given, "train": replace(TrainSettings(), low_res_share=0.4)})
    assert identity(**given) not in [stored for _, stored in THEN["train"]]
