"""Base classifiers on disk: model.safetensors and a card, model.json. Loading runs no code from the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

import mien.nets
from mien.data.picture import ImageSettings
from mien.data.provenance import FILE, TrainedOn
from mien.errors import AlignmentError, RunError, choice_error
from mien.nets.network import Network
from mien.nets.pretrained import PREFIX, Pretrained, of
from mien.outside import import_class
from mien.storage.artifact import Artifact
from mien.storage.files import AGAIN, as_storage_error, write_atomic
from mien.storage.first_edition import digest_then
from mien.storage.identity import identity
from mien.types import Bools

MODEL = Artifact("classifier", "model.json", 2, "mien train", headless=True)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
UNREADABLE = (OSError, SafetensorError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, ImportError)
"""Errors of damaged weights, and of a library that builds a backbone from a damaged configuration."""


@dataclass(frozen=True)
class ModelCard:
    """Description of a saved base classifier: what is necessary to build and use it.

    Attributes
    ----------
    base : name of the base, as for `--base`.
    classes, known : K class names, and K booleans, whether it was trained on each.
    size, colour, resize_mode : how pictures must be prepared (see mien.data.picture.ImageSettings).
    training : fingerprint of the data, the parts and the settings of its training.
    precision : "float32" or "bfloat16", the precision of training and predictions.
    flip_tta : whether outputs are means over a picture and its mirror image.
    config : configuration of a pretrained backbone, to build it without the hub; empty for other bases.
    """

    base: str
    classes: tuple[str, ...]
    known: tuple[bool, ...]
    size: int
    colour: bool
    resize_mode: str
    training: str = ""
    precision: str = "float32"
    flip_tta: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("classes", "known"):  # JSON has lists only
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.classes) != len(self.known):
            raise AlignmentError(f"{len(self.classes)} classes, {len(self.known)} known", place="ModelCard")
        if not isinstance(self.config, Mapping):
            raise AlignmentError("config is no table", place="ModelCard")
        if self.precision not in PRECISIONS:
            raise choice_error("precision", self.precision, PRECISIONS, place="ModelCard")
        _ = self.images  # raises for values that are not allowed

    @property
    def images(self) -> ImageSettings:
        """How pictures must be prepared."""
        return ImageSettings(self.size, self.colour, self.resize_mode)


def get_network(name: str, *, outside: bool = True, config: Mapping[str, Any] | None = None) -> type[Network]:
    """Return the base classifier `name`: an export of mien.nets, "hub:NAME" or (if `outside`) "module:Name".

    Parameters
    ----------
    config : configuration of the backbone "hub:NAME", which then has no downloaded weights.

    Examples
    --------
    >>> get_network("attention").__name__
    'Attention'
    """
    exported = {export.lower(): export for export in mien.nets.__all__}
    if name in exported:
        return getattr(mien.nets, exported[name])
    if name.startswith(PREFIX) and (outside or config):  # a file alone may not choose what is fetched
        return of(name.removeprefix(PREFIX), config)
    if ":" not in name or not outside:
        raise choice_error("base classifier", name, exported, place="--base" if outside else "model.json")
    return import_class(name, Network, place="--base")


def build(
    base: str, known: Bools, colour: bool, *, outside: bool = True, config: Mapping[str, Any] | None = None
) -> Network:
    """Build an untrained base classifier for K = len(known) classes."""
    return get_network(base, outside=outside, config=config)(
        classes=len(known), colours=3 if colour else 1, known=tuple(bool(flag) for flag in known)
    )


def parameters(model: Network) -> int:
    """Number of weights that training changes."""
    return sum(value.numel() for value in model.parameters() if value.requires_grad)


def precision_name(model: Network) -> str:
    """Name of the precision of a network, as in PRECISIONS."""
    return next(name for name, precision in PRECISIONS.items() if precision == model.precision)


def fingerprint(model: Network, card: ModelCard) -> str:
    """Identity of a classifier: a digest of its weights, classes, inputs and `flip_tta`."""
    return identity(
        base=card.base, classes=card.classes, known=card.known, images=card.images, flip_tta=model.flip_tta,
        weights=weights_of(model),
    )  # fmt: skip


def is_identity(stored: str, model: Network, card: ModelCard) -> bool:
    """Whether a stored identity, of this version or an earlier one, is that of this classifier."""
    earlier = (card.base, card.classes, card.known, card.images, model.flip_tta)
    return stored == fingerprint(model, card) or stored == digest_then(*earlier, *weights_of(model))


def weights_of(model: Network) -> list[NDArray[Any]]:
    """Weights and buffers of a network as float32 arrays."""
    return [value.detach().cpu().float().numpy() for value in model.state_dict().values()]


def save(model: Network, card: ModelCard, folder: Path, trained_on: TrainedOn | None = None) -> None:
    """Write model.safetensors, trained_on.npz and last model.json, so that a folder with a card is complete.

    The model sets `precision`, `flip_tta` and `config` of the card. Without `trained_on`, the record of the training
    pictures, `mien correct` needs --trained-on.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    write_atomic(folder / "model.safetensors", lambda file: file.write(save_tensors(tensors)))
    config = model.config if isinstance(model, Pretrained) else {}
    card = replace(card, precision=precision_name(model), flip_tta=model.flip_tta, config=config)
    model_id = fingerprint(model, card)
    if trained_on:
        trained_on.save(folder, model_id)
    else:
        (folder / FILE).unlink(missing_ok=True)  # of an earlier classifier in this folder
    MODEL.write(folder, {"id": model_id, **asdict(card)})


def load(folder: Path, *, base: str | None = None) -> tuple[Network, ModelCard]:
    """Read a base classifier back, in evaluation mode.

    A base from outside mien must be named again by the caller (`base`): a file alone may not choose what is imported.

    Raises
    ------
    RunError : the folder has no model, or weights and card do not fit.
    """
    with as_storage_error(folder / "model.json"):
        card = MODEL.read(folder).record(ModelCard)
        known = torch.tensor(card.known).numpy()
    try:
        model = build(base or card.base, known, card.colour, outside=base is not None, config=card.config)
        model.load_state_dict(load_tensors((folder / "model.safetensors").read_bytes()))
    except UNREADABLE as error:
        cause = f"the weights do not fit the card: {(str(error) or type(error).__name__).splitlines()[0]}"
        raise RunError(cause, place=str(folder), remedy=AGAIN) from None
    model.precision, model.flip_tta = PRECISIONS[card.precision], card.flip_tta
    return model.eval(), card
