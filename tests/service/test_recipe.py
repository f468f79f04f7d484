"""A new patch is made as the one in force was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from serving import Bars, pictures

import mien
from mien.deploy.predictor import Predictor
from mien.errors import UsageError
from mien.service.recipe import Recipe
from mien.service.settings import ServeSettings


def test_settings_of_the_patch_in_force() -> None:
    images, labels = pictures(700, 3)
    made = mien.correct(
        Bars(), (images, labels), ["lower"], budget=0.1, guarantee="expected", corrector="lda", assume_unseen=True
    )
    patch = made.patch_
    assert patch is not None
    recipe = Recipe.of(Predictor(Bars(), patch), ServeSettings(new_classes=("blank",)))
    assert recipe.settings.corrector == "lda" and recipe.policy == patch.policy and recipe.needed == 9
    assert recipe.targets == ("lower",) and recipe.new == ("blank",) and recipe.data is None
    about = {"settings": {"trained_on": ["/faces"], "layer": "rows", "fit_share": 0.7}}
    stored = replace(patch, about=about)
    recipe = Recipe.of(Predictor(Bars(), stored), ServeSettings())
    assert (recipe.settings.trained_on, recipe.settings.layer, recipe.settings.fit_share) == (("/faces",), "rows", 0.7)
    mine = Recipe.of(Predictor(Bars(), stored), ServeSettings(trained_on=("/others",)))
    assert mine.settings.trained_on == ("/others",)
    odd = Recipe.of(Predictor(Bars(), replace(patch, about={"settings": "none"})), ServeSettings())
    assert odd.settings.layer == ""


def test_without_a_patch_all_classes_are_corrected() -> None:
    recipe = Recipe.of(Predictor(Bars()), ServeSettings())
    assert recipe.targets == ("all",) and recipe.needed == 149 and recipe.settings.corrector == "nystroem"
    assert recipe.labelled(Bars()) is None


def test_labelled_data_are_read_as_mien_correct_reads_them(tmp_path: Path) -> None:
    from PIL import Image

    images, labels = pictures(90, 4)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "faces" / label
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    settings = ServeSettings(data=str(tmp_path / "faces"), trained_on=("unknown",))
    recipe = Recipe.of(Predictor(Bars()), settings)
    data = recipe.labelled(Bars())
    assert data is not None and len(data.pictures) == 90 and data.provenance.kind == "unknown"
    assert data.pictures.labelset.names == ("upper", "middle", "lower") and data.pictures.pictures.shape[1:] == (32, 32)
    assert recipe.about["data"]["source"] == str(tmp_path / "faces")
    unstated = Recipe.of(Predictor(Bars()), replace(settings, trained_on=()))
    with pytest.raises(UsageError, match="not known what the classifier was trained on"):
        unstated.labelled(Bars())


def test_a_patch_of_the_same_data_has_its_settings() -> None:
    images, labels = pictures(300, 3)
    patch = mien.correct(Bars(), (images, labels), ["lower"], budget=0.1, corrector="lda", assume_unseen=True).patch_
    assert patch is not None
    about = {"data": {"source": "/faces", "names": "1=upper", "unheard": 3}}
    recipe = Recipe.of(Predictor(Bars(), replace(patch, about=about)), ServeSettings(data="/faces"))
    assert recipe.data is not None and recipe.data.names == "1=upper"
    other = Recipe.of(Predictor(Bars(), replace(patch, about=about)), ServeSettings(data="/others"))
    assert other.data is not None and other.data.names == ""
