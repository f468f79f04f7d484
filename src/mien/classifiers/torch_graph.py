"""A torch module from outside mien as a graph: the user names its code, its weights come from a file without code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from mien.classifiers.graph import ArrayInfo, LayerInfo, choose_layers
from mien.errors import DataError, RunError, UsageError
from mien.outside import words

OUTPUT = "output"
OPERATORS = {"Linear": "Gemm", "Conv2d": "Conv", "Softmax": "Softmax"}
"""Name of a torch module → ONNX's name of the operator; after all others a stage may end."""


class TorchGraph:
    """A torch module in evaluation mode.

    Parameters
    ----------
    source : the module; or "module:Name" of a function without parameters, or of a class, that makes it.
    weights : a safetensors file, or one that torch wrote, which is read with `weights_only`; None for the module as
        the factory makes it.

    Raises
    ------
    UsageError : the factory cannot be imported, or makes no module. RunError : weights that are missing, damaged, or of
        another module.
    """

    to_onnx = "write the module with torch.onnx.export"
    """How such a model becomes an ONNX file."""

    def __init__(self, source: str | torch.nn.Module, weights: Path | None = None) -> None:
        self.name = source if isinstance(source, str) else type(source).__name__
        self.files = () if weights is None else (weights,)
        self.module = _made(source) if isinstance(source, str) else deepcopy(source)
        if weights is not None:
            _load(self.module, weights)
        self.module.eval()
        self.input = ArrayInfo("input")
        self.outputs: tuple[ArrayInfo, ...] = (ArrayInfo(OUTPUT),)

    @cached_property
    def id(self) -> str:
        """Digest of the module's structure and of all weights."""
        state = hashlib.sha256(str(self.module).encode())
        for name, value in sorted(self.module.state_dict().items()):
            state.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
            state.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return state.hexdigest()[:16]

    def run(self, data: NDArray[Any], names: Sequence[str]) -> list[Any]:
        """The answers, and what the modules of these paths give, or read (PATH:input)."""
        shown: dict[str, Any] = {}
        hooks = [hook for name in set(names) - {OUTPUT} for hook in _hooked(self.module, name, shown)]
        try:
            with torch.inference_mode():
                answer = self.module(torch.from_numpy(np.array(data)))  # a copy, which the module may change
        except Exception as error:  # a module may raise anything
            cause = f"refuses an array of shape {data.shape}: {words(error)}"
            remedy = "declare the form that it reads: size, colours, layout"
            raise DataError(cause, place=self.name, remedy=remedy) from error
        finally:
            for hook in hooks:
                hook.remove()
        shown[OUTPUT] = _numpy(answer)
        return [shown.get(name) for name in names]

    def layers(self, probe: NDArray[Any], rows: int) -> tuple[LayerInfo, ...]:
        """The modules that a corrector may learn on, found by the shapes that they give for a probe."""
        paths = [path for path, module in self.module.named_modules() if path]
        reads = [f"{path}:input" for path in paths]
        values = dict(zip([*paths, *reads], self.run(probe, [*paths, *reads]), strict=True))
        by_path = dict(self.module.named_modules())
        kinds = {path: OPERATORS.get(type(by_path[path]).__name__, "Relu") for path in paths}
        feeds = [(kinds[path], f"{path}:input", [path]) for path in paths]
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return choose_layers(arrays, kinds, feeds, rows)


def _made(factory: str) -> torch.nn.Module:
    module, _, name = factory.partition(":")
    try:
        made = getattr(import_module(module), name)
        made = made() if callable(made) and not isinstance(made, torch.nn.Module) else made
    except (Exception, SystemExit) as error:  # an import runs code, which may raise anything
        remedy = "give module:Name of a function without parameters that makes the module"
        raise UsageError(words(error), place=factory, remedy=remedy) from error
    if not isinstance(made, torch.nn.Module):
        remedy = "give module:Name of a class or function that makes a torch.nn.Module"
        raise UsageError(f"makes a {type(made).__name__}, no torch module", place=factory, remedy=remedy)
    return made


def _load(module: torch.nn.Module, weights: Path) -> None:
    try:
        if weights.suffix == ".safetensors":
            state: Any = load_file(weights)
        else:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state) if isinstance(state, dict) else state
        module.load_state_dict(state)
    except Exception as error:  # torch, safetensors and the system raise anything
        cause = f"holds no weights of this module: {words(error)}"
        remedy = "give its weights as safetensors, or as a state_dict that torch.save wrote"
        raise RunError(cause, place=str(weights), remedy=remedy) from error


def _hooked(module: torch.nn.Module, name: str, shown: dict[str, Any]) -> list[Any]:
    """Hooks that keep what a part of the module gives, or reads."""
    path, _, reads = name.partition(":")
    part = module.get_submodule(path)

    def keep(values: Callable[..., Any], *arguments: Any) -> None:
        shown[name] = _numpy(values(*arguments))

    if reads:
        return [part.register_forward_pre_hook(partial(keep, lambda _, given: given[0] if given else None))]
    return [part.register_forward_hook(partial(keep, lambda _, __, given: given))]


def _numpy(value: Any) -> Any:
    value = value[0] if isinstance(value, tuple) and value else value
    return (
        value.detach().float().cpu().numpy() if isinstance(value, torch.Tensor) and value.is_floating_point() else None
    )
