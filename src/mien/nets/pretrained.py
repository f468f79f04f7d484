"""Pretrained backbones from the Hugging Face hub with a new head: `--base hub:NAME`; no code is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mien.errors import UsageError
from mien.nets.augment import resized
from mien.nets.network import Network
from mien.outside import import_optional

PREFIX = "hub:"
REMOTE_KEYS = ("auto_map", "attn_implementation", "dtype", "torch_dtype")
SIDE = 96
"""Side in pixels to which pictures are resized for a backbone without a size; 48 would leave nothing to pool."""


class Pretrained(Network):
    """A pretrained backbone with a linear head on its pooled output; :func:`of` makes a class for a backbone.

    Grey pictures fill all three channels. The backbone is trained too, with a small learning rate.

    Attributes
    ----------
    source : name of the backbone on the hub, or its folder.
    config : configuration of the backbone as plain values; if empty, it is downloaded with the weights.
    """

    layers: ClassVar[tuple[str, ...]] = ("hidden", "logits")
    largest_rate = 5e-4
    source: ClassVar[str] = ""
    config: Mapping[str, Any] = {}

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        self.backbone = (_from_config(self.config) if self.config else _downloaded(self.source)).float()
        self.config = json.loads(self.backbone.config.to_json_string(use_diff=False))
        self.side = self.config.get("image_size") or SIDE
        self.dropout = nn.Dropout(0.3)
        self.logits = nn.Linear(self._width(), classes)

    def activations(self, pictures: Tensor) -> dict[str, Tensor]:
        hidden = self._hidden(self.normalised(pictures))
        return {"hidden": hidden, "logits": self.masked(self.logits(self.dropout(hidden)))}

    def _hidden(self, pictures: Tensor) -> Tensor:
        if pictures.shape[1] == 1:
            pictures = pictures.expand(-1, 3, -1, -1)
        sides = (self.side, self.side) if isinstance(self.side, int) else tuple(self.side)
        pooled: Tensor = self.backbone(resized(pictures, sides)).pooler_output
        return pooled.flatten(1)

    def _width(self) -> int:
        """Width of the pooled output, measured because each backbone class names it differently."""
        self.backbone.eval()
        try:
            with torch.inference_mode():
                width = self._hidden(torch.zeros(1, 3, SIDE, SIDE)).shape[1]
        except (AttributeError, TypeError, ValueError, RuntimeError):
            cause = f"a backbone of type {self.config.get('model_type')} gives no pooled output for a picture"
            remedy = "choose a backbone for pictures, such as microsoft/resnet-18"
            raise UsageError(cause, place=f"--base {PREFIX}{self.source}", remedy=remedy) from None
        self.backbone.train()
        return int(width)


def of(source: str, config: Mapping[str, Any] | None = None) -> type[Pretrained]:
    """Make a base classifier on the backbone `source`; with `config` given, its weights are random, not downloaded.

    Examples
    --------
    >>> of("microsoft/resnet-18").source
    'microsoft/resnet-18'
    """
    return type("Pretrained", (Pretrained,), {"source": source, "config": dict(config or {})})


def _library() -> Any:
    transformers = import_optional("transformers", "transformers", "hub")
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _downloaded(source: str) -> Any:
    library = _library()
    try:
        return library.AutoModel.from_pretrained(source, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        cause = f"cannot be downloaded or read: {str(error).splitlines()[0]}"
        remedy = "connect once, or give a folder with config.json and model.safetensors: --base hub:FOLDER"
        raise UsageError(cause, place=f"--base {PREFIX}{source}", remedy=remedy) from None


def _from_config(config: Mapping[str, Any]) -> Any:
    library = _library()
    # leave out keys by which the library could load code from elsewhere
    safe = {key: value for key, value in config.items() if not key.startswith("_") and key not in REMOTE_KEYS}
    return library.AutoModel.from_config(library.AutoConfig.for_model(**safe), trust_remote_code=False)
