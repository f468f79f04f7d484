"""A backbone from the Hugging Face hub, with a new head: `--base hub:NAME`. Only safetensors are read, no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.errors import UsageError
from mien.nets.network import Network
from mien.outside import import_optional

PREFIX = "hub:"
ELSEWHERE = ("auto_map", "attn_implementation", "dtype", "torch_dtype")
SIDE = 96
"""Pixels a side that pictures are enlarged to, for a backbone that names no size: those of 48 leave nothing to pool."""


class Pretrained(Network):
    """A pretrained backbone and a linear head on its pooled output. Made by :func:`of`, which names the backbone.

    Grey pictures are shown in all three channels. The backbone goes on learning, at a small rate.

    Parameters
    ----------
    classes, colours, known : see :class:`mien.nets.network.Classifier`.

    Attributes
    ----------
    source : name on the hub, or folder, of the backbone.
    config : what the backbone is made of, as plain values; empty where it is to be fetched with its weights.
    """

    layers: ClassVar[tuple[str, ...]] = ("hidden", "logits")
    largest_rate = 5e-4
    source: ClassVar[str] = ""
    config: Mapping[str, Any] = {}

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        self.backbone = (_made(self.config) if self.config else _fetched(self.source)).float()
        self.config = json.loads(self.backbone.config.to_json_string(use_diff=False))
        self.side = self.config.get("image_size") or SIDE
        self.dropout = nn.Dropout(0.3)
        self.logits = nn.Linear(self._width(), classes)

    def activations(self, pictures: Tensor) -> dict[str, Tensor]:
        hidden = self._hidden(self.normalised(pictures))
        return {"hidden": hidden, "logits": self.masked(self.logits(self.dropout(hidden)))}

    def _hidden(self, shown: Tensor) -> Tensor:
        if shown.shape[1] == 1:
            shown = shown.expand(-1, 3, -1, -1)
        sides = (self.side, self.side) if isinstance(self.side, int) else tuple(self.side)
        shown = functional.interpolate(shown, sides, mode="bilinear", align_corners=False, antialias=True)
        pooled: Tensor = self.backbone(shown).pooler_output
        return pooled.flatten(1)

    def _width(self) -> int:
        """The length of the pooled output, which every library's class has under another name."""
        self.backbone.eval()
        try:
            with torch.inference_mode():
                width = self._hidden(torch.zeros(1, 3, SIDE, SIDE)).shape[1]
        except (AttributeError, TypeError, ValueError, RuntimeError):
            cause = f"a {self.config.get('model_type')} gives no pooled output for a picture"
            remedy = "take a backbone for pictures, such as microsoft/resnet-18"
            raise UsageError(cause, place=f"--base {PREFIX}{self.source}", remedy=remedy) from None
        self.backbone.train()
        return int(width)


def of(source: str, config: Mapping[str, Any] | None = None) -> type[Pretrained]:
    """The base classifier on the backbone `source`; with its `config`, nothing is fetched and the weights are random.

    Examples
    --------
    >>> of("microsoft/resnet-18").source
    'microsoft/resnet-18'
    """
    return type("Pretrained", (Pretrained,), {"source": source, "config": dict(config or {})})


def without_weights(model: Pretrained) -> type[Pretrained]:
    """The class of a model, for one more of it that will be given its weights."""
    return of(model.source, model.config)


def _library() -> Any:
    transformers = import_optional("transformers", "transformers", "hub")
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _fetched(source: str) -> Any:
    library = _library()
    try:
        return library.AutoModel.from_pretrained(source, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        cause = f"cannot be had: {str(error).splitlines()[0]}"
        remedy = "connect once, or name a folder with config.json and model.safetensors: --base hub:FOLDER"
        raise UsageError(cause, place=f"--base {PREFIX}{source}", remedy=remedy) from None


def _made(config: Mapping[str, Any]) -> Any:
    library = _library()
    # what could make the library look for code elsewhere
    kinds = {key: value for key, value in config.items() if not key.startswith("_") and key not in ELSEWHERE}
    made = library.AutoConfig.for_model(**kinds)
    return library.AutoModel.from_config(made, trust_remote_code=False)
